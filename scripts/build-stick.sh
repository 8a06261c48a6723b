#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Build what a real machine boots, build/stick/<kernel>/ (docs/stick.md), for a kernel that
# scripts/fetch-kernel.sh fetched. The same inputs give the same bytes. Does nothing when nothing that
# goes in has changed. Prints the files.
#
# Usage: scripts/build-stick.sh KERNEL [--format iso|disk|netboot]... [OPTION]...
#   KERNEL       as fetch-kernel.sh printed it
#   --format     what to make; default: all of them
#   --flavour    small (default); full: with QEMU, libvirt, crashlab and a Linux guest in it, in
#                build/stick/<kernel>-full/
#   --scenario   the scenario it runs when nothing else is said: a name or a file; default: stick
#   --options    further options for the kernel command line
#   --network    it can send its results over a network (crashlab.put=URL in --options)
#   --go         it begins at once: no menu, no 10 seconds to stop it
#   --results    size of the disk's results partition in MiB; default: 512
#   --overlay    a directory or cpio archive, put on top of the appliance
#   --output     another directory than build/stick/<kernel>/
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/images.sh"

# src/stick/ and appliance/stick.sh know these, too.
results_label=CRASHRESULT
results_name="crashlab results"
results_uuid=c4a581ab

grub=/usr/lib/grub
efi_files="/usr/lib/shim/shimx64.efi.signed=BOOTX64.EFI $grub/x86_64-efi-signed/gcdx64.efi.signed=grubx64.efi \
	/usr/lib/shim/mmx64.efi.signed=mmx64.efi"
grub_modules="biosdisk part_gpt part_msdos fat iso9660 search search_fs_file normal configfile linux \
	test echo serial terminal minicmd halt reboot"
stick_packages="$image_packages grub-common grub-pc-bin grub-efi-amd64-signed shim-signed dosfstools mtools \
	xorriso fdisk cpio zstd"

# uuid NAME: made of the inputs and the name; the first 8 digits are as given in $2
uuid()
{
	printf '%s %s' "$inputs" "$1" | sha256sum | sed -E "s/^.{8}(.{4}).(.{3}).(.{3})(.{12}).*/${2:-\
$(printf '%s %s' "$inputs" "$1" | sha256sum | cut -c 1-8)}-\1-4\2-8\3-\4/"
}

# serial NAME: of a FAT file system, 8 digits
serial()
{
	printf '%s %s' "$inputs" "$1" | sha256sum | cut -c 1-8
}

