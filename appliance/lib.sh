# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the appliance's agent and the capture kernel's agent share; busybox's shell runs both as init.
# docs/interfaces.md has the event lines and the case disk.

case_keys="id panic_cpu reboot_cpu reboot trigger window hold_us delay_us seed frequency printk load load_per_cpu load_vcpus \
	save break break_cpu record calibrate init_test wait"

# The folder of the case, and the one that the capture kernel leaves its files in.
case_folder=/mnt
out=/mnt
# where crashtrigger says that it strikes
events=/dev/ttyS1
# what devices may hang on
buses="pci virtio scsi"

start()
{
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
	mount -t devtmpfs devtmpfs /dev
	mount -t tmpfs tmpfs /run
	open_events
}

open_events()
{
	# Kept open: the last close of a serial port waits for the line to drain.
	exec 3>$events
	# A tty starts with 9600 baud, and with \n sent as \r\n.
	stty -F $events 115200 raw -echo
}

# A restored Bochs receives a NUL whenever one could come, and the console echoes each as ^@.
deaf_console()
{
	stty -F /dev/ttyS0 -cread -echo 2>/dev/null
}

# "none", "integrity" or "confidentiality"
lockdown()
{
	sed -n 's/.*\[\(.*\)\].*/\1/p' /sys/kernel/security/lockdown 2>/dev/null | grep . || echo none
}

event()
{
	echo "crashlab $*" >&3
}

# The same, and it has left the machine when this comes back: the last close of the port waits for that.
drained_event()
{
	event "$@"
	exec 3>&-
	open_events
}

# init must not end (the kernel would panic); the host ends the machine.
idle()
{
	while :; do
		sleep 86400
	done
}

# fail STAGE TEXT
fail()
{
	event "error stage=$1 text=$2"
	idle
}

# load_for BUS PATTERN: what those devices on the bus ask for whose modalias is like PATTERN. Disk drivers
# scan before modprobe returns, so what hangs on the devices is there afterwards; nothing waits.
load_for()
{
	bus=$1
	pattern=$2
	set --
	for alias in "/sys/bus/$bus/devices"/*/modalias; do
		[ -e "$alias" ] || continue
		read -r named <"$alias" || continue
		# shellcheck disable=SC2254 # a pattern
		case $named in
		$pattern) set -- "$@" "$named" ;;
		esac
	done
	[ $# = 0 ] || modprobe -a -q "$@"
}

has_case_disk()
{
	[ -e /sys/block/vda ] && device=$(findfs LABEL=CRASHLAB)
}

# Load what the machine's devices ask for, and what the devices of those ask for. With the case disk
# found on virtio the others are not needed: an emulated CPU takes long to look for what hangs on ATA.
load_drivers()
{
	modprobe -a -q vfat nls_cp437 nls_ascii
	load_for pci 'pci:v00001AF4*'
	load_for virtio '*'
	! has_case_disk || return 0
	for bus in $buses; do
		load_for "$bus" '*'
	done
}

load_kvm()
{
	case $(cpu_vendor) in
	vmx) module=kvm_intel ;;
	svm) module=kvm_amd ;;
	*) fail kvm "the CPU has neither VMX nor SVM" ;;
	esac
	modprobe "$module" 2>/run/kvm || fail kvm "$(tail -n 1 /run/kvm)"
	[ -e /dev/kvm ] || fail kvm "$module is there, /dev/kvm is not"
	event "kvm module=$module"
}

# mount_case_disk OPTIONS
mount_case_disk()
{
	[ -n "${device:-}" ] || device=$(findfs LABEL=CRASHLAB) || fail disk "no disk labelled CRASHLAB"
	mount -t vfat -o "$1" "$device" /mnt || fail disk "cannot mount $device"
}

umount_case_disk()
{
	umount /mnt
}

is_case_key()
{
	for known in $case_keys; do
		[ "$known" != "$1" ] || return 0
	done
	return 1
}

# Read the case into case_<key>; values have nothing in them that a shell would take amiss. Of a case
# read before nothing stays.
read_case()
{
	for key in $case_keys; do
		unset "case_$key"
	done
	while IFS='=' read -r key value || [ -n "$key" ]; do
		case $value in
		*[!A-Za-z0-9._+/-]*) fail case "bad value of $key" ;;
		esac
		case $key in
		'' | '#'*) continue ;;
		esac
		is_case_key "$key" || fail case "unknown key $key"
		eval "case_$key=\$value"
	done <"$case_folder/case" || fail case "no file 'case' on the case disk"
	[ -n "${case_id:-}" ] || fail case "no id"
}

find_case()
{
	mount_case_disk ro
	read_case
	umount_case_disk
}

# Called right before the machine dies.
mark_strike()
{
	:
}

# "vmx" or "svm"; nothing when the CPU has neither
cpu_vendor()
{
	sed -n '/^flags/{s/.* \(vmx\|svm\)\( .*\|\)$/\1/p;q}' /proc/cpuinfo
}

# On a stick nobody watches, and the results stay on it: there some of these functions are others.
# shellcheck source=appliance/stick.sh
[ ! -e /crashlab/stick.sh ] || . /crashlab/stick.sh
