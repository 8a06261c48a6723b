#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run a script on the full flavour, in a machine that QEMU emulates with AMD's SVM: KVM is there, and
# nests, whatever this host has. So the lab's backend `kvm` runs on any host, one level down.
#
# Usage: scripts/nested.sh RELEASE DIRECTORY
#   RELEASE    of the kernel; build-images.sh RELEASE --flavour full made the images
#   DIRECTORY  what is in it goes with the machine, as /mnt; its file `lab` is the script. What that
#              leaves in the directory where it starts comes back as DIRECTORY/out; the machine's serial
#              ports are console.log and events.log. Status 0: the script ended with status 0.
set -eu

. "$(dirname "$0")/lib.sh"

memory=3072     # MiB: the flavour twice, packed and unpacked, one appliance, its case disk
disk_size=2G    # sparse; two dumps
limit=900       # seconds

# The room that the guests' pages take as translated code
qemu_options="-nodefaults -display none -no-reboot -M pc -accel tcg,thread=multi,tb-size=1024
	-cpu EPYC,+svm -smp 2 -m $memory"

make_disk()
{
	truncate -s $disk_size "$1"
	mkfs.vfat -F 32 -n CRASHJOB "$1" >/dev/null
	mcopy -s -i "$1" "$directory"/* ::/
}

[ $# = 2 ] || usage
images=$build/images/$1-full
directory=$2
[ -d "$images" ] || die "no $images: scripts/build-images.sh $1 --flavour full makes it"
[ -f "$directory/lab" ] || die "no $directory/lab, the script to run"

rm -rf "$directory/out" "$directory/console.log" "$directory/events.log"
disk=$(mktemp "${TMPDIR:-/tmp}/nested.XXXXXX")
trap 'rm -f "$disk"' EXIT
make_disk "$disk"
# shellcheck disable=SC2086 # options, one a word
timeout "$limit" "$build/qemu/qemu-system-x86_64" $qemu_options \
	-kernel "$images/vmlinuz" -initrd "$images/appliance.cpio" -append "$(cat "$images/cmdline.lab")" \
	-drive "file=$disk,if=virtio,format=raw,cache=unsafe" \
	-serial "file:$directory/console.log" -serial "file:$directory/events.log" 2>"$directory/qemu.err" ||
	die "the machine did not come to its end: $(tail -n 1 "$directory/qemu.err")"
grep -q '^crashlab done' "$directory/events.log" ||
	die "the machine ended too soon: $(grep '^crashlab error' "$directory/events.log")"
mcopy -s -n -Q -i "$disk" ::/out "$directory/"
grep -q -x 'crashlab lab status=0' "$directory/events.log"
