#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The appliance learns how its CPU lays out a VMCS. Bochs' layout is known, so what was learnt has to agree
# with the rule that is built in, VMCS by VMCS: on a healthy machine and on a broken one.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start calibrate

# states SOURCE CASE: what the source says of each VMCS, in order
states()
{
	sed -n "s/^ *CPU \([0-9]* *VMCS [^ ]* [a-z]*\), direct, $1: .*/\1/p" "$(case_of "$2")/verdict.txt" | sort
}

check "the breaking module builds" status 0 tests/lab/break/build.sh "$release"
check "calibrated machines are judged right, and Bochs knows it so" status 0 lab_run --save always --truth
need_case broken

for name in healthy broken; do
	directory=$(case_of $name)
	check "$name: the appliance learnt it" says 'calibrated status=0 .*100% of' cat "$directory/events.log"
	check "$name: the capture kernel judged by that" \
		grep -q '"source": *"vmcs-calibrated"' "$directory/capture/verdict.json"
	check "$name: it says of every VMCS what the built-in rule says" \
		[ "$(states vmcs-calibrated $name)" = "$(states vmcs-bochs $name)" ]
	check "$name: no conflict" status 1 grep -Eq 'CONFLICT|DISAGREE' "$directory/verdict.txt"
done
check "64 active VMCSs were judged by it" \
	says '^64$' sh -c "grep -c 'active, direct, vmcs-calibrated' '$(case_of broken)/verdict.txt'"

learnt=$(case_of healthy)/capture/calibration.json
# compact FILE: without what tells how it was learnt, and in one way of writing
compact()
{
	sed '/"samples"/,$d' "$1" | tr -d ' \t\n},' | sed 's/"fields":{\(.*\)/\1/' | grep -o '"[a-z_]*":["0-9x]*' | sort |
		grep -v '"mask"\|"schema"'
}
check "it is what was found by hand" \
	[ "$(compact "$learnt")" = "$(compact tests/dumps/bochs.calibration.json)" ]

other=$(mktemp)
sed 's/"model":60/"model":61/' "$learnt" >"$other"
check "a file of another CPU is no direct evidence" says 'clear, inferred, vmcs-calibrated: .*another CPU' \
	"$verify" --calibration "$other" "$(case_of healthy)/capture/vmcore"
sed 's/0x2b/0x2c/' "$learnt" >"$other"
check "one of another revision is not used" says 'not used' \
	"$verify" --calibration "$other" "$(case_of healthy)/capture/vmcore"
rm -f "$other"

plan
