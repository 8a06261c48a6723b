#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What can go wrong around a run: the lab is killed, the disk is full, the machine dies, an image is
# damaged, two labs run at once. Nothing that ended may be lost, no case may count twice.
# shellcheck source=tests/lab/standin.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/standin.sh
standin_start faults

add_case reset reboot-won
add_case off no-dump
add_case timeout timeout

show()
{
	build/bin/crashlab show --results "$results" "$@"
}

# A lab that is killed while its second case runs.
start off --jobs=1
first=$(echo "$results"/*/reset.*/outcome.json)
written=$(stat -c %Y.%i "$first")
kill -KILL $lab
wait $lab 2>/dev/null
check "the case that had ended is kept" says '^1 case, 1 as expected: 1 reboot-won' show
# Two labs go on with it at once: one does.
resume -j 1 >"$work/first" 2>&1 &
one=$!
resume -j 1 >"$work/second" 2>&1 &
two=$!
first_status=0 second_status=0
wait $one || first_status=$?
wait $two || second_status=$?
check "of two labs that go on with a run that was cut off one does, and one is refused" \
	[ "$first_status $second_status" = "0 64" -o "$first_status $second_status" = "64 0" ]
check "and is told why" says '^1$' sh -c \
	"cat '$work/first' '$work/second' | grep -c 'still running in another'"
check "and has every case once" says '^3 cases, 3 as expected: ' show
check "what had ended was not run again" [ "$(stat -c %Y.%i "$first")" = "$written" ]
check "its machine is gone" gone off
check "nothing is left to do" says '^3 cases, 3 as expected: ' resume

# Killed between outcome.json and the database: the outcome counts, and the case is not run again.
start timeout --case=timeout
run=$(find "$results" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1)
kill -KILL $lab
wait $lab 2>/dev/null
id=$(basename "$run"/timeout.*)
sed "s/\"case\": *\"[^\"]*\"/\"case\": \"$id\"/" "$results"/*/timeout.*/outcome.json >"$work/outcome"
mv "$work/outcome" "$run/$id/outcome.json"
check "an outcome that did not reach the database is taken up" \
	says '^1 case, 1 as expected: 1 timeout' resume
check "under its own id" says "$id" show "$id"

# Two labs on one run, and two runs in one results directory.
start timeout --case=timeout
check "a run that goes on is not taken up" says 'still running in another' resume
check "another run beside it goes on" status 0 lab --case reset
kill -TERM $lab
wait $lab
check "a lab that is told to end says how to go on" grep -q 'run --resume=.* goes on' "$work/log"

# The machine dies.
start timeout --case=timeout
until_true grep -q 'timeout *boot' "$work/log"
kill -KILL "$(pgrep -f 'guest=timeout\.[0-9a-f]*,.*' | head -n 1)"
status=0
wait $lab || status=$?
check "a machine that dies is lab-broken" [ $status -eq 3 ]
check "and it says so" grep -q 'the machine ended before the strike' "$work/log"

# A damaged image.
add_case damaged lab-broken
rm "$work/images/$release-damaged/vmlinuz"
head -c 3000 "$kernel" >"$work/images/$release-damaged/vmlinuz"
check "a damaged image is lab-broken" status 0 lab --case damaged
rm "$work/images/$release-damaged/vmlinuz"
check "a missing one is said before anything starts" says 'damaged/vmlinuz: No such file' \
	lab --case damaged

echo 'colour = red' >>"$work/all.ini"
check "an unknown key is named with its file and line" \
	says "all.ini:$(wc -l <"$work/all.ini"): unknown key \"colour\"" lab
sed -i '$d' "$work/all.ini"

# A full disk.
results=$work/small
mkdir "$results"
if mount -t tmpfs -o size=320M tmpfs "$results" 2>/dev/null; then
	trap 'umount -l "$results"; rm -rf "$work"' EXIT
	fallocate -l 100M "$results/filler"
	check "a full disk stops a run before its case" \
		says 'no space left in .*; .*goes on|1 cases were not run.*no space left' lab --case reset
	rm "$results/filler"
	check "which goes on when there is room" status 0 resume
	start timeout --case=timeout
	fallocate -l "$(df --output=avail -B1 "$results" | tail -n 1)" "$results/filler"
	status=0
	wait $lab || status=$?
	check "a disk that gets full stops the run" [ $status -eq 3 ]
	check "and its case is not believed" says '^0 cases' show
	rm "$results/filler"
	check "but run again when there is room" status 0 resume
	check "and counts once" says '^1 case, 1 as expected: 1 timeout' show
else
	skip "a full disk" "cannot mount a tmpfs"
fi

plan
