#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# How long verify_vmcs takes, and how much memory, against others asked about the same dump in the
# same run. Prints one line a program: the best of three runs, and its ratio to verify_vmcs.
#
# Usage: bench/verify.sh [--base PROGRAM] [--vmlinux FILE] DUMP...
#   --base     another build of verify_vmcs, for a change's ratio
#   --vmlinux  the kernel with debuginfo (usr/lib/debug/boot/vmlinux-* of a -dbg package); without
#              it crash and drgn can tell nothing and are left out
#
# crash and drgn (packages crash and python3-drgn) are asked for less than verify_vmcs answers: each
# CPU's stack and CR4 shadow. Instructions need valgrind and are counted for verify_vmcs and --base.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
program=${VERIFY_VMCS:-$here/../build/bin/verify_vmcs}
runs=3

usage()
{
	sed -n '/^# Usage/,/^#$/{/^#$/d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 64
}

ask_verify()
{
	"$program" "$1"
}

ask_base()
{
	"$base" "$1"
}

ask_crash()
{
	printf 'bt -a\np cpu_tlbstate.cr4:a\nquit\n' | crash -s "$vmlinux" "$1"
}

ask_drgn()
{
	/usr/bin/python3 "$here/verify_drgn.py" "$vmlinux" "$1"
}

# measure NAME DUMP: best seconds and kilobytes; a status above 2 is a failure
measure()
{
	for _ in $(seq $runs); do
		status=0
		/usr/bin/time -q -o "$work/time" -f '%e %M' "$0" --ask "$1" "$2" \
			>"$work/$1.out" 2>"$work/$1.err" || status=$?
		[ $status -le 2 ] || return 1
		cat "$work/time"
	done | sort -n | head -n 1 >"$work/$1.best"
	[ -s "$work/$1.best" ]
}

instructions()
{
	command -v valgrind >/dev/null || return 0
	# A base from before the sandbox has no option to do without; the child's count is the larger one.
	sandbox=--no-sandbox
	"$1" --help | grep -q -e $sandbox || sandbox=
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1" $sandbox "$2" 2>&1 >/dev/null |
		sed -n 's/.*refs: *//p' | tr -d , | sort -n | tail -n 1
}

# row NAME DUMP [PROGRAM]
row()
{
	if ! measure "$1" "$2"; then
		printf '%-12s failed: %s\n' "$1" "$(tail -n 1 "$work/$1.err")"
		return
	fi
	count=$([ $# -lt 3 ] || instructions "$3" "$2")
	echo "$(cat "$work/$1.best") ${count:-0}" >"$work/$1.row"
	awk -v name="$1" 'NR == 1 { s = $1; m = $2; n = $3; next }
		{ printf "%-12s %7.2f s %6.1fx   %7.1f MB %6.1fx", name, $1, $1 / (s ? s : 0.01), $2 / 1024, $2 / m
		  if ($3 && n) printf "   %7.1f M instructions %5.2fx", $3 / 1e6, $3 / n
		  print "" }' "$work/verify.row" "$work/$1.row"
}

bench()
{
	echo "$(basename "$1"), $(du -m "$1" | cut -f 1) MB:"
	row verify "$1" "$program"
	[ -z "$base" ] || row base "$1" "$base"
	if [ -z "$vmlinux" ]; then
		return
	fi
	! command -v crash >/dev/null || row crash "$1"
	! /usr/bin/python3 -c 'import drgn' 2>/dev/null || row drgn "$1"
}

base=${BENCH_BASE:-}
vmlinux=${BENCH_VMLINUX:-}
while [ $# -gt 0 ]; do
	case $1 in
	--base) base=$2 && shift 2 ;;
	--vmlinux) vmlinux=$2 && shift 2 ;;
	--ask) # for itself, under time(1)
		"ask_$2" "$3"
		exit
		;;
	-*) usage ;;
	*) break ;;
	esac
done
[ $# -gt 0 ] || usage
export BENCH_BASE="$base" BENCH_VMLINUX="$vmlinux"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for dump in "$@"; do
	bench "$dump"
done
[ -n "$vmlinux" ] || echo "crash and drgn: not asked, they need --vmlinux"
