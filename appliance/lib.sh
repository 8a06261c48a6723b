# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the appliance's agent and the capture kernel's agent share; busybox's shell runs both as init.
# docs/interfaces.md has the event lines and the case disk.

case_keys="id panic_cpu reboot_cpu reboot trigger window hold_us delay_us seed frequency printk load load_per_cpu load_vcpus save break break_cpu record calibrate wait"

start()
{
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	mount -t tmpfs tmpfs /run
	# Kept open: the last close of a serial port waits for the line to drain.
	exec 3>/dev/ttyS1
	# A tty starts with 9600 baud, and with \n sent as \r\n.
	stty -F /dev/ttyS1 115200 raw -echo
}

event()
{
	echo "crashlab $*" >&3
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

# Load what the machine's devices ask for, and what the devices of those ask for. Disk drivers scan
# before modprobe returns, so the devices are there afterwards; nothing waits.
load_drivers()
{
	for bus in pci virtio scsi; do
		set --
		for alias in "/sys/bus/$bus/devices"/*/modalias; do
			[ -e "$alias" ] && set -- "$@" "$(cat "$alias")"
		done
		[ $# = 0 ] || modprobe -a -q "$@"
	done
	modprobe -a -q vfat nls_cp437 nls_ascii
}

load_kvm()
{
	flags=$(grep -m 1 '^flags' /proc/cpuinfo)
	case " $flags " in
	*' vmx '*) module=kvm_intel ;;
	*' svm '*) module=kvm_amd ;;
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
	done </mnt/case || fail case "no file 'case' on the case disk"
	[ -n "${case_id:-}" ] || fail case "no id"
}
