#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# One step of `git bisect run`: is the commit that is checked out here good? Run where the bisected
# repository is; a kernel's own, or one whose commits name kernels or change what is in the appliance.
#
# Usage: scripts/bisect.sh [OPTION...] -- [SCENARIO] [RUN-ARGUMENT...]
#   --kernel KERNEL  the kernel, as `crashlab build` takes it; default: the directory one is in
#   --kernel-in FILE the kernel that the first line of FILE, a file of the commit, names
#   --build COMMAND  what builds the commit, before
#   --overlay DIR    a directory of the commit, to go on top of the appliance's files: images `bisect`,
#                    which the scenario's cases name (images = bisect)
#   --bad LIST       outcomes that make the commit bad; default: FAIL
#   --tries N        how often a case is run that ends neither so nor as expected; default: 3
#   --results DIR    where the runs go; default: build/bisect
#   RUN-ARGUMENT     of `crashlab run`
#
# Exit status, as git bisect takes it: 0 every case ended as expected; 1 one was bad; 125 it cannot be
# told: the commit cannot be built or booted, or some case ended otherwise at every try; 255, which
# ends the bisection: bad usage, or interrupted.
#
#   git bisect start BAD GOOD
#   git bisect run ~/crashlab/scripts/bisect.sh --build 'make olddefconfig && make -j8' -- main --vendor svm
set -eu

. "$(dirname "$0")/lib.sh"

good=0 bad=1 unknown=125 end=255
crashlab=$build/bin/crashlab

# bisect_usage: any other status, 64 too, would tell git that the commit is bad
bisect_usage()
{
	(usage) || exit $end
}

# tell STATUS TEXT: and end
tell()
{
	say "$2"
	exit "$1"
}

build_commit()
{
	if [ -n "$command" ]; then
		sh -c "$command" >&2 || tell $unknown "skip: it cannot be built"
	fi
	if [ -n "$kernel_in" ]; then
		kernel=$(head -n 1 "$kernel_in" 2>/dev/null) || tell $unknown "skip: no $kernel_in"
	fi
	if [ -n "$overlay" ]; then
		[ -d "$overlay" ] || tell $unknown "skip: no $overlay"
		set -- --overlay "$(absolute "$overlay")" --name bisect
	fi
	name=$("$crashlab" build "$@" -- "$kernel") || tell $unknown "skip: no images of $kernel"
}

# run_cases ARGUMENT...: one run; its cases are in $work/cases then, "NAME OUTCOME AS-EXPECTED" a line
run_cases()
{
	status=0
	"$crashlab" run "$@" --kernel "$name" --results "$results" >&2 || status=$?
	[ $status != 64 ] || exit $end
	sqlite3 -readonly -separator ' ' "$results/crashlab.db" "
		SELECT name, coalesce(outcome, 'not-run'), as_expected FROM cases
		WHERE run = (SELECT run FROM run ORDER BY rowid DESC LIMIT 1)" >"$work/cases"
}

# decide: a case that is bad ends all; $left becomes the names of those that did not end as expected
decide()
{
	found=$(awk -v bad=",$outcomes," '$3 != 1 && index(bad, "," $2 ",") { print $1 " is " $2; exit }' "$work/cases")
	[ -z "$found" ] || tell $bad "bad: $found"
	left=$(awk '$3 != 1 { print $1 }' "$work/cases" | sort -u)
}

# judge SCENARIO-AND-ARGUMENTS...
judge()
{
	run_cases "$@"
	decide
	try=1
	while [ -n "$left" ] && [ $try -lt "$tries" ]; do
		try=$((try + 1))
		say "try $try: $(echo "$left" | tr '\n' ' ')"
		next=
		for case in $left; do
			run_cases "$@" --case "$case"
			decide
			next="$next $left"
		done
		left=$(echo "$next" | tr ' ' '\n' | sed '/^$/d')
	done
	[ -z "$left" ] || tell $unknown "skip: it cannot be told after $try tries: $(echo "$left" | tr '\n' ' ')"
	tell $good "good: every case ended as expected"
}

kernel=$PWD/
kernel_in='' command='' overlay=''
outcomes=FAIL tries=3
results=$build/bisect
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	[ $# -ge 2 ] || bisect_usage
	case $1 in
	--kernel) kernel=$2 ;;
	--kernel-in) kernel_in=$2 ;;
	--build) command=$2 ;;
	--overlay) overlay=$2 ;;
	--bad) outcomes=$2 ;;
	--tries) tries=$2 ;;
	--results) results=$2 ;;
	*) bisect_usage ;;
	esac
	shift 2
done
[ "${1-}" = -- ] || bisect_usage
shift
case $tries in
'' | *[!0-9]*) bisect_usage ;;
esac
[ -x "$crashlab" ] || tell $end "no $crashlab: run make first"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit $end' INT TERM HUP
build_commit
judge "$@"
