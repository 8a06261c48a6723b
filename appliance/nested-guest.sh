#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # case_*: the kernel hands on as environment what it does not know
#
# init of the Linux that nested.sh runs: has KVM guests of its own, and dies on CPU 1.

# shellcheck source=appliance/lib.sh
. /crashlab/lib.sh

# Its only serial port is its console, and what is written to that stays behind when the kernel dies. What
# goes through the kernel has left the machine when this comes back.
open_events()
{
	:
}

event()
{
	echo "<0>crashlab $*" >/dev/kmsg
}

start_guests()
{
	mkfifo /run/guests
	guestload --load "${case_load:-spin}" ${case_cpus:+--cpus "$case_cpus"} \
		${case_per_cpu:+--per-cpu "$case_per_cpu"} >/run/guests 2>&1 &
	exec 4</run/guests
	while read -r line <&4; do
		case $line in
		'guestload: '*' running'*) event "guests text=$line"; return ;;
		*) last=$line ;;
		esac
	done
	fail guests "${last:-guestload ended}"
}

start
load_kvm
# Before guests take the CPUs from it
[ -z "${case_break:-}" ] || /crashlab/break "$case_break" 0 2>/run/break || fail break "$(tail -n 1 /run/break)"
start_guests
case $case_strike in
restart) key=b ;;
panic) key=c ;;
esac
event strikes
taskset 2 sh -c "echo $key >/proc/sysrq-trigger"