# settle DIRECTORY: every file as old as the kernel
settle()
{
	find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

# pack DIRECTORY FILE: as a compressed cpio archive
pack()
{
	settle "$1"
	: >"$work/packed"
	append_cpio "$1" "$work/packed"
	zstd -q $squeeze --single-thread -c "$work/packed" >"$2"
	rm "$work/packed"
}

# make_tree MODULES TREE: an initramfs as a directory; its kernel modules keep their signatures, which
# a kernel under Secure Boot asks for
make_tree()
{
	make_initramfs "$1" "$work/tree.cpio" yes
	mkdir "$2"
	(cd "$2" && cpio -i -d -m --quiet) <"$work/tree.cpio"
	# dracut's own command line: it has the path of $work in it
	rm "$work/tree.cpio" "$2/usr/lib/dracut/build-parameter.txt"
}

# Packages and versions of all that is in the trees and boots them. Of a file that dracut took by
# another name for its directory, /usr/lib or /lib, either is asked for.
list_packages()
{
	{
		cat "$kernel/package"
		for package in $stick_packages; do
			dpkg-query -W -f '${Package}=${Version}\n' "$package"
		done
		(cd "$work" && find capture appliance -type f \( -path '*/bin/*' -o -path '*/sbin/*' \
			-o -name '*.so*' \) -printf '/%P\n') | sort -u | while read -r file; do
			dpkg-query -S "$file" "${file#/usr}" "/usr$file" 2>/dev/null || :
		done | sed 's/:.*//' | sort -u | while read -r package; do
			dpkg-query -W -f '${Package}=${Version}\n' "$package"
		done
	} | sort -u
}

# The kernel, the initramfs, what to give the kernel, what is in it.
make_boot_files()
{
	boot=$work/boot/crashlab
	mkdir -p "$boot" "$work/boot/boot/grub"
	make_tree "crashlab-capture crashlab-stick" "$work/capture"
	make_tree "$appliance_modules" "$work/appliance"
	if [ "$flavour" = full ]; then
		make_guest "$work/appliance"
		put_lab "$work/appliance"
	fi
	kdump=$work/appliance/crashlab/kdump
	mkdir "$kdump"
	cp "$kernel/boot/vmlinuz-$release" "$kdump/vmlinuz"
	cp "$kdump/vmlinuz" "$boot/vmlinuz"
	make_cmdline "$root/appliance/cmdline.capture.stick" >"$kdump/cmdline"
	pack "$work/capture" "$kdump/initramfs"
	cp "$scenario" "$work/appliance/crashlab/scenarios/scenario.ini"
	{
		echo "release=$release"
		echo "scenario=$(basename "$scenario" .ini)"
		echo "inputs=$inputs"
		echo "date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)"
		list_packages | sed 's/^/package /'
	} >"$work/appliance/crashlab/manifest"
	cp "$work/appliance/crashlab/manifest" "$boot/manifest"
	if [ -d "$overlay" ]; then
		cp -r "$overlay/." "$work/appliance/"
	elif [ -n "$overlay" ]; then
		(cd "$work/appliance" && cpio -i -d -u --quiet) <"$overlay"
	fi
	pack "$work/appliance" "$boot/initramfs"
	: >"$boot/$id"
	cmdline="$(make_cmdline "$root/appliance/cmdline.stick")${options:+ $options}"
}

# make_menu FILE MORE: the flavour's boot menu; MORE options for the kernel
# shellcheck disable=SC2086 # a path without blanks
make_menu()
{
	sed -e "s|@TIMEOUT@|$timeout|" -e "s|@ID@|$id|" -e "s|@CMDLINE@|$cmdline${2:+ $2}|" \
		"$root/appliance/grub.cfg" $menu_more >"$1"
}

# make_core FORMAT FILE: GRUB for a BIOS, which looks for the files by the image's id
make_core()
{
	cat >"$work/early.cfg" <<END
search --no-floppy --file --set=root /crashlab/$id
set prefix=(\$root)/boot/grub
END
	# shellcheck disable=SC2086 # names of modules
	grub-mkimage -d $grub/i386-pc -O "$1" -p /boot/grub -c "$work/early.cfg" -o "$2" $grub_modules
}

# make_fat FILE MIB LABEL TREE: a FAT file system with the files of TREE. Its clusters are as large as
# FAT32 lets them be, which has 65525 at least: GRUB reads one after another.
make_fat()
{
	truncate -s "$2M" "$1"
	sectors=1
	while [ $sectors -lt 8 ] && [ $(($2 * 1024 / sectors)) -gt 66500 ]; do
		sectors=$((sectors * 2))
	done
	mkfs.vfat --invariant -F 32 -s $sectors -i "$(serial "$3")" -n "$3" "$1" >/dev/null
	settle "$4"
	(cd "$4" && LC_ALL=C && export LC_ALL && mcopy -s -m -Q -i "$1" ./* ::)
}

# Under UEFI: Debian's signed shim and GRUB, with the menu where that GRUB looks for it.
put_efi()
{
	mkdir -p "$1/EFI/BOOT"
	for file in $efi_files; do
		cp "${file%=*}" "$1/EFI/BOOT/${file#*=}"
	done
}

make_iso()
{
	tree=$work/iso
	cp -r "$work/boot" "$tree"
	make_menu "$tree/boot/grub/grub.cfg" ""
	make_core i386-pc-eltorito "$tree/boot/grub/eltorito.img"
	mkdir -p "$work/iso-efi/boot/grub"
	put_efi "$work/iso-efi"
	cat >"$work/iso-efi/boot/grub/grub.cfg" <<END
search --no-floppy --file --set=root /crashlab/$id
configfile (\$root)/boot/grub/grub.cfg
END
	make_fat "$work/efi.img" 36 CRASHEFI "$work/iso-efi"
	settle "$tree"
	xorriso -as mkisofs -quiet -o "$new/crashlab.iso" -V CRASHLAB -r -J \
		--grub2-mbr $grub/i386-pc/boot_hybrid.img -partition_offset 16 --mbr-force-bootable \
		-append_partition 2 0xef "$work/efi.img" -appended_part_as_gpt \
		-c /boot/grub/boot.cat -b /boot/grub/eltorito.img -no-emul-boot -boot-load-size 4 \
		-boot-info-table --grub2-boot-info \
		-eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot \
		"$tree" >"$work/xorriso.log" 2>&1 || {
		cat "$work/xorriso.log" >&2
		die "xorriso failed"
	}
}

# put FILE IMAGE MIB
put()
{
	dd if="$1" of="$2" bs=1M seek="$3" conv=notrunc,sparse status=none
}

# little VALUE BYTES: as a number in a boot sector
little()
{
	value=$1 count=$2
	while [ "$count" -gt 0 ]; do
		printf '%b' "\\0$(printf %o $((value & 255)))"
		value=$((value >> 8)) count=$((count - 1))
	done
}

# poke IMAGE OFFSET: bytes from the input
poke()
{
	dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# What grub-install does, which wants a device for it: boot.img into the first sector with the place of
# the core (0x5c) and no trust in the BIOS's drive number (0x66); the core's first sector says where the
# rest is (its last 12 bytes: sector, count, segment).
install_bios()
{
	make_core i386-pc "$work/core.img"
	sectors=$((($(stat -c %s "$work/core.img") + 511) / 512))
	[ "$sectors" -le 2048 ] || die "GRUB's core is larger than its partition"
	put "$work/core.img" "$1" 1
	dd if=$grub/i386-pc/boot.img of="$1" bs=440 count=1 conv=notrunc status=none
	little 2048 8 | poke "$1" 92
	printf '\220\220' | poke "$1" 102
	{
		little 2049 8
		little $((sectors - 1)) 2
		little $((0x820)) 2
	} | poke "$1" $((1048576 + 500))
}

make_disk()
{
	tree=$work/disk
	results=$(uuid results $results_uuid)
	cp -r "$work/boot" "$tree"
	put_efi "$tree"
	make_menu "$tree/boot/grub/grub.cfg" "crashlab.results=$results"
	used=$(($(du -sm --apparent-size "$tree" | cut -f 1) * 11 / 10 + 8))
	[ $used -ge 144 ] || used=144
	make_fat "$work/esp.img" "$used" CRASHBOOT "$tree"
	mkdir "$work/results"
	cp "$root/appliance/results.txt" "$work/results/README.txt"
	make_fat "$work/results.img" "$results_size" $results_label "$work/results"
	image=$new/crashlab.img
	truncate -s "$((1 + 1 + used + results_size + 1))M" "$image"
	sfdisk -q "$image" <<END
label: gpt
label-id: $(uuid disk)
start=1MiB, size=1MiB, uuid=$(uuid bios), type=21686148-6449-6E6F-744E-656564454649, name="crashlab bios"
start=2MiB, size=${used}MiB, uuid=$(uuid esp), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="crashlab boot"
start=$((used + 2))MiB, size=${results_size}MiB, uuid=$results, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name="$results_name"
END
	put "$work/esp.img" "$image" 2
	put "$work/results.img" "$image" $((used + 2))
	install_bios "$image"
}

make_netboot()
{
	mkdir "$new/netboot"
	cp "$work/boot/crashlab/vmlinuz" "$work/boot/crashlab/initramfs" "$new/netboot/"
	cat >"$new/netboot/crashlab.ipxe" <<END
#!ipxe
kernel vmlinuz initrd=initramfs $cmdline
initrd initramfs
boot
END
	settle "$new/netboot"
}

[ $# -ge 1 ] || usage
label=$1
shift
formats=
flavour=small
scenario=stick
options=
timeout=5
results_size=512
overlay=
output=
network=
while [ $# -ge 1 ]; do
	case $1 in
	--network)
		network=yes
		shift
		continue
		;;
	--go)
		timeout=0
		options="${options:+$options }crashlab.go"
		shift
		continue
		;;
	--format | --flavour | --scenario | --options | --results | --overlay | --output) [ $# -ge 2 ] || usage ;;
	*) usage ;;
	esac
	case $1 in
	--format) formats="${formats:+$formats }$2" ;;
	--flavour) flavour=$2 ;;
	--scenario) scenario=$2 ;;
	--options) options="${options:+$options }$2" ;;
	--results) results_size=$2 ;;
	--overlay) overlay=$(readlink -f "$2") ;;
	--output) output=$2 ;;
	esac
	shift 2
done
[ -n "$formats" ] || formats="iso disk netboot"
for format in $formats; do
	case $format in
	iso | disk | netboot) ;;
	*) die "no format \"$format\": iso, disk, netboot" ;;
	esac
done
case $results_size in
'' | *[!0-9]*) die "--results: \"$results_size\" is no number of MiB" ;;
esac
[ "$results_size" -ge 64 ] || die "--results: 64 MiB at least"
[ -e "$scenario" ] || scenario=$root/scenarios/$scenario.ini
[ -r "$scenario" ] || die "no scenario $scenario"

kernel=$build/kernels/$label
[ -d "$kernel/boot" ] || die "no kernel $label: scripts/fetch-kernel.sh fetches it"
release=$(cd "$kernel/boot" && echo vmlinuz-*)
release=${release#vmlinuz-}
need_programs guestload crashtrigger calibrate_vmcs verify_vmcs crashstick
case $flavour in
small)
	appliance_modules="crashlab-appliance crashlab-stick-agent"
	menu_more=
	squeeze=-19
	suffix=
	;;
full)
	appliance_modules="crashlab-full crashlab-stick-agent"
	menu_more=$root/appliance/grub.full.cfg
	squeeze=-9
	suffix=-full
	"$root/scripts/build-images.sh" "$label" || exit
	;;
*) die "no flavour \"$flavour\": small, full" ;;
esac
if [ -n "$network" ]; then
	appliance_modules="$appliance_modules crashlab-network"
	stick_packages="$stick_packages curl ca-certificates"
fi
output=${output:-$build/stick/$label$suffix}
# The kernel's own date, from its version string, unless the caller has another.
date=$(head -c 65536 "$kernel/boot/vmlinuz-$release" | grep -a -o -m 1 '([0-9]\{4\}-[0-9]\{2\}-[0-9]\{2\})' |
	tr -d '()') || date=2020-01-01
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date -u -d "$date" +%s)}
export SOURCE_DATE_EPOCH TZ=UTC

mkdir -p "$build/stick"
exec 9>"$build/stick/.lock"
flock 9
inputs_more="$root/scripts/build-stick.sh $root/scenarios $build/bin/crashstick"
# shellcheck disable=SC2086 # package names hold no blanks
inputs=$({
	hash_inputs $stick_packages
	hash_flavour
	cat "$scenario"
	echo "$flavour $network $formats $options $timeout $results_size $SOURCE_DATE_EPOCH"
} | sha256sum | cut -d ' ' -f 1)
id=$(printf '%s' "$inputs" | cut -c 1-16)
if ! grep -q -x "inputs=$inputs" "$output/manifest" 2>/dev/null; then
	say "$label: building $formats"
	work=$(mktemp -d "$build/stick/.work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	new=$work/new
	mkdir "$new"
	make_dracut_base
	make_boot_files
	for format in $formats; do
		"make_$format"
	done
	cp "$boot/manifest" "$new/manifest"
	say "$label: kernel $(megabytes "$boot/vmlinuz"), initramfs $(megabytes "$boot/initramfs")"
	mkdir -p "$(dirname "$output")"
	rm -rf "$output"
	mv -T "$new" "$output"
fi
find "$output" -type f ! -name manifest | sort
