#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # case_* come from the case disk
#
# The capture kernel's init: judges the crashed kernel's memory in place and puts what is wanted of
# it on the case disk.

# shellcheck source=appliance/lib.sh
. /crashlab/lib.sh

vmcore=/proc/vmcore

# MSRs of the CPU that panicked, which is the one that runs here, before any driver runs on it. Of its CR4
# nothing is left: the jump loads another (relocate_kernel_64.S).
read_msrs()
{
	modprobe -q msr
	for msr in EFER=0xc0000080 VM_HSAVE_PA=0xc0010117 IA32_FEATURE_CONTROL=0x3a; do
		value=$(dd if=/dev/cpu/0/msr iflag=skip_bytes skip=$((${msr#*=})) bs=8 count=1 2>/dev/null | od -An -tx8)
		[ -z "$value" ] || echo "${msr%%=*}=${value# }"
	done
}

# What the appliance has learnt of this CPU (agent.sh), if it has.
calibration()
{
	[ ! -s "$out/calibration.json" ] || echo "--calibration $out/calibration.json"
}

# A status without a verdict behind it (a shell runs an empty file with success) is no status.
judge()
{
	# shellcheck disable=SC2046 # two words, or none
	verify_vmcs "--json=$out/verdict.json" --capsule "$out/capsule" --case "$case_id" $(calibration) \
		$vmcore >"$out/verdict.txt" 2>"$out/verify.err"
	status=$?
	[ -s "$out/verdict.json" ] || [ $status -ge 3 ] || status=3
	event "verdict status=$status"
}

# What Linux 6.12 and makedumpfile 1.7.2 make of -d 31 may lack slab pages, which verify_vmcs needs
# (docs/backends.md); 23 leaves out all but those and what the kernel itself uses.
save_vmcore()
{
	makedumpfile -l -d 23 $vmcore "$out/vmcore" >/run/save 2>&1 || {
		event "error stage=save text=makedumpfile: $(grep -v '^$' /run/save | tail -n 1)"
		return
	}
	event "saved file=vmcore bytes=$(stat -c %s "$out/vmcore")"
}

# On AMD memory alone never says PASS, the host's registers are still to come: what rests on inference
# is as good as a PASS here. Should the host find otherwise, the capsule has the pages.
save_wanted()
{
	case ${case_save:-fail} in
	always) return 0 ;;
	never) return 1 ;;
	esac
	[ $status != 0 ] || return 1
	[ $status = 2 ] || return 0
	! verify_vmcs --accept-inferred --case "$case_id" "$out/verdict.json" >/run/accept 2>&1
}

# Last of all, as a CPU that is started may take the machine with it. It proves something of VMX alone: a
# CPU of AMD takes INIT whatever EFER.SVME is.
init_test()
{
	[ "${case_init_test:-no}" = yes ] && [ $status -lt 3 ] || return 0
	grep -q '^flags.* vmx' /proc/cpuinfo || return 0
	sync
	drained_event "init-test"
	/crashlab/init-test "$out/cpus" "$out/init-test.txt" "$out/init-test.json"
	cp "$out/verdict.json" /run/verdict.json
	tested=0
	verify_vmcs --evidence "$out/init-test.json" "--json=$out/verdict.json" --case "$case_id" /run/verdict.json \
		>/run/verdict.txt 2>/run/verify.err || tested=$?
	event "init-tested status=$tested"
	if [ $tested -lt 3 ]; then
		status=$tested
		cp /run/verdict.txt "$out/verdict.txt"
	else
		event "error stage=init-test text=$(tail -n 1 /run/verify.err)"
	fi
}

start
deaf_console
# A reboot by kexec boots the same image (agent.sh): there was no crash.
if [ ! -e $vmcore ]; then
	event "boot release=$(uname -r)"
	idle
fi
event "capture release=$(uname -r)"
read_msrs >/run/msrs
load_drivers
mount_case_disk rw
cp /run/msrs "$out/msrs.txt"
read_case
judge
if save_wanted; then
	save_vmcore
fi
init_test
if [ ! -e "$out/vmcore" ] && save_wanted; then
	save_vmcore
fi
if [ $status -ge 3 ]; then
	makedumpfile --dump-dmesg $vmcore "$out/dmesg.txt" >/dev/null 2>&1
fi
sync
umount_case_disk || fail save "cannot unmount the case disk"
event "done"
idle
