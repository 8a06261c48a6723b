# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154,SC3045 # variables of lib.sh and of the agents; options of read
#
# What is different on a stick (docs/stick.md): the agents' functions that take the place of lib.sh's.
# The results are on a partition that is mounted only while something is written to it: when the
# machine dies, nothing of it is in memory.

buses="pci acpi platform usb hid virtio scsi nvme"
events=/run/strikes
results_label=CRASHRESULT
results_name='crashlab results'
results_uuid=c4a581ab-
consoles="/dev/tty0 /dev/ttyS0"
console_speed=115200
watchdog_seconds=300
case_folder=
out=
results=
pending=
mounted=
memory_only=

# option NAME: what the kernel command line says as crashlab.NAME=VALUE
option()
{
	read -r words </proc/cmdline
	for word in $words; do
		case $word in
		"crashlab.$1="*)
			echo "${word#*=}"
			return
			;;
		esac
	done
	return 1
}

# flag NAME: whether crashlab.NAME is on the kernel command line
flag()
{
	read -r words </proc/cmdline
	for word in $words; do
		[ "$word" != "crashlab.$1" ] || return 0
	done
	return 1
}

# say TEXT...: to whoever is there; a machine may lack either console
say()
{
	for console in $consoles; do
		printf '%s\n' "$@" >"$console" 2>/dev/null
	done
}

# show FILE
show()
{
	for console in $consoles; do
		cat "$1" >"$console" 2>/dev/null
	done
}

# The results are on whatever disk: all drivers are needed.
has_case_disk()
{
	return 1
}

open_events()
{
	exec 3>/dev/kmsg
	# Kept open, as ttyS1 is in lib.sh; a machine may have none. Set up before anything is written: a
	# change of settings while something is sent can stop the port for good.
	if : 2>/dev/null <>/dev/ttyS0; then
		exec 6<>/dev/ttyS0
		stty -F /dev/ttyS0 $console_speed -icanon -echo min 1
	fi
	stty -F /dev/tty0 -icanon -echo min 1 2>/dev/null
	if folder=$(option case); then
		flag memory && memory_only=yes
		set_case "$folder"
		load_drivers
		arm_watchdog
	fi
}

# set_case RUN/ID
set_case()
{
	case_folder=/mnt/results/$1
	out=$case_folder/capture
	capture_options="crashlab.case=$1${memory_only:+ crashlab.memory}"
	! uuid=$(option results) || capture_options="$capture_options crashlab.results=$uuid"
}

# Everything is said on the consoles, and noted in the case's folder with the time.
event()
{
	echo "<3>crashlab $*" >&3
	[ -n "$case_folder" ] || return 0
	text=$*
	name=${text%% *}
	pending="${pending}crashlab $name at=$(date +%s)${text#"$name"}
"
	[ -n "$results" ] || return 0
	if [ -n "$mounted" ]; then
		write_pending
	else
		mount_results && write_pending && umount_case_disk
	fi
}

# Its keys are wanted.
deaf_console()
{
	:
}

# What is noted is synced.
drained_event()
{
	event "$@"
}

write_pending()
{
	printf '%s' "$pending" >>"$case_folder/events.log" && pending= && sync
}

# The value of KEY= in what blkid says of a device, on its input
blkid_value()
{
	sed -n "s/^$1=//p"
}

# One partition only, told by its name, label, type and UUID together. Nothing else is even read.
find_results()
{
	wanted=$(option results) || wanted=$results_uuid
	found=
	for entry in /sys/class/block/*/uevent; do
		grep -q -x "PARTNAME=$results_name" "$entry" || continue
		partition=${entry%/uevent}
		partition=/dev/${partition##*/}
		/usr/sbin/blkid -p -o export "$partition" >/run/blkid 2>/dev/null || continue
		[ "$(blkid_value LABEL </run/blkid)" = $results_label ] || continue
		[ "$(blkid_value TYPE </run/blkid)" = vfat ] || continue
		case $(blkid_value PART_ENTRY_UUID </run/blkid) in
		"$wanted"*) found="$found $partition" ;;
		esac
	done
	# shellcheck disable=SC2086 # devices have no blanks
	set -- $found
	[ $# -le 1 ] || {
		say "crashlab: there is more than one results partition ($found): leave one in the machine."
		stop
	}
	results=${1:-}
	[ -n "$results" ]
}

