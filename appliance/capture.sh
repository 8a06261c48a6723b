#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # case_* come from the case disk
#
# The capture kernel's init: judges the crashed kernel's memory in place and puts what is wanted of
# it on the case disk.

# shellcheck source=appliance/lib.sh
. /crashlab/lib.sh

vmcore=/proc/vmcore

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

start
deaf_console
# A reboot by kexec boots the same image (agent.sh): there was no crash.
if [ ! -e $vmcore ]; then
	event "boot release=$(uname -r)"
	idle
fi
event "capture release=$(uname -r)"
load_drivers
modprobe -q msr
mount_case_disk rw
read_case
judge
if save_wanted; then
	save_vmcore
fi
if [ $status -ge 3 ]; then
	makedumpfile --dump-dmesg $vmcore "$out/dmesg.txt" >/dev/null 2>&1
fi
sync
umount_case_disk || fail save "cannot unmount the case disk"
event "done"
idle
