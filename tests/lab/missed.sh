#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A window that was missed is never a pass, whatever the verdict of the dump.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start missed

check "a window that was missed is race-missed" \
	status 0 lab_run
for directory in "$results"/*/vmx-missed.*; do
	check "the outcome says so" grep -Eq '"outcome": *"race-missed"' "$directory/outcome.json"
	check "the dump says so" grep -Eq '"state": *"missed"' "$directory/verdict.json"
	check "the machine itself was fine" grep -Eq '"verdict": *"PASS"' "$directory/verdict.json"
done

plan
