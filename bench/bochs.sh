#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a VMX case costs on Bochs, in CPU seconds of the host, in one run: booted as the lab does it, from a
# saved machine, and as it would be without all that: Debian 12's Bochs 2.7 with GRUB and the package's own
# kernel (backend bochs-plain), which takes some ten minutes.
#
# Usage: bench/bochs.sh [CASES]     of the first two; one of the third
set -eu
cd "$(dirname "$0")/.."
. tests/bochs27/lib.sh

cases=${1:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '[case c]\nvendor = vmx\nreboot = sysrq-b\nwindow = emergency\n' >"$work/c.ini"

# run NAME CRASHLAB ARGUMENT...: into $work/NAME
run()
{
	local name=$1 crashlab=$2
	shift 2
	"$crashlab" run "$work/c.ini" -j 1 --results "$work/$name" "$@" >"$work/$name.log" 2>&1 || {
		cat "$work/$name.log"
		exit 1
	}
}

# median NAME: CPU seconds of its cases
median()
{
	sed -n 's/.*"cpu_seconds": *\([0-9.]*\).*/\1/p' "$work/$1"/*/*/outcome.json | sort -n |
		awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

own_bochs_lab "$work/own" 2>"$work/own.log"
run warm build/bin/crashlab --backend bochs --snapshot=only
run booted build/bin/crashlab --backend bochs --iterations "$cases"
run saved build/bin/crashlab --backend bochs --iterations "$cases" --snapshot=only
run plain "$work/own/build/bin/crashlab" --backend bochs-plain --timeout-factor 3
awk -v booted="$(median booted)" -v saved="$(median saved)" -v plain="$(median plain)" 'BEGIN {
	printf "Bochs 2.7, GRUB, plain kernel:  %6.1f CPU seconds a case\n", plain
	printf "as the lab boots it:            %6.1f CPU seconds, %.2f of that\n", booted, booted / plain
	printf "from a saved machine:           %6.1f CPU seconds, %.2f of booted\n", saved, saved / booted
}'
