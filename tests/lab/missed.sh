#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A window that was missed is never a pass, whatever the verdict of the dump.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

results=${CRASHLAB_TEST_RESULTS:-build/test-results}/missed
rm -rf "$results"

check "a window that was missed is race-missed" \
	status 0 build/bin/crashlab run missed --kernel "$(cat build/kernel)" --results "$results"
for directory in "$results"/*/vmx-missed.*; do
	check "the outcome says so" grep -Eq '"outcome": *"race-missed"' "$directory/outcome.json"
	check "the dump says so" grep -Eq '"state": *"missed"' "$directory/verdict.json"
	check "the machine itself was fine" grep -Eq '"verdict": *"PASS"' "$directory/verdict.json"
done

plan
