#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # case_* come from the case disk
#
# The appliance's init: brings the machine to where the case begins and hands over to crashtrigger.

# shellcheck source=appliance/lib.sh
. /crashlab/lib.sh

kdump=/crashlab/kdump

# skip TEXT: what the case wants is not to be had here
skip()
{
	event "skipped text=$1"
	idle
}

# The boot disk of a machine that cannot afford a copy of the capture kernel in its initramfs:
# bootdisk signed it, and put the kernel in the second partition, the initramfs in the third.
find_boot_disk()
{
	for disk in /sys/block/sd*; do
		device=/dev/${disk##*/}
		[ "$(dd if="$device" bs=1 skip=440 count=4 2>/dev/null)" = CLAB ] || continue
		echo "$device"
		return
	done
	return 1
}

# Set $capture to what kexec wants to know.
find_capture_kernel()
{
	if [ -e $kdump/vmlinuz ]; then
		capture="$kdump/vmlinuz --initrd=$kdump/initramfs"
	else
		boot=$(find_boot_disk) || fail armed "no boot disk, and no capture kernel in the initramfs"
		capture="${boot}2 --args-linux --initrd=${boot}3"
	fi
}

# The INIT test needs a capture kernel that can start CPUs, but starts none by itself. One CPU it must never
# send INIT to, the boot CPU, for that resets the machine; from 6.9 on the kernel knows by itself.
capture_cmdline()
{
	line=$(cat $kdump/cmdline)
	if [ "${case_init_test:-no}" = yes ]; then
		boot_cpu=$(sed -n 's/^apicid[^0-9]*//p' /proc/cpuinfo | head -n 1)
		line="${line%%nr_cpus=1 *}maxcpus=1 ${line#*nr_cpus=1 } disable_cpu_apicid=$boot_cpu"
	fi
	echo "$line${capture_options:+ $capture_options}"
}

# The crash kernel need not be unpacked: the same kernel lies there as it is inside the bzImage (scripts/
# build-images.sh). No second one is loaded from it, so the room it took is free afterwards.
load_unpacked()
{
	capture="$kdump/vmlinux --args-linux --initrd=$kdump/initramfs"
	load_capture_kernel -p -i || return
	rm $kdump/vmlinux
}

# load_capture_kernel OPTION...: of kexec, which says what it is loaded for
# -i: no checksum over the capture kernel, when it is loaded and again when it is started, which in
# an emulated CPU takes seconds. The kernel from the boot disk is an ELF file.
load_capture_kernel()
{
	# shellcheck disable=SC2086 # its options, one a word
	kexec "$@" $capture "--command-line=$(capture_cmdline)" 2>/run/kexec
}

# A kernel that is locked down takes a crash kernel only from a file, and checks its signature. Under Secure
# Boot it has the distribution's key (shim's, on the platform's keyring), otherwise it may have none.
arm_kdump()
{
	find_capture_kernel
	if [ "$(lockdown)" = none ] && [ -e $kdump/vmlinux ]; then
		load_unpacked || fail armed "kexec: $(tail -n 1 /run/kexec)"
	elif [ "$(lockdown)" = none ]; then
		load_capture_kernel -p -i || fail armed "kexec: $(tail -n 1 /run/kexec)"
	else
		load_capture_kernel -p -s || skip "this kernel is locked down ($(lockdown)), and has no key of the \
crash kernel's signature, as it has under Secure Boot: $(tail -n 1 /run/kexec)"
	fi
	memory=$(sed -n 's/^ *\(.*\)-\(.*\) : Crash kernel$/0x\1-0x\2/p' /proc/iomem | tail -n 1)
	event "armed memory=$memory"
}

take_case()
{
	find_case
	event "case id=$case_id"
}

# The first bytes of the case disk, straight from it: a file system's serial number is among them.
disk_mark()
{
	dd if="$device" bs=4096 count=1 iflag=direct 2>/run/mark | md5sum
}

# Where Bochs' debugger shall stop a machine that goes on from here, and how physical memory is mapped there.
tell_symbols()
{
	found=$(crashtrigger --symbols nmi_shootdown_cpus,crash_nmi_callback,machine_kexec,page_offset_base 2>/dev/null) &&
		event "symbols $found"
}

# wait_at POINT: where the case says so, stand still for the host to save this machine. It goes on, in
# as many copies as the host starts, once the case disk is another: each copy takes its own case.
wait_at()
{
	[ "${case_wait:-none}" = "$1" ] || return 0
	tell_symbols
	mark=$(disk_mark)
	event "ready point=$1"
	while [ "$(disk_mark)" = "$mark" ]; do
		usleep 20000
	done
	blockdev --flushbufs "$device"
	deaf_console
	take_case
}

break_appliance()
{
	[ "${case_break:-none}" = none ] && return
	[ -x /crashlab/break ] || fail break "this image has nothing to break with"
	/crashlab/break "$case_break" "${case_break_cpu:-0}" >/run/break 2>&1 ||
		fail break "$(tail -n 1 /run/break)"
}

# Where this CPU keeps a VMCS's launch state, learnt on it before other guests run. Where it does not tell,
# the case goes on without.
calibrate()
{
	[ "${case_calibrate:-no}" = yes ] || return 0
	status=0
	calibrate_vmcs --output /run/calibration.json 2>/run/calibrate || status=$?
	said=$(tail -n 1 /run/calibrate)
	said=${said#calibrate_vmcs: }
	case $status in
	0 | 2) event "calibrated status=$status text=$said" ;;
	*) fail calibrate "$said" ;;
	esac
}

