#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The full flavour's other init, for a machine that is not itself crashed but crashes others in it. What
# it is to do is the script `lab` on the disk labelled CRASHLAB; without such a disk it has a shell.

# shellcheck source=appliance/lib.sh
. /crashlab/lib.sh

work=/run/lab

idle()
{
	sync
	poweroff -f
}

shells()
{
	echo "crashlab: no disk labelled CRASHLAB; libvirt runs, virsh and crashlab are here"
	while :; do
		setsid cttyhack bash
	done
}

# The script starts in an empty directory in memory; what it leaves there goes to the disk.
run_lab()
{
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
load_kvm
libvirtd --daemon || fail libvirt "libvirtd does not start"
device=$(findfs LABEL=CRASHLAB) || shells
mount_case_disk rw
run_lab
