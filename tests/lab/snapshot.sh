#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Cases that go on from a saved machine: the same outcomes as from a boot, each its own case, and a
# saved machine that is damaged is noticed.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start main

# snapshot_of NAME: the id of the saved machine that the case went on from
snapshot_of()
{
	sed -n 's/.*"snapshot": *"\(.*\)".*/\1/p' "$(case_of "$1")/outcome.json"
}

results=$results-snapshot
rm -rf "$results"
check "every case of the main job is a PASS from a snapshot" \
	status 0 lab_run --snapshot=only --truth
need_case svm-emergency
for vendor in vmx svm; do
	check "$vendor: both cases went on from a saved machine" test -n "$(snapshot_of $vendor-emergency)"
	check "$vendor: from the same" \
		test "$(snapshot_of $vendor-virt-off)" = "$(snapshot_of $vendor-emergency)"
	for name in $vendor-virt-off $vendor-emergency; do
		directory=$(case_of "$name")
		check "$name: the marker is this case's" \
			grep -q "\"id\": *\"$(basename "$directory")\"" "$directory/verdict.json"
		check "$name: nothing of it was booted" status 1 grep -q 'crashlab boot' "$directory/events.log"
	done
done

check "Bochs knows it so, too" grep -Eq '"truth": *"agrees"' "$(case_of vmx-emergency)/outcome.json"

# The next run finds them; a damaged one is thrown away, and said so.
kept=$(snapshot_of svm-emergency)
state=build/snapshots/$release.tcg.2cpus.record-yes
rm -rf "$results"
check "the next run" status 0 lab_run --snapshot=only --case 'svm-emergency'
check "goes on from the same machine" test "$(snapshot_of svm-emergency)" = "$kept"
truncate -s 1000000 "$state/state"
rm -rf "$results"
check "a damaged one is lab-broken where booting is not allowed" \
	status 3 lab_run --snapshot=only --case svm-emergency
rm -rf "$results"
check "one that is made again replaces it" status 0 lab_run --snapshot=only --case svm-emergency
check "and is another" test "$(snapshot_of svm-emergency)" != "$kept"
truncate -s 1000000 "$state/state"
rm -rf "$results"
check "where it is allowed, one line is said and the case boots" \
	says 'no snapshot for .* its cases boot' lab_run --snapshot --case svm-emergency
check "to the same outcome" grep -Eq '"outcome": *"PASS"' "$(case_of svm-emergency)/outcome.json"
check "and says that it booted" test -z "$(snapshot_of svm-emergency)"

plan
