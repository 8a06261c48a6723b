#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Dumps of a Linux that runs KVM guests while it is a guest of KVM itself, so that its VMCSs are what a
# real KVM makes of them (struct vmcs12). Bochs emulates VMX for the KVM below, so any host will do.
#
# Usage: scripts/nested-vmx.sh RELEASE DIRECTORY [OVERLAY]
#   RELEASE    of the kernel, of all the Linuxes; build-images.sh RELEASE --flavour nested made the images
#   DIRECTORY  its file `cases` has a line for each dump, NAME STRIKE [KEY=VALUE...]; of each come back
#              NAME.vmcore, and NAME.regs, QEMU's `info registers -a` of that moment. The serial ports
#              are console.log and events.log.
#              STRIKE  `panic`: without a crash kernel; `restart`: by sysrq-b, dumped at the reset. CPU 1 does it
#              KEY     case_load, case_cpus, case_per_cpu: guestload's options; case_break: a way to break
#                      CPU 0
#   OVERLAY    files that go on top of the Linux that dies: the module that breaks it (tests/lab/break/)
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/images.sh"

memory=1280     # MiB: the guest's, and its dumps on their way to the disk
disk_size=2G    # sparse
limit=1800      # seconds; an idle host takes less than a minute for a dump

# See src/lab/backend_bochs.c.
write_bochsrc()
{
	cat <<END
config_interface: textconfig
display_library: rfb, options="timeout=0, no_gui_console"
cpu: model=corei7_haswell_4770, count=2, ips=100000000, reset_on_triple_fault=0, msrs="$root/appliance/bochs.msrs"
memory: guest=$memory, host=$memory
romimage: file=\$BXSHARE/BIOS-bochs-latest
vgaromimage: file=\$BXSHARE/VGABIOS-lgpl-latest
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, mode=volatile, journal=$work/redolog, path="$images/bochs-boot.img"
ata0-slave: type=disk, mode=flat, path="$work/disk"
boot: disk
com1: enabled=1, mode=file, dev=console.log
com2: enabled=1, mode=file, dev=$work/events
log: bochs.log
debug: action=ignore
info: action=ignore
error: action=ignore
panic: action=fatal
END
}

make_disk()
{
	cp "$images/guest.cpio" "$work/initramfs"
	append_overlay "$work/initramfs"
	truncate -s $disk_size "$1"
	mkfs.vfat -F 32 -s 32 -n CRASHJOB "$1" >/dev/null
	mcopy -i "$1" "$directory/cases" ::cases
	mcopy -i "$1" "$images/cmdline.guest" ::cmdline
	mcopy -i "$1" "$images/guest-kernel" ::kernel
	mcopy -i "$1" "$work/initramfs" ::initramfs
}

# Its RFB server listens on every interface, hence a network of its own.
start_bochs()
{
	isolate=
	! unshare -n true 2>/dev/null || isolate="unshare -n"
	mkfifo "$work/events"
	# shellcheck disable=SC2086 # words
	(cd "$directory" && exec $isolate timeout "$limit" "$build/bochs/bochs" -q -unlock -f "$work/bochsrc" \
		>bochs.out 2>&1 </dev/null) &
	bochs=$!
}

# What the machine says, up to its end; true when that is "done"
follow()
{
	while read -r line; do
		say "$line"
		printf '%s\n' "$line" >>"$directory/events.log"
		case $line in
		'crashlab done'*) return 0 ;;
		'crashlab error'*) return 1 ;;
		esac
	done <"$work/events"
	return 1
}

[ $# = 2 ] || [ $# = 3 ] || usage
images=$build/images/$1-nested
directory=$(absolute "$2")
overlay=${3:+$(readlink -f "$3")}
[ -d "$images" ] || die "no $images: scripts/build-images.sh $1 --flavour nested makes it"
[ -f "$directory/cases" ] || die "no $directory/cases, which says what to run"
[ -x "$build/bochs/bochs" ] || die "no Bochs: scripts/fetch-bochs.sh fetches it"

work=$(mktemp -d "${TMPDIR:-/tmp}/nested-vmx.XXXXXX")
bochs=
trap '[ -z "$bochs" ] || kill "$bochs" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 143' HUP INT TERM
rm -f "$directory"/*.vmcore "$directory"/*.regs "$directory"/*.log
write_bochsrc >"$work/bochsrc"
make_disk "$work/disk"
start_bochs
follow || die "the machine did not come to its end: $directory/console.log"
mcopy -n -Q -i "$work/disk" '::*.vmcore' '::*.regs' "$directory/"