# Disks on USB, and behind some controllers, turn up seconds after their drivers.
wait_for_results()
{
	left=$(option wait) || left=20
	left=$((left * 5))
	devices=
	while :; do
		now=$(echo /sys/bus/*/devices/*)
		[ "$now" = "$devices" ] || load_drivers
		devices=$now
		find_results && return
		[ $left -gt 0 ] || return
		left=$((left - 1))
		usleep 200000
	done
}

# mount_results [OPTIONS]
mount_results()
{
	[ -n "$memory_only" ] || mount -t vfat -o "${1:-rw},noatime" "$results" /mnt || return
	mounted=yes
}

umount_case_disk()
{
	mounted=
	[ -n "$memory_only" ] || umount /mnt
}

mount_case_disk()
{
	if [ -z "$memory_only" ]; then
		[ -n "$results" ] || wait_for_results || fail disk "the results partition is gone"
	elif [ -z "$results" ]; then
		use_memory
		mkdir -p "$case_folder"
		printf 'id=%s\nsave=never\n' "${case_folder##*/}" >"$case_folder/case"
	fi
	mount_results "$1" || fail disk "cannot mount $results"
	mkdir -p "$out"
	write_pending
}

use_memory()
{
	mount -t tmpfs tmpfs /mnt
	memory_only=yes
	results=memory
}

# Nobody feeds the watchdog: whatever does not come to the next stage in time is a hang. Its driver goes
# on counting over the crash; the capture kernel winds it up anew. Its own driver stops it no more at a
# reboot (watchdog.stop_on_reboot=0), which is what hangs.
arm_watchdog()
{
	! seconds=$(option watchdog) || watchdog_seconds=$seconds
	if [ ! -e /dev/watchdog ]; then
		watchdog_seconds=0
		event "watchdog seconds=0 text=this machine has none: nothing ends a case that hangs"
		return
	fi
	watchdog -F -T "$watchdog_seconds" -t 86400 /dev/watchdog >/dev/null 2>&1 &
}

# Where the partition tells that the machine was reset by its watchdog
watchdog_fired()
{
	status=$(cat /sys/class/watchdog/watchdog0/bootstatus 2>/dev/null) || return
	[ $((status & 0x20)) != 0 ]
}

# The next case, in a new boot. Should the reboot itself hang, there are two more ways.
idle()
{
	[ -n "$case_folder" ] || stop
	if [ -n "$memory_only" ]; then
		[ ! -e "$out/verdict.txt" ] || show "$out/verdict.txt"
		stop
	fi
	sync
	(
		usleep 20000000
		echo b >/proc/sysrq-trigger
	) &
	reboot -f
	while :; do
		sleep 86400
	done
}

fail()
{
	event "error stage=$1 text=$2"
	idle
}

# key SECONDS: the first key on any console within that time; false when there was none
key()
{
	exec 5<>/run/keys
	pressed=
	left=$1
	while [ -z "$pressed" ] && [ "$left" -gt 0 ]; do
		for console in $consoles; do
			printf '\r%3d ' "$left" >"$console" 2>/dev/null
		done
		read -r -t 1 -n 1 pressed <&5 && pressed=${pressed:-enter}
		left=$((left - 1))
	done
	say ""
	[ -n "$pressed" ]
}

# What is typed on any console goes to /run/keys.
listen()
{
	[ ! -e /run/keys ] || return
	mkfifo /run/keys
	exec 5<>/run/keys
	for console in $consoles; do
		while dd if="$console" bs=1 count=1 2>/dev/null; do :; done >/run/keys &
	done
}

