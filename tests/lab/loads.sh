#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Guest loads for real, those that add most: many VMCSs on each CPU, and guests that run guests.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start loads

check "many guests on each CPU, on both vendors: PASS" status 0 lab_run --case 'emergency-*-many'
need_case emergency-vmx-many

vmx=$(case_of emergency-vmx-many)
check "all 64 VMCSs of CPU 0 are found clear" says '^0 +reboot .* 64 clear ' cat "$vmx/verdict.txt"
check "all 64 VMCSs of CPU 1 are found clear" says '^1 +panic .* 64 clear ' cat "$vmx/verdict.txt"
check "each on direct evidence" says 'none of 128 VMCSs is active' cat "$vmx/verdict.txt"

check "guests that run guests, on SVM: PASS" status 0 lab_run --case 'emergency-svm-nested'
need_case emergency-svm-nested

check "a nested VMCB was got" \
	says 'each runs a guest, with a nested VMCB' cat "$(case_of emergency-svm-nested)/events.log"

check "images with a Linux guest build" status 0 scripts/build-images.sh "$release" --flavour linux
check "a Linux under QEMU on each CPU, on both vendors: PASS" status 0 lab_run --case 'linux-*'
need_case linux-vmx

for vendor in vmx svm; do
	check "$vendor: both guests came up" \
		says 'guests count=2 text=guestload: 2 guests running$' cat "$(case_of linux-$vendor)/events.log"
	check "$vendor: and the window was hit" \
		grep -Eq '"state": *"hit"' "$(case_of linux-$vendor)/verdict.json"
done
check "the Linux guests' VMCSs are found clear" \
	says '^2$' grep -Ec '^[01] .* 1 clear ' "$(case_of linux-vmx)/verdict.txt"

plan
