#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What is meant for real machines. The appliance learns how its CPU lays out a VMCS: Bochs' layout is known,
# so that has to agree with the rule that is built in, VMCS by VMCS. And the capture kernel tries which CPUs
# take INIT. On a healthy machine and on one that leaves CPU 1 in VMX operation.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start silicon

# states SOURCE CASE: what the source says of each VMCS, in order
states()
{
	sed -n "s/^ *CPU \([0-9]* *VMCS [^ ]* [a-z]*\), direct, $1: .*/\1/p" "$(case_of "$2")/verdict.txt" | sort
}

check "the breaking module builds" status 0 tests/lab/break/build.sh "$release"
check "both machines are judged right, and Bochs knows it so" status 0 lab_run --save always --truth
need_case broken

for name in healthy broken; do
	directory=$(case_of $name)
	check "$name: the appliance learnt it" says 'calibrated status=0 .*100% of' cat "$directory/events.log"
	check "$name: the capture kernel judged by that" \
		grep -q '"source": *"vmcs-calibrated"' "$directory/capture/verdict.json"
	check "$name: it speaks of VMCSs" [ -n "$(states vmcs-calibrated $name)" ]
	check "$name: and says of each what the built-in rule says" \
		[ "$(states vmcs-calibrated $name)" = "$(states vmcs-bochs $name)" ]
	check "$name: no conflict" status 1 grep -Eq 'CONFLICT|DISAGREE' "$directory/verdict.txt"
done
check "8 active VMCSs were judged by it" \
	says '^8$' sh -c "grep -c 'active, direct, vmcs-calibrated' '$(case_of broken)/verdict.txt'"

learnt=$(case_of healthy)/capture/calibration.json
# facts FILE: what it says of the CPU and its VMCSs, a line each
facts()
{
	grep -oE '"(model|stepping|revision|offset|width|clear|launched|written|host_[a-z0-9_]+|link_pointer)": ?("[^"]*"|[0-9]+)' \
		"$1" | tr -d ' ' | sort
}
check "it is what was found by hand" [ "$(facts "$learnt")" = "$(facts tests/dumps/bochs.calibration.json)" ]

other=$(mktemp)
sed 's/"model":60/"model":61/' "$learnt" >"$other"
check "a file of another CPU is no direct evidence" says 'clear, inferred, vmcs-calibrated: .*another CPU' \
	"$verify" --calibration "$other" "$(case_of healthy)/capture/vmcore"
sed 's/0x2b/0x2c/' "$learnt" >"$other"
check "one of another revision is not used" says 'not used' \
	"$verify" --calibration "$other" "$(case_of healthy)/capture/vmcore"
rm -f "$other"

# took STATE CPU CASE: what the INIT test says, inside and out
took()
{
	for verdict in "$(case_of "$3")/verdict.json" "$(case_of "$3")/capture/verdict.json"; do
		"$verify" "$verdict" | grep -q "CPU $2  VMX $1, direct, init-test" || return 1
	done
}
check "healthy: CPU 1 takes INIT" took off 1 healthy
check "healthy: CPU 2 takes INIT" took off 2 healthy
check "broken: CPU 1 does not" took on 1 broken
check "broken: CPU 2 does" took off 2 broken
for name in healthy broken; do
	check "$name: the host's registers were read before" [ -s "$(case_of $name)/host-regs.txt" ]
	check "$name: the log has a line before each start" \
		says '^2$' grep -c "^starting this kernel's CPU" "$(case_of $name)/capture/init-test.txt"
done

plan
