#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# How long the stick takes from the firmware's hand-over to its agent, against the same kernel with a
# plain initramfs of dracut's: all of its modules, which finds the same disk. Both boot from the same
# image in QEMU, by turns; the hand-over is GRUB's first word on the serial console. Prints medians of
# seconds and their ratio.
#
# Usage: bench/boot.sh [TIMES]
set -eu
cd "$(dirname "$0")/.."

times=${1:-5}
kernel=$(cat build/kernel)
release=$(cd "build/kernels/$kernel/boot" && echo vmlinuz-*)
release=${release#vmlinuz-}
made=build/stick/bench
work=$(mktemp -d)
machine=
trap '[ -z "$machine" ] || kill "$machine" 2>/dev/null; rm -rf "$work"' EXIT

scripts/build-stick.sh "$kernel" --format disk --go --output $made >/dev/null

# Debian's dracut as it is, but for the kernel, which is not installed.
plain_initramfs()
{
	dracut --quiet --force --no-hostonly --zstd --kver "$release" \
		--kmoddir "$PWD/build/kernels/$kernel/lib/modules/$release" "$work/plain" 2>"$work/dracut.log" ||
		{ cat "$work/dracut.log" >&2; exit 1; }
}

# put FILE NAME: into the boot partition of the plain disk
put()
{
	mcopy -o -i "$work/plain.img@@$((4096 * 512))" "$1" "::$2"
}

plain_disk()
{
	cp --sparse=always $made/crashlab.img "$work/plain.img"
	results=$(sfdisk --part-uuid "$work/plain.img" 3 | tr A-F a-f)
	mcopy -i "$work/plain.img@@$((4096 * 512))" ::boot/grub/grub.cfg "$work/grub.cfg"
	sed -i "s|^\tlinux .*|\tlinux /crashlab/vmlinuz console=ttyS0,115200 quiet root=PARTUUID=$results rd.break=pre-mount|" \
		"$work/grub.cfg"
	put "$work/grub.cfg" boot/grub/grub.cfg
	put "$work/plain" crashlab/initramfs
}

# boot IMAGE PATTERN: seconds between the first line and the one like PATTERN
boot()
{
	cp --sparse=always "$1" "$work/disk.img"
	mkfifo "$work/serial"
	build/qemu/qemu-system-x86_64 -accel tcg,thread=multi -cpu EPYC,+svm -smp 2 -m 1024 -nodefaults \
		-display none -drive "file=$work/disk.img,format=raw,if=virtio" \
		-serial "file:$work/serial" 2>/dev/null &
	machine=$!
	python3 -c '
import re, sys, time
start, text = None, b""
with open(sys.argv[1], "rb", buffering=0) as serial:
    while chunk := serial.read(4096):
        start = start or time.monotonic()
        text += chunk
        if re.search(sys.argv[2].encode(), text):
            print("%.2f" % (time.monotonic() - start))
            break
' "$work/serial" "$2"
	kill $machine
	wait $machine 2>/dev/null || :
	machine=
	rm "$work/serial"
}

median()
{
	sort -n "$1" | sed -n "$(((times + 1) / 2))p"
}

# MiB of the stick's initramfs
stick_size()
{
	mdir -i "$made/crashlab.img@@$((4096 * 512))" ::crashlab/initramfs |
		awk '/^initram/ { print int($2 / 1048576) }'
}

plain_initramfs
plain_disk
for _ in $(seq "$times"); do
	boot $made/crashlab.img 'crashlab boot' >>"$work/agent"
	boot $made/crashlab.img 'crashlab: a new run' >>"$work/found"
	boot "$work/plain.img" 'pre-mount' >>"$work/other"
done
agent=$(median "$work/agent") found=$(median "$work/found") other=$(median "$work/other")
echo "initramfs: stick $(stick_size) MiB, plain $(($(stat -c %s "$work/plain") / 1048576)) MiB"
echo "to the agent: $agent s"
echo "to the results partition: $found s"
echo "plain initramfs, to the same partition: $other s"
awk "BEGIN { printf \"ratio: agent %.2f, results %.2f of plain\\n\", $agent / $other, $found / $other }"
