#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Build what the backends boot, build/images/<kernel>/ (docs/interfaces.md), for a kernel that
# scripts/fetch-kernel.sh fetched. Does nothing when nothing that goes in has changed.
#
# Usage: scripts/build-images.sh KERNEL [--flavour full | --overlay DIRECTORY|CPIO --name SUFFIX]
#   KERNEL     as fetch-kernel.sh printed it
#   --flavour full
#              build/images/<kernel>-full/: with QEMU, libvirt, and crashlab with the plain images in
#              it, for QEMU alone
#   --overlay  build/images/<kernel>-<suffix>/ instead: the same, and the overlay's files on top of
#              the appliance's
set -eu

. "$(dirname "$0")/lib.sh"

# The crash kernel's memory under Bochs is at 256M (appliance/cmdline.bochs), where its ELF file has
# to be moved to.
bochs_crash_base=0x10000000

# make_cmdline FILE: its options on one line
make_cmdline()
{
	sed 's/#.*//' "$1" | xargs
}

megabytes()
{
	echo $((($(stat -c %s "$1") + 524288) / 1048576))M
}

# Everything that goes in, by content, so that a fresh checkout or a rebuild without a change is as
# good as none.
hash_inputs()
{
	{
		cat "$kernel/package" "$kernel/hash" 2>/dev/null || true
		find "$root/appliance" "$root/initramfs" "$root/scripts/build-images.sh" \
			"$root/scripts/kernel-needs.sh" ${overlay:+"$overlay"} \
			"$build/bin/guestload" "$build/bin/crashtrigger" "$build/bin/calibrate_vmcs" \
			"$build/bin/verify_vmcs" "$build/bin/bootdisk" -type f -exec sha256sum {} + | sort
		[ "$flavour" = small ] || hash_full
		dpkg-query -W busybox-static dracut-core kexec-tools makedumpfile libc6
	} | sha256sum | cut -d ' ' -f 1
}

# What the full flavour has besides
hash_full()
{
	find "$root/scenarios" "$build/qemu" "$build/bin/crashlab" -type f -exec sha256sum {} + | sort
	dpkg-query -W bash libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients dosfstools mtools
	grep '^inputs=' "$build/images/$label/manifest"
}

# dracut takes modules from where it lives; give it a place with its own files and our modules only.
make_dracut_base()
{
	mkdir -p "$work/dracut/modules.d" "$work/empty" "$work/tmp"
	for file in /usr/lib/dracut/dracut-* /usr/lib/dracut/skipcpio; do
		ln -s "$file" "$work/dracut/"
	done
	ln -s "$root"/initramfs/[0-9]* "$work/dracut/modules.d/"
}

# make_initramfs NAME OUT SIGNED: none of the host's own configuration goes in. The modules keep
# their signatures when SIGNED is yes.
make_initramfs()
{
	dracutbasedir=$work/dracut crashlab=$root crashlab_build=$build crashlab_signed=$3 \
		dracut --quiet --force --no-hostonly --no-hostonly-cmdline --reproducible \
		--no-early-microcode --no-compress --nofscks --nomdadmconf --nolvmconf \
		--conf /dev/null --confdir "$work/empty" --fwdir "$work/empty" --tmpdir "$work/tmp" \
		--modules "crashlab-$1" --kver "$release" \
		--kmoddir "$kernel/lib/modules/$release" "$2" >"$work/dracut.log" 2>&1 || {
		cat "$work/dracut.log" >&2
		die "dracut failed to make the $1 image"
	}
}

# make_full BASE OUT: the plain images go into the full flavour, which has itself boot by cmdline.lab
make_full()
{
	lab=$work/lab/crashlab/lab/build/images/$label
	mkdir -p "$lab"
	ln "$build/images/$label/vmlinuz" "$build/images/$label/appliance.cpio" \
		"$build/images/$label/cmdline.qemu" "$build/images/$label/manifest" "$lab/"
	append_cpio "$work/lab" "$1"
	make_cmdline "$root/appliance/cmdline.lab" >"$new/cmdline.lab"
}

# append_cpio DIRECTORY FILE: the kernel unpacks one cpio archive after another
append_cpio()
{
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort |
		cpio -o -H newc -R 0:0 --reproducible --quiet) >>"$2"
}

append_overlay()
{
	if [ -d "$overlay" ]; then
		append_cpio "$overlay" "$1"
	elif [ -n "$overlay" ]; then
		cat "$overlay" >>"$1"
	fi
}

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

# The kernel inside the bzImage is compressed with one of many; its first bytes tell which.
unpack_vmlinux()
{
	"$build/bin/bootdisk" payload "$1" "$work/payload"
	case $(od -An -tx1 -N4 "$work/payload" | tr -d ' ') in
	28b52ffd) zstd -q -dc "$work/payload" ;;
	fd377a58) xz -dc "$work/payload" ;;
	1f8b*) gzip -dc "$work/payload" ;;
	5d00*) xz --format=lzma -dc "$work/payload" ;;
	*) die "$1: compressed in a way that this script does not know" ;;
	esac >"$2"
	rm "$work/payload"
}

# make_bochs BASE CAPTURE: uncompressed and loaded directly. The capture kernel comes from a
# partition of the boot disk: through the initramfs it would be copied once more.
make_bochs()
{
	kdump=$work/bochs/crashlab/kdump
	mkdir -p "$kdump"
	gcc -m32 -c -o "$work/bootsector.o" "$root/appliance/bootsector.S"
	ld -m elf_i386 -Ttext=0x7c00 --oformat binary -o "$work/bootsector" "$work/bootsector.o"
	unpack_vmlinux "$kernel/boot/vmlinuz-$release" "$work/vmlinux"
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
	ln "$new/vmlinuz" "$new/appliance.cpio" "$work/plain/"
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

build_small()
{
	make_initramfs appliance "$work/appliance-qemu.cpio" yes
	make_initramfs appliance "$work/appliance-bochs.cpio" no
	make_qemu "$work/appliance-qemu.cpio" "$work/capture.cpio"
	make_bochs "$work/appliance-bochs.cpio" "$work/capture.cpio"
	make_plain
}

build_full()
{
	make_initramfs full "$work/full.cpio" yes
	make_full "$work/full.cpio"
	make_qemu "$work/full.cpio" "$work/capture.cpio"
}

build_images()
{
	say "$name: building"
	make_dracut_base
	# Unsigned where the kernel is not under test, and where checking takes Bochs 20 seconds.
	make_initramfs capture "$work/capture.cpio" no
	"build_$flavour"
	say "$name: appliance $(megabytes "$new/appliance.cpio"), capture $(megabytes "$work/capture.cpio")"
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
[ -z "$overlay" ] || [ -n "$suffix" ] || usage
case $flavour in
small) ;;
full)
	suffix=${suffix:-full}
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
for program in guestload crashtrigger calibrate_vmcs verify_vmcs bootdisk; do
	[ -x "$build/bin/$program" ] || die "no $build/bin/$program: run make first"
	[ -s "$build/bin/$program" ] || die "$build/bin/$program is empty: is it being built?"
done

# One build at a time: the second then finds nothing left to do.
mkdir -p "$build/images"
exec 9>"$build/images/.lock"
flock 9
inputs=$(hash_inputs)
if grep -q -x "inputs=$inputs" "$images/manifest" 2>/dev/null; then
	exit 0
fi
work=$(mktemp -d "$build/images/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
new=$work/new
mkdir "$new"
build_images
write_manifest "$inputs"
rm -rf "$images"
mv -T "$new" "$images"