# The machine is the operator's again.
stop()
{
	listen
	say "" "crashlab has stopped; this machine can be switched off." \
		"Keys: r restart the machine, p power it off, n begin a new run."
	while :; do
		read -r -n 1 pressed <&5
		case $pressed in
		r) reboot -f ;;
		p) poweroff -f ;;
		n) begin_anew ;;
		esac
	done
}

begin_anew()
{
	[ -n "$results" ] || return
	mount_results && rm -f /mnt/results/current && umount_case_disk
	reboot -f
}

# ask SECONDS: nothing is started without the operator's word
ask()
{
	! flag go || return 0
	say "" "This will CRASH this machine again and again, until all cases are done." \
		"It begins by itself. Press any key to stop it; seconds left:"
	listen
	! key "$1" || stop
}

# Where no results partition is, a single case can be run: what it finds is on the screen only.
take_memory()
{
	say "crashlab: no results partition found (label $results_label)." \
		"One case can be run from memory; its verdict will be on the screen only."
	use_memory
}

# Which scenario: by the kernel command line a file NAME.ini on the partition, or one of the image; a
# file scenario.ini on the partition; the one that the image was built with.
find_scenario()
{
	name=$(option scenario) || name=scenario
	for scenario in "/mnt/$name.ini" "/crashlab/scenarios/$name.ini"; do
		[ ! -e "$scenario" ] || return 0
	done
	say "crashlab: no scenario \"$name\": neither $name.ini on the results partition nor in the image."
	stop
}

stick()
{
	crashstick "$@" --scenario "$scenario" --vendor "$(cpu_vendor)" --watchdog "$watchdog_seconds" \
		--save "$(option save || echo fail)" >/run/said 2>&1
}

# How far the run is says how long to wait for a word: 0 new, 1 going on, 2 done, else an error.
look()
{
	mount_results ro || { say "crashlab: cannot mount $results"; stop; }
	find_scenario
	stick status
	status=$?
	umount_case_disk
	show /run/said
	return $status
}

# The image has no network, but for network.sh.
send_results()
{
	! option put >/run/put ||
		say "crashlab: this image was made without --network: the results stay on the stick."
}

finish()
{
	mount_results && stick finish
	send_results
	umount_case_disk
	show /run/said
	stop
}

# Repairs what a power cut left; after a clean end it only looks.
check_results()
{
	[ -z "$memory_only" ] || return 0
	/usr/sbin/fsck.fat -a "$results" >/run/fsck 2>&1
	[ $? -le 1 ] || { show /run/fsck; say "crashlab: $results is damaged"; stop; }
}

find_case()
{
	wait_for_results || take_memory
	look
	case $? in
	0) ! flag look || stop; ask 10 ;;
	1) ! flag look || stop; ask 3 ;;
	2) finish ;;
	*) stop ;;
	esac
	check_results
	[ -e /dev/watchdog ] || watchdog_seconds=0
	fired=
	! watchdog_fired || fired=--watchdog-fired
	mount_results || { say "crashlab: cannot mount $results"; stop; }
	# shellcheck disable=SC2086 # nothing when it did not
	stick next $fired
	status=$?
	case $status in
	0) mv /run/said /run/chosen; send_results ;;
	2) umount_case_disk; finish ;;
	*) umount_case_disk; show /run/said; stop ;;
	esac
	set_case "$(cat /run/chosen)"
	read_case
	arm_watchdog
	umount_case_disk
}

# The last that is noted before the machine dies.
mark_strike()
{
	event "strike panic_cpu=$case_panic_cpu reboot_cpu=$case_reboot_cpu window=$case_window"
}

# shellcheck source=appliance/network.sh
[ ! -e /crashlab/network.sh ] || . /crashlab/network.sh
