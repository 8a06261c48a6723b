# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154 # $work, $kernel, $release, $overlay: of the script that sources this
#
# What the scripts that make bootable images share; to be sourced after lib.sh.

# make_cmdline FILE...: their options on one line
make_cmdline()
{
	sed 's/#.*//' "$@" | xargs
}

megabytes()
{
	echo $((($(stat -c %s "$1") + 524288) / 1048576))M
}

# What the images' programs, and those that make images, come from: their versions are inputs.
# shellcheck disable=SC2034 # used by those who source this
image_packages="busybox-static dracut-core kexec-tools makedumpfile libc6"

# hash_inputs PACKAGE...: everything that goes in, by content, so that a fresh checkout or a rebuild
# without a change is as good as none. $inputs_more: further files and directories.
hash_inputs()
{
	{
		cat "$kernel/package" "$kernel/hash" 2>/dev/null || true
		# shellcheck disable=SC2086 # paths without blanks
		find "$root/appliance" "$root/initramfs" "$root/scripts/images.sh" $inputs_more \
			${overlay:+"$overlay"} "$build/bin/guestload" "$build/bin/crashtrigger" \
			"$build/bin/calibrate_vmcs" "$build/bin/verify_vmcs" -type f -exec sha256sum {} + |
			sed "s|$root/||" | sort
		dpkg-query -W "$@"
	} | sha256sum | cut -d ' ' -f 1
}

# What $flavour has besides
hash_flavour()
{
	[ "$flavour" != small ] || return 0
	find "$build/qemu" -type f -exec sha256sum {} + | sed "s|$build/||" | sort
	[ "$flavour" = full ] || return 0
	find "$root/scenarios" "$build/bin/crashlab" -type f -exec sha256sum {} + | sed "s|$root/||" | sort
	dpkg-query -W bash libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients dosfstools mtools
	grep '^inputs=' "$build/images/$label/manifest"
}

# need_programs NAME...
need_programs()
{
	for program; do
		[ -x "$build/bin/$program" ] || die "no $build/bin/$program: run make first"
		[ -s "$build/bin/$program" ] || die "$build/bin/$program is empty: is it being built?"
	done
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

# make_initramfs MODULES OUT SIGNED: none of the host's own configuration goes in. The kernel modules
# keep their signatures when SIGNED is yes.
make_initramfs()
{
	dracutbasedir=$work/dracut crashlab=$root crashlab_build=$build crashlab_signed=$3 \
		dracut --quiet --force --no-hostonly --no-hostonly-cmdline --reproducible \
		--no-early-microcode --no-compress --nofscks --nomdadmconf --nolvmconf \
		--conf /dev/null --confdir "$work/empty" --fwdir "$work/empty" --tmpdir "$work/tmp" \
		--modules "$1" --kver "$release" \
		--kmoddir "$kernel/lib/modules/$release" "$2" >"$work/dracut.log" 2>&1 || {
		cat "$work/dracut.log" >&2
		die "dracut failed to make the image of $1"
	}
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

# make_guest DIRECTORY: the Linux that guestload runs under QEMU. QEMU starts the unpacked kernel by its
# PVH note; unpacking takes an emulated CPU long.
make_guest()
{
	guest=$1/crashlab/linux
	mkdir -p "$guest" "$work/guest-root"
	[ -e "$work/vmlinux" ] || unpack_vmlinux "$kernel/boot/vmlinuz-$release" "$work/vmlinux"
	ln "$work/vmlinux" "$guest/kernel"
	make_cmdline "$root/appliance/cmdline.guest" >"$guest/cmdline"
	cp "$root/appliance/guest.sh" "$work/guest-root/init"
	chmod 755 "$work/guest-root/init"
	cp "$(command -v busybox)" "$work/guest-root/"
	find "$work/guest-root" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
	append_cpio "$work/guest-root" "$guest/initramfs"
}

# put_lab DIRECTORY: the plain images, for crashlab in the full flavour
put_lab()
{
	lab=$1/crashlab/lab/build/images/$label
	mkdir -p "$lab"
	cp "$build/images/$label/vmlinuz" "$build/images/$label/appliance.cpio" \
		"$build/images/$label/cmdline.qemu" "$build/images/$label/manifest" "$build/images/$label/parts" "$lab/"
}
