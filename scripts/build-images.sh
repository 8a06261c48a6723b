#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Build what the backends boot, build/images/<kernel>/ (docs/interfaces.md), for a kernel that
# scripts/fetch-kernel.sh fetched. Does nothing when nothing that goes in has changed.
#
# Usage: scripts/build-images.sh KERNEL [--flavour linux|full|nested | --overlay DIRECTORY|CPIO --name SUFFIX]
#   KERNEL     as fetch-kernel.sh printed it
#   --flavour linux
#              build/images/<kernel>-linux/: with QEMU and a Linux guest for guestload's load
#   --flavour full
#              build/images/<kernel>-full/: with libvirt, too, and crashlab with the plain images in
#              it; for QEMU alone
#   --flavour nested
#              build/images/<kernel>-nested/: what scripts/nested-vmx.sh runs, for Bochs alone
#   --overlay  build/images/<kernel>-<suffix>/ instead: the same, and the overlay's files on top of
#              the appliance's
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/images.sh"

# The crash kernel's memory under Bochs is at 256M (appliance/cmdline.bochs), where its ELF file has
# to be moved to.
bochs_crash_base=0x10000000

# make_qemu BASE CAPTURE: the package's kernel for both
make_qemu()
{
	kdump=$work/qemu/crashlab/kdump
	mkdir -p "$kdump"
	cp "$kernel/boot/vmlinuz-$release" "$new/vmlinuz"
	ln "$new/vmlinuz" "$kdump/vmlinuz"
	ln "$2" "$kdump/initramfs"
	make_cmdline "$root/appliance/cmdline.capture.qemu" >"$kdump/cmdline"
	make_cmdline "$root/appliance/cmdline.qemu" >"$new/cmdline.qemu"
	cp "$1" "$new/appliance.cpio"
	chmod 644 "$new/appliance.cpio"
	append_cpio "$work/qemu" "$new/appliance.cpio"
	append_overlay "$new/appliance.cpio"
}

make_bootsector()
{
	gcc -m32 -c -o "$work/bootsector.o" "$root/appliance/bootsector.S"
	ld -m elf_i386 -Ttext=0x7c00 --oformat binary -o "$work/bootsector" "$work/bootsector.o"
}

# add_unpacked: the crash kernel as what is inside the bzImage, too: an emulated CPU takes a second to
# unpack it. It is the same kernel, and not under test. Only where kexec checks no signature.
add_unpacked()
{
	mkdir -p "$work/unpacked/crashlab/kdump"
	"$build/bin/bootdisk" capture-kernel "$work/vmlinux" anywhere "$work/unpacked/crashlab/kdump/vmlinux"
	append_cpio "$work/unpacked" "$new/appliance.cpio"
}

# make_bochs BASE CAPTURE: uncompressed and loaded directly. The capture kernel comes from a
# partition of the boot disk: through the initramfs it would be copied once more.
make_bochs()
{
	kdump=$work/bochs/crashlab/kdump
	mkdir -p "$kdump"
	make_bootsector
	"$build/bin/bootdisk" capture-kernel "$work/vmlinux" $bochs_crash_base "$work/capture-kernel"
	make_cmdline "$root/appliance/cmdline.capture.bochs" >"$kdump/cmdline"
	make_cmdline "$root/appliance/cmdline.bochs" >"$new/cmdline.bochs"
	cp "$1" "$work/bochs.cpio"
	append_cpio "$work/bochs" "$work/bochs.cpio"
	append_overlay "$work/bochs.cpio"
	"$build/bin/bootdisk" disk "$new/bochs-boot.img" "$work/bootsector" "$work/vmlinux" \
		"$work/bochs.cpio" "$new/cmdline.bochs" "$work/capture-kernel" "$2"
}

# make_plain: what QEMU boots, on a CD that GRUB boots: all that make_bochs leaves out is in it
make_plain()
{
	mkdir -p "$work/plain/boot/grub"
	ln "$new/vmlinuz" "$work/plain/"
	cp "$new/appliance.cpio" "$work/plain/"
	cat >"$work/plain/boot/grub/grub.cfg" <<END
set timeout=0
linux /vmlinuz $(cat "$new/cmdline.qemu")
initrd /appliance.cpio
boot
END
	grub-mkrescue -d /usr/lib/grub/i386-pc -o "$new/bochs-plain.iso" "$work/plain" \
		>"$work/grub.log" 2>&1 || {
		cat "$work/grub.log" >&2
		die "grub-mkrescue failed"
	}
}

write_manifest()
{
	{
		echo "release=$release"
		echo "package=$(cat "$kernel/package")"
		[ ! -e "$kernel/hash" ] || echo "kernel=$(cat "$kernel/hash")"
		echo "overlay=${overlay:-none}"
		for file in vmlinuz appliance.cpio bochs-boot.img; do
			[ ! -e "$new/$file" ] || echo "size_$file=$(stat -c %s "$new/$file")"
		done
		echo "size_capture=$(stat -c %s "$work/capture.cpio")"
		echo "built=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
		"$root/scripts/kernel-needs.sh" "$label" | sed 's/^/lacks=/;s/\t/ /'
		echo "inputs=$1"
	} >"$new/manifest"
}

