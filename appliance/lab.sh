#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The full flavour's other init, for a machine that is not itself crashed but crashes others in it. What
# it is to do is the script `lab` on the disk labelled CRASHJOB; without such a disk it has a shell.

# shellcheck source=appliance/lib.sh
. /crashlab/lib.sh

work=/run/lab

# A stick has more consoles than one.
shells()
{
	for console in ${consoles:-/dev/console}; do
		stty -F "$console" sane 2>/run/stty || continue
		while :; do
			setsid cttyhack bash <>"$console" >&0 2>&1
		done &
	done
	wait
}

idle()
{
	[ -n "$device" ] || shells
	sync
	poweroff -f
}

# The script starts in an empty directory in memory; what it leaves there goes to the disk.
run_lab()
{
	mount -t vfat "$device" /mnt || fail disk "cannot mount $device"
	mkdir $work
	(cd $work && bash /mnt/lab)
	event "lab status=$?"
	rm -rf /mnt/out
	cp -r $work /mnt/out 2>/run/copy || fail copy "$(tail -n 1 /run/copy)"
	umount /mnt || fail copy "cannot unmount the disk"
	event "done"
	idle
}

start
exec </dev/console >/dev/console 2>&1
event "boot release=$(uname -r) cpus=$(nproc)"
load_drivers
device=$(findfs LABEL=CRASHJOB)
load_kvm
libvirtd --daemon || fail libvirt "libvirtd does not start"
[ -n "$device" ] || fail disk "no disk labelled CRASHJOB: a shell; libvirt runs, virsh and crashlab are here"
run_lab
