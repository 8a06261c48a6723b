#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU at the host of another libvirt (--connect): real cases and stand-ins, over the protocol that
# remote connections speak, with a daemon that sees none of the lab's files; and what can go wrong.
# shellcheck source=tests/lab/standin.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/standin.sh
. tests/lab/daemon.sh
lacks=$(daemon_lacks)
if [ -n "$lacks" ]; then
	skip remote "$lacks"
	plan
	exit 0
fi
standin_start remote
daemon_make "$work"
trap 'daemon_end; rm -rf "$work"' EXIT
mount -t tmpfs -o size=400M tmpfs "$host/small"
daemon_start
real_results=${CRASHLAB_TEST_RESULTS:-build/test-results}/remote
rm -rf "$real_results"

# ask ARGUMENT...: virsh there
ask()
{
	virsh -q -c "$uri" "$@"
}

# real SCENARIO CASE [ARGUMENT...]: a real case there
real()
{
	real_scenario=$1 real_case=$2
	shift 2
	build/bin/crashlab run "$real_scenario" --kernel "$(cat build/kernel)" --backend tcg \
		--case "$real_case" --connect "$uri" --results "$real_results" "$@"
}

# left: domains and volumes of cases that are there
left()
{
	ask list --all --name
	ask vol-list default | grep '\.disk'
}

nothing_left()
{
	! left | grep -q '[^ ]'
}

# guest=NAME of a domain there
running()
{
	pgrep -f "guest=crashlab\.[^,]*\.$1\.[0-9a-f]*," >/dev/null
}

# start_there CASE [ARGUMENT...]: in the background, until its machine has said something
start_there()
{
	: >"$work/log"
	build/bin/crashlab run "$work/all.ini" --backend tcg --kernel $release --images "$work/images" \
		--results "$results" --connect "$uri" --jobs 1 "$@" >"$work/log" 2>&1 &
	lab=$!
	until_true grep -q 'boot  *[0-9.]* s' "$work/log"
}

# ended STATUS: the lab that was started ends so
ended()
{
	lab_status=0
	wait $lab || lab_status=$?
	[ "$lab_status" -eq "$1" ]
}

check "the daemon sees neither this tree nor the lab's files" \
	nsenter -t "$daemon" -m test ! -e "$PWD/build" -a ! -e "$work/images" -a -d "$host/pool"
check "doctor tells where it is connected to" \
	says "^connected to .*sock: host .*, QEMU [0-9.]+, pool default with [0-9]+ MiB left" \
	build/bin/crashlab doctor --connect "$uri"
check "and that SVM cases can run there" says '^tcg +svm +yes' build/bin/crashlab doctor --connect "$uri"

add_case timeout timeout
add_case reset reboot-won
add_case off no-dump

check "and the QEMU that was named" says 'QEMU .*/emulator, pool' \
	build/bin/crashlab doctor --connect "$uri" --emulator "$host/emulator"

# What is asked for wrongly, or is not there
expect 64 'not a URI of QEMU' lab --connect xen:///system
expect 64 'has no storage pool none: --pool names another' lab --connect "$uri" --pool none
expect 64 '--pool and --emulator go with --connect' lab --pool default
expect 64 '--snapshot does not go with --connect' lab --connect "$uri" --snapshot
expect 3 'sock/none.*does libvirtd run there' lab --connect "qemu+unix:///system?socket=$host/sock/none"
chmod 700 "$host/sock/libvirt-sock"
expect 3 'Permission denied .*in the group .libvirt' \
	setpriv --reuid 65534 --clear-groups build/bin/crashlab doctor --connect "$uri"
chmod 777 "$host/sock/libvirt-sock"
check "nothing was started for it" [ ! -e "$results" ]

# Real cases
check "a case passes there" status 0 real main svm-emergency --save always
case=$(echo "$real_results"/*/svm-emergency.*)
check "the host saw both CPUs" says '^2$' grep -c '^CPU#' "$case/host-regs.txt"
check "its dump came here" status 0 build/bin/verify_vmcs "$case/capture/vmcore"
check "and its console" grep -q 'Linux version' "$case/console.log"
check "nothing of it is left there" nothing_left
images=$(ls -i --full-time "$host/pool")
check "a case dies of an NMI that comes from there" status 0 real triggers die-host-nmi \
	--emulator "$host/emulator"
check "images are brought there once" [ "$images" = "$(ls -i --full-time "$host/pool")" ]
if tests/lab/break/build.sh "$(cat build/kernel)" >&2; then
	check "a broken appliance is a FAIL there, too" status 0 real controls svm-left-on
else
	skip "a broken appliance is a FAIL there, too" "the breaking module does not build"
fi

# A pool without room, and one that gets full
fallocate -l 200M "$host/small/filler"
expect 3 'no space left in storage pool small' real main svm-emergency --pool small
rm "$host/small/filler"
build/bin/crashlab run main --kernel "$(cat build/kernel)" --backend tcg --case svm-emergency \
	--connect "$uri" --pool small --results "$work/full" --save always >"$work/log" 2>&1 &
lab=$!
until_true grep -q 'strike  *[0-9.]* s' "$work/log"
fallocate -l "$(df --output=avail -B1 "$host/small" | tail -n 1)" "$host/small/filler"
check "a pool that gets full stops the run" ended 3
check "and it says why" grep -q 'could not write the case disk' "$work/log"
rm "$host/small/filler"
check "its case is run again when there is room" status 0 \
	build/bin/crashlab run --resume --results "$work/full"

# Stand-ins: how a machine ended is seen from here
check "a reset and a machine that goes off are told apart" status 0 \
	lab --connect "$uri" --case '[ro]*'

# The connection is cut while a case runs; the daemon goes on
start_there
client=$(virt-admin -q -c "libvirtd:///system?socket=$host/sock/libvirt-admin-sock" client-list libvirtd |
	sed -n 's/^ *\([0-9]*\) .*/\1/p' | tail -n 1)
virt-admin -q -c "libvirtd:///system?socket=$host/sock/libvirt-admin-sock" \
	client-disconnect libvirtd "$client" >&2
check "a case whose connection is lost breaks the lab" ended 3
check "and says why" grep -Eq 'timeout .*lab-broken .*the connection to .* was lost' "$work/log"
check "the next cases connect again" says '^3 cases, 2 as expected: ' cat "$work/log"
check "nothing of it is left" nothing_left

# The daemon dies
start_there
daemon_kill
check "a run whose daemon died ends" ended 3
check "and says what is left" grep -q '2 cases were not run; .*goes on' "$work/log"
check "and why" grep -q 'does libvirtd run there' "$work/log"
check "its machine goes on without anybody" running timeout
daemon_start
check "the lab that starts next ends it" status 0 lab --connect "$uri" --case reset
check "and clears away its disk" nothing_left
run=$(find "$results" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 2 | head -n 1)
check "the run goes on where it was" says '^3 cases, 2 as expected: ' \
	build/bin/crashlab run --resume="$(basename "$run")" --results "$results" --timeout-factor "$factor"

# The lab is killed
start_there --case timeout
kill -KILL $lab
wait $lab 2>/dev/null
check "the machine of a lab that is killed ends" gone timeout
check "its disk is there" says '\.timeout\..*\.disk' ask vol-list default
check "the next lab clears it away" status 0 lab --connect "$uri" --case reset
check "all of it" nothing_left

plan