# What of the tree went into them, as sha256sum checks it from where the programs are: the lab does.
write_parts()
{
	(cd "$build/bin" && {
		sha256sum guestload crashtrigger calibrate_vmcs verify_vmcs
		find ../../appliance ../../initramfs -type f -exec sha256sum {} + 2>/dev/null | sort -k 2
	}) >"$new/parts"
}

build_small()
{
	make_initramfs crashlab-appliance "$work/appliance-qemu.cpio" yes
	make_initramfs crashlab-appliance "$work/appliance-bochs.cpio" no
	make_qemu "$work/appliance-qemu.cpio" "$work/capture.cpio"
	make_bochs "$work/appliance-bochs.cpio" "$work/capture.cpio"
	make_plain
	add_unpacked
}

build_linux()
{
	make_guest "$work/guest"
	make_initramfs crashlab-linux "$work/linux-qemu.cpio" yes
	make_initramfs crashlab-linux "$work/linux-bochs.cpio" no
	append_cpio "$work/guest" "$work/linux-qemu.cpio"
	append_cpio "$work/guest" "$work/linux-bochs.cpio"
	make_qemu "$work/linux-qemu.cpio" "$work/capture.cpio"
	add_unpacked
	make_bochs "$work/linux-bochs.cpio" "$work/capture.cpio"
}

# What runs in QEMU lies beside the boot disk, as the disk that says what to run has it, too.
build_nested()
{
	make_initramfs crashlab-nested "$work/nested.cpio" no
	make_initramfs crashlab-nested-guest "$new/guest.cpio" no
	chmod 644 "$new/guest.cpio"
	cp "$work/vmlinux" "$new/guest-kernel"
	make_cmdline "$root/appliance/cmdline.guest" "$root/appliance/cmdline.nested-guest" >"$new/cmdline.guest"
	make_cmdline "$root/appliance/cmdline.bochs" "$root/appliance/cmdline.nested" >"$new/cmdline.bochs"
	make_bootsector
	"$build/bin/bootdisk" disk "$new/bochs-boot.img" "$work/bootsector" "$work/vmlinux" \
		"$work/nested.cpio" "$new/cmdline.bochs"
}

build_full()
{
	make_guest "$work/more"
	put_lab "$work/more"
	make_initramfs crashlab-full "$work/full.cpio" yes
	append_cpio "$work/more" "$work/full.cpio"
	make_qemu "$work/full.cpio" "$work/capture.cpio"
	make_cmdline "$root/appliance/cmdline.lab" >"$new/cmdline.lab"
}

build_images()
{
	say "$name: building"
	make_dracut_base
	unpack_vmlinux "$kernel/boot/vmlinuz-$release" "$work/vmlinux"
	# Unsigned where the kernel is not under test, and where checking takes Bochs 20 seconds.
	make_initramfs crashlab-capture "$work/capture.cpio" no
	"build_$flavour"
	for cpio in "$new"/*.cpio "$work/capture.cpio"; do
		say "$name: $(basename "$cpio" .cpio) $(megabytes "$cpio")"
	done
}

[ $# -ge 1 ] || usage
label=$1
shift
overlay=
suffix=
flavour=small
while [ $# -ge 2 ]; do
	case $1 in
	--overlay) overlay=$(readlink -f "$2") ;;
	--name) suffix=$2 ;;
	--flavour) flavour=$2 ;;
	*) usage ;;
	esac
	shift 2
done
[ $# = 0 ] || usage
[ "${overlay:+yes}" = "${suffix:+yes}" ] || usage
case $flavour in
small) ;;
linux | nested) suffix=$flavour ;;
full)
	suffix=full
	"$0" "$label" || exit
	;;
*) usage ;;
esac

kernel=$build/kernels/$label
name=$label${suffix:+-$suffix}
images=$build/images/$name
[ -d "$kernel/boot" ] || die "no kernel $label: scripts/fetch-kernel.sh fetches it"
release=$(cd "$kernel/boot" && echo vmlinuz-*)
release=${release#vmlinuz-}
need_programs guestload crashtrigger calibrate_vmcs verify_vmcs bootdisk

# One build at a time: the second then finds nothing left to do.
mkdir -p "$build/images"
exec 9>"$build/images/.lock"
flock 9
inputs_more="$root/scripts/build-images.sh $root/scripts/kernel-needs.sh $build/bin/bootdisk"
# shellcheck disable=SC2086 # package names hold no blanks
inputs=$({
	hash_inputs $image_packages
	hash_flavour
} | sha256sum | cut -d ' ' -f 1)
if grep -q -x "inputs=$inputs" "$images/manifest" 2>/dev/null; then
	exit 0
fi
work=$(mktemp -d "$build/images/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
new=$work/new
mkdir "$new"
build_images
write_manifest "$inputs"
write_parts
rm -rf "$images"
mv -T "$new" "$images"
