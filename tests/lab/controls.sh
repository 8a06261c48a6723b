#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Negative controls: appliances that a kernel module breaks on CPU 0. The verdict must be FAIL and
# name that CPU, and no other.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start controls

check "the breaking module builds" status 0 tests/lab/break/build.sh "$release"
check "every broken appliance is a FAIL that names CPU 0 alone, a crash of its own none" \
	status 0 lab_run --save always --truth

need_case svm-left-on

vmx=$(case_of vmx-left-on)
check "VMX left on: CPU 0" says 'VMX operation on CPU 0 is ON' cat "$vmx/verdict.txt"
check "VMX left on: not CPU 1" status 1 grep -q 'on CPU 1 is ON' "$vmx/verdict.txt"
check "VMX left on: the dump alone is enough" status 1 "$verify" "$vmx/capture/vmcore"

vmcs=$(case_of vmcs-left-active)
check "VMCS left active: of CPU 0" says 'VMCS 0x[0-9a-f]+ of CPU 0 is active' cat "$vmcs/verdict.txt"
check "VMCS left active: all 64" says '^0 .* 64 active' cat "$vmcs/verdict.txt"
check "VMCS left active: none of CPU 1" says '^1 .* 64 clear' cat "$vmcs/verdict.txt"
check "VMCS left active: VMX itself is off" status 1 grep -q 'is ON' "$vmcs/verdict.txt"
check "VMCS left active: the dump alone is enough" status 1 "$verify" "$vmcs/capture/vmcore"

for name in vmx-left-on vmcs-left-active; do
	check "$name: Bochs knows it so, too" \
		grep -Eq '"truth": *"agrees"' "$(case_of "$name")/outcome.json"
done
check "VMX left on: Bochs knows a CPU in VMX operation" grep -q '"cpu": 0,.*"vmx": true' "$vmx/truth.json"
check "VMCS left active: Bochs knows 64 launched VMCSs" \
	says '^64$' sh -c "sed -n '/\"launched\"/p' '$vmcs/truth.json' | grep -o 0x | grep -c ."

svm=$(case_of svm-left-on)
check "SVM left on: CPU 0" says 'SVM .* on CPU 0 is ON' cat "$svm/verdict.txt"
check "SVM left on: not CPU 1" status 1 grep -q 'on CPU 1 is ON' "$svm/verdict.txt"
check "SVM left on: the recorder alone can tell" status 1 "$verify" "$svm/capture/vmcore"
check "SVM left on: the host's registers can" \
	status 1 "$verify" --host-regs "$svm/host-regs.txt" "$svm/capture/vmcore"

crash=$(case_of early-crash)
check "a kernel that crashes by itself: its own words" \
	grep -q '"detail": *"the kernel crashed by itself, before the strike: .*sysrq triggered crash' "$crash/outcome.json"
check "a kernel that crashes by itself: no verdict" [ ! -e "$crash/verdict.json" ]

plan
