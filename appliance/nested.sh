#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# init of the flavour nested: runs a Linux that runs KVM guests itself (nested-guest.sh), lets it die, and
# has QEMU dump its memory as it then is. The disk labelled CRASHJOB says what to run (scripts/nested-vmx.sh).

# shellcheck source=appliance/lib.sh
. /crashlab/lib.sh

job=/mnt
qmp=/run/qmp

# At a reset of its guest QEMU stops it, as it is, and says so.
run_qemu()
{
	qemu-system-x86_64-microvm -nodefaults -display none -action reboot=shutdown,shutdown=pause \
		-M microvm,x-option-roms=on,rtc=on -accel kvm -cpu host -smp 2 -m 128 \
		-kernel $job/kernel -initrd $job/initramfs -append "$1" \
		-serial stdio -qmp pipe:$qmp </dev/null >/run/console 2>&1
}

# console_until PATTERN: the guest's console up to a line like it; what it says goes to this one's
console_until()
{
	while read -r line <&4; do
		echo "$name: $line"
		case $line in
		*$1*) return ;;
		*'crashlab error '* | *'end Kernel panic'*) fail guest "$name: $line" ;;
		*[![:space:]]*) last=$line ;;
		esac
	done
	fail guest "$name ended: $last"
}

# qmp_until WORD: QEMU's messages up to one that has it, which is then in $message
qmp_until()
{
	while read -r message <&6; do
		case $message in
		*"\"$1\""*) return ;;
		'{"error"'*) fail qemu "$name: $message" ;;
		esac
	done
	fail qemu "$name: QEMU ended"
}

# qmp COMMAND [ARGUMENTS]
qmp()
{
	echo "{\"execute\": \"$1\", \"arguments\": {${2-}}}" >&5
	qmp_until return
}

# At the reset QEMU stops the guest by itself. A panic without a crash kernel ends in no event of QEMU's,
# but for good in the guest's last line.
stop_guest()
{
	case $strike in
	restart) qmp_until STOP ;;
	panic)
		console_until 'end Kernel panic'
		qmp stop
		;;
	esac
}

write_dump()
{
	qmp human-monitor-command '"command-line": "info registers -a"'
	message=${message#*'"return": "'}
	printf '%b' "${message%'"'*}" | tr -d '\r' >"$job/$name.regs"
	qmp dump-guest-memory "\"paging\": false, \"protocol\": \"file:$job/$name.vmcore\""
	event "dump name=$name bytes=$(stat -c %s "$job/$name.vmcore")"
}

run_guest()
{
	mkfifo /run/console $qmp.in $qmp.out
	last='it said nothing'
	run_qemu "$(cat $job/cmdline) $*" &
	exec 4</run/console
	# By its first word QEMU has opened the pipes; of events it tells only who has greeted it.
	console_until 'crashlab kvm'
	exec 5>$qmp.in 6<$qmp.out
	qmp qmp_capabilities
	console_until 'crashlab strikes'
	event "strike name=$name"
	stop_guest
	write_dump
	echo '{"execute": "quit"}' >&5
	wait
	exec 4<&- 5>&- 6<&-
	rm /run/console $qmp.in $qmp.out
}

start
exec </dev/console >/dev/console 2>&1
event "boot release=$(uname -r) cpus=$(nproc)"
load_drivers
device=$(findfs LABEL=CRASHJOB) || fail disk "no disk labelled CRASHJOB"
mount -t vfat "$device" $job || fail disk "cannot mount $device"
load_kvm
[ "$(cat /sys/module/kvm_intel/parameters/nested)" = Y ] || fail kvm "kvm_intel does not nest"
while read -r name strike rest; do
	# shellcheck disable=SC2086 # key=value words, for the guest's init
	run_guest case_strike="$strike" $rest
done <$job/cases
umount $job || fail disk "cannot unmount the disk"
event "done"
idle
