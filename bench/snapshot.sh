#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What going on from a saved machine saves, in one run on this host: the same cases booted, from a
# saved machine one at a time, and from it two at a time. SVM on TCG in seconds; VMX on Bochs in CPU
# seconds, which other work on the host disturbs less.
#
# Usage: bench/snapshot.sh [CASES [BOCHS-CASES]]
set -eu
cd "$(dirname "$0")/.."

cases=${1:-8}
bochs=${2:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# scenario VENDOR CASES: both windows in turn
scenario()
{
	printf '[defaults]\nvendor = %s\n' "$1"
	for i in $(seq "$2"); do
		if [ $((i % 2)) = 0 ]; then
			printf '[case c%d]\nreboot = restart\nwindow = virt-off\n' "$i"
		else
			printf '[case c%d]\nreboot = sysrq-b\nwindow = emergency\n' "$i"
		fi
	done
}

# run NAME BACKEND ARGUMENT...: into $work/NAME; its wall and CPU seconds in $work/NAME.time
run()
{
	local name=$1 backend=$2
	shift 2
	TIMEFORMAT='%R %U %S'
	{ time build/bin/crashlab run "$work/$backend.ini" --backend "$backend" --results "$work/$name" \
		"$@" >"$work/$name.log" 2>&1 || touch "$work/failed"; } 2>"$work/$name.time"
}

# median NAME: of the seconds of its cases
median()
{
	sed -n 's/.*"seconds": *\([0-9.]*\).*/\1/p' "$work/$1"/*/*/outcome.json | sort -n |
		awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

# column NAME N: of its .time
wall() { awk '{ print $1 }' "$work/$1.time"; }
cpu() { awk '{ print $2 + $3 }' "$work/$1.time"; }

scenario svm "$cases" >"$work/tcg.ini"
scenario vmx "$bochs" >"$work/bochs.ini"

run warm tcg --snapshot=only --case c1
run cold tcg -j 1
run one tcg --snapshot=only -j 1
run two tcg --snapshot=only -j 2
awk -v n="$cases" -v cold="$(median cold)" -v one="$(median one)" -v w1="$(wall one)" -v w2="$(wall two)" 'BEGIN {
	printf "TCG, %d cases, booted:               median %.1f s a case\n", n, cold
	printf "TCG, from a saved machine:           median %.1f s a case, %.2f of booted\n", one, one / cold
	printf "TCG, two at a time on this host:     %.2f times the throughput of one (%.1f s, %.1f s)\n", w1 / w2, w1, w2
}'

if [ "$bochs" -gt 0 ]; then
	run bwarm bochs --snapshot=only --case c1
	run bcold bochs -j 1
	run bone bochs --snapshot=only -j 1
	awk -v n="$bochs" -v cold="$(cpu bcold)" -v one="$(cpu bone)" 'BEGIN {
		printf "Bochs, %d cases, booted:              %.1f CPU seconds a case\n", n, cold / n
		printf "Bochs, from a saved machine:         %.1f CPU seconds a case, %.2f of booted\n", one / n, one / cold
	}'
fi
[ ! -e "$work/failed" ] || { echo "some cases did not end as expected:"; grep -h -E 'cases,|expected' "$work"/*.log; exit 1; }
