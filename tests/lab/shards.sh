#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A run in two shards, as two machines would have them, and put together. One lab is killed while its
# case runs: the case stays accounted for as not ended, and the merged run is gone on with.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
. tests/lab/standin.sh
lab_start smoke
results=$(dirname "$results")/shards
rm -rf "$results"

cases="run smoke --vendor svm --case svm-smoke --iterations 2 --kernel $release"
merge()
{
	build/bin/crashlab merge "$results/1" "$results/2" --results "$results/all"
}
all()
{
	build/bin/crashlab "$@" --results "$results/all"
}

check "a shard has its part of the cases" says '^1 case,' build/bin/crashlab run smoke --vendor svm \
	--case svm-smoke --iterations 2 --shard 2/2 --list
check "more shards than cases: nothing to do is no failure" status 0 build/bin/crashlab run smoke \
	--vendor svm --case svm-smoke --kernel "$release" --shard 3/3 --results "$results/none"
# shellcheck disable=SC2086 # options, one a word
check "the first shard is a PASS" status 0 build/bin/crashlab $cases --shard 1/2 --results "$results/1"

# shellcheck disable=SC2086 # options, one a word
build/bin/crashlab $cases --shard 2/2 --results "$results/2" >"$results/log" 2>&1 &
lab=$!
until_true grep -q strike "$results/log"
check "shards of a running lab are not merged" says 'is still running' merge
kill -KILL $lab
wait $lab 2>/dev/null

check "a killed shard leaves the run incomplete" status 3 merge
run=$(all list | sed -n '2s/ .*//p')
check "all cases are there, one has ended" says '^[^ ]+ +smoke +2 +1 ' all list
check "and one has not" says '^1$' sh -c "build/bin/crashlab list $run --results $results/all | grep -c 'not run'"
check "merging again changes nothing" status 3 merge
check "the rest is run where all is" status 0 all run "--resume=$run"
check "and then all have ended" says '^2 cases, 2 as expected: 2 PASS' all show
check "each once, in a directory of its own" \
	[ "$(find "$results/all/$run" -maxdepth 2 -name verdict.json | wc -l)" = 2 ]
check "the report is there" [ -s "$results/all/$run/report.html" ]
check "what was merged before is not taken again" status 0 merge
expect 3 'the shards of 1 cases are missing' build/bin/crashlab merge "$results/none" --results "$results/all"
check "another plan is another run" says '^2$' sh -c "build/bin/crashlab list --results $results/all | grep -c smoke"

plan
