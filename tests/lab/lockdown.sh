#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel that is locked down without Secure Boot can load no crash kernel: the case is skipped, and
# says why.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start lockdown

check "a case on a locked-down kernel is skipped" status 0 lab_run
need_case locked-integrity

for level in integrity confidentiality; do
	directory=$(case_of locked-$level)
	check "$level: the kernel was locked down" grep -q "crashlab boot .*lockdown=$level" "$directory/events.log"
	check "$level: it says what is missing" grep -q 'no key of the crash kernel.s signature' "$directory/outcome.json"
done

check "Bochs, whose command line is fixed, says so" \
	says 'the kernel command line of a bochs is fixed' lab_run --case locked-integrity --backend bochs --vendor vmx

plan
