#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# init-test CPUS LOG OUT: which CPUs take INIT, in the capture kernel, when all else is done. One in VMX
# operation does not (SDM 3C 24.8): the crashed kernel left it on there. A start that hangs takes the machine
# with it, so LOG has a line before each.
#
# CPUS: lines "CPU APICID" of the crashed kernel. OUT: evidence for `verify_vmcs --evidence`.

cpus=$1 log=$2 out=$3
found=/run/init-test.found
: >"$found"

# say TEXT: what is in the log survives
say()
{
	echo "$*" >>"$log"
	sync
}

# apic_of N: of the CPU that this kernel calls N, from what it says when it starts it
# (announce_cpu(), arch/x86/kernel/smpboot.c); nothing else tells of a CPU that does not come up
apic_of()
{
	apic=$(dmesg | sed -n "s/.*Booting Node .* Processor $1 APIC 0x\([0-9a-f]*\).*/\1/p" | tail -n 1)
	[ -n "$apic" ] && echo $((0x$apic))
}

# start_cpu NUMBER
start_cpu()
{
	say "starting this kernel's CPU $1"
	state=off
	echo 1 2>/dev/null >"/sys/devices/system/cpu/cpu$1/online" || state=on
	apic=$(apic_of "$1") || {
		say "CPU $1: it was not tried"
		return
	}
	cpu=$(awk -v apic="$apic" '$2 == apic { print $1 }' "$cpus")
	say "CPU $1, APIC ID $apic, the crashed kernel's CPU ${cpu:-(unknown)}: $state"
	[ -z "$cpu" ] || echo "$cpu $state" >>"$found"
}

# entry CPU STATE STRENGTH REASON
entry()
{
	printf '%s{"property": "vmx", "cpu": %s, "vmcs": null, "state": "%s", "strength": "%s", "source": "init-test", "reason": "%s"}' \
		"$comma" "$1" "$2" "$3" "$4"
	comma=",
"
}

# What did not come up is taken to be in VMX operation only where the same start brought up another.
write_evidence()
{
	comma=
	came_up=$(grep -c ' off$' "$found")
	echo '{ "schema": "crashlab-evidence/1", "evidence": ['
	while read -r cpu state; do
		if [ "$state" = off ]; then
			entry "$cpu" off direct "it took INIT and came up in the crash kernel"
		elif [ "$came_up" -gt 0 ]; then
			entry "$cpu" on direct "it did not take INIT: the start that brought up another CPU did not bring it up"
		else
			entry "$cpu" unknown inferred "it did not come up, but no other CPU did either"
		fi
	done <"$found"
	echo ' ] }'
}

for directory in /sys/devices/system/cpu/cpu[0-9]*; do
	[ "$(cat "$directory/online" 2>/dev/null)" = 0 ] || continue
	start_cpu "${directory##*/cpu}"
done
write_evidence >"$out"
say "done"
