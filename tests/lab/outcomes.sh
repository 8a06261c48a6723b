#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The lab against machines that behave badly: a stand-in for the appliance says the events and then
# resets, hangs, ends. Every one must get its own outcome, and nothing may be left running.
# shellcheck source=tests/lab/standin.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/standin.sh
standin_start outcomes

add_case timeout timeout
add_case error lab-broken
add_case wrong-case lab-broken
add_case early-reset lab-broken
add_case reset reboot-won
add_case hang capture-hang
add_case off no-dump
add_case capture-hang capture-hang
add_case capture-off no-dump
add_case no-verdict no-dump

check "every case ends as expected" status 0 lab -j 2
check "a reset after the strike is reboot-won" outcome reset reboot-won
check "silence after the strike is capture-hang" outcome hang capture-hang
check "the host's registers are there although the machine hung" \
	grep -q EFER "$work"/results/*/hang.*/hang-regs.txt
check "the registers were read at capture" \
	grep -q EFER "$work"/results/*/capture-hang.*/host-regs.txt
check "the stored run is printed again" says '10 cases, 10 as expected' \
	build/bin/crashlab show --results "$work/results"
sed 's/no-dump$/PASS/' "$work/all.ini" >"$work/other.ini"
mv "$work/other.ini" "$work/all.ini"
check "an outcome that is not expected is status 1" status 1 lab --case off
check "the console's last lines are shown" says 'reached "strike"' \
	build/bin/crashlab show --results "$work/results"

start timeout
kill -TERM $lab
wait $lab
check "a lab that is asked to end says lab-broken" [ $? -eq 3 ]
check "and leaves no machine" gone timeout
check "and leaves an outcome" grep -q interrupted "$work/log"

start timeout
kill -KILL $lab
wait $lab 2>/dev/null
check "a killed lab leaves its machine" running timeout
check "the next lab runs" status 0 lab --case reset
check "and ends the machine of the killed one" gone timeout

plan