# For the capture kernel: what was learnt of the CPU, and the APIC ID of each CPU. The disk is the case's
# own, also where a saved machine goes on.
leave_files()
{
	[ -s /run/calibration.json ] || [ "${case_init_test:-no}" = yes ] || return 0
	mount_case_disk rw
	[ ! -s /run/calibration.json ] || cp /run/calibration.json "$out/"
	awk -F: '/^processor/ { cpu = $2 + 0 } /^apicid/ { print cpu, $2 + 0 }' /proc/cpuinfo >"$out/cpus"
	umount_case_disk || fail disk "cannot unmount the case disk"
}

# Before the machine is saved, as attaching its programs takes longer than all that comes after it up
# to the strike. A kernel that takes no recorder (docs/kernels.md) goes on without.
start_recorder()
{
	[ "${case_record:-yes}" = yes ] || return 0
	mkfifo /run/recorder
	crashtrigger --record-only >/run/recorder 2>&1 &
	read -r line </run/recorder
	echo "$line" >/dev/console
}

# guestload says when every guest is in the load's state; it goes on until the machine dies.
start_guests()
{
	set -- --load "${case_load:-spin}"
	[ "${case_load_per_cpu:-0}" = 0 ] || set -- "$@" --per-cpu "$case_load_per_cpu"
	[ "${case_load_vcpus:-0}" = 0 ] || set -- "$@" --vcpus "$case_load_vcpus"
	mkfifo /run/guests
	guestload "$@" >/run/guests 2>&1 &
	exec 4</run/guests
	line=
	while read -r line <&4; do
		case $line in
		'guestload: '*' running'*)
			count=${line#guestload: }
			event "guests count=${count%% *} text=$line"
			return
			;;
		*)
			last=$line
			echo "$line" >/dev/console
			;;
		esac
	done
	fail guests "${last:-guestload ended}"
}

# Printing makes the panic slower than the window is wide (3.9 KB at 115200 baud are 340 ms), and a
# jump-optimized probe would hold the reboot CPU with interrupts on.
quiet_kernel()
{
	echo "${case_printk:-0}" >/proc/sys/kernel/printk
	[ ! -e /proc/sys/debug/kprobes-optimization ] || echo 0 >/proc/sys/debug/kprobes-optimization
}

# The kernel that `kexec -e` boots: the capture kernel's, which finds no dump (capture.sh).
load_next_kernel()
{
	[ "$case_reboot" = kexec ] || return
	find_capture_kernel
	load_capture_kernel -l -i || fail kexec "kexec: $(tail -n 1 /run/kexec)"
}

strike()
{
	fallback=
	if [ "$(lockdown)" = confidentiality ]; then
		event "fallback text=locked down for confidentiality, BPF can hold no CPU: a timed strike, without the recorder"
		fallback="--fallback timed"
	fi
	mark_strike
	# shellcheck disable=SC2086 # options, one a word
	crashtrigger --case "$case_id" --panic-cpu "$case_panic_cpu" --reboot-cpu "$case_reboot_cpu" \
		--reboot "$case_reboot" --window "$case_window" \
		${case_trigger:+--trigger "$case_trigger"} \
		${case_hold_us:+--hold-us "$case_hold_us"} \
		${case_delay_us:+--delay-us "$case_delay_us"} \
		${case_seed:+--seed "$case_seed"} \
		${case_frequency:+--frequency "$case_frequency"} \
		$fallback \
		--events "$events" 2>/run/strike
	status=$?
	why=$(tail -n 1 /run/strike)
	[ $status != 2 ] || skip "${why#crashtrigger: }"
	fail strike "crashtrigger ended with $status: $why"
}

start
event "boot release=$(uname -r) cpus=$(nproc) lockdown=$(lockdown)"
load_drivers
take_case
load_kvm
modprobe -q msr
arm_kdump
start_recorder
wait_at armed
calibrate
start_guests
wait_at guests
leave_files
load_next_kernel
break_appliance
quiet_kernel
strike
