# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Whatever a kernel comes as, made build/kernels/<name>: boot/vmlinuz-<release>, boot/config-<release>
# when there is one, lib/modules/<release>, and the files `package` (what it came as) and `hash`. To be
# sourced after lib.sh.

# release_of FILE: what a bzImage says it is (Documentation/arch/x86/boot.rst, kernel_version)
release_of()
{
	[ "$(dd if="$1" bs=1 skip=514 count=4 2>/dev/null)" = HdrS ] || return 0
	at=$(od -An -tu2 -j 526 -N 2 "$1" | tr -d ' ')
	dd if="$1" bs=1 skip=$((at + 512)) count=128 2>/dev/null | tr '\0' '\n' | head -n 1 | cut -d ' ' -f 1
}

# unpack_package FILE DIRECTORY: what comes next must not be led out of it by a link
unpack_package()
{
	case $1 in
	*.deb) dpkg-deb -x "$1" "$2" ;;
	*.rpm)
		command -v rpm2archive >/dev/null ||
			die "$1: needs rpm2archive (apt-get install rpm2cpio)"
		rpm2archive -n - <"$1" | tar -x -C "$2" --no-same-owner
		;;
	esac || die "$1: cannot be unpacked"
	find "$2" -type l \( -lname '/*' -o -lname '*..*' \) -delete
}

# packages_in DIRECTORY: one a line
packages_in()
{
	find -L "$1" -maxdepth 1 -type f \( -name '*.deb' -o -name '*.rpm' \) | sort
}

# copy_tree DIRECTORY TARGET: a kernel's build tree, by its own modules_install
copy_tree()
{
	[ -f "$1/.config" ] || die "$1: has a bzImage, but no .config"
	mkdir -p "$2/boot"
	made=$(release_of "$1/arch/x86/boot/bzImage")
	[ -n "$made" ] || die "$1/arch/x86/boot/bzImage: no bzImage"
	cp "$1/arch/x86/boot/bzImage" "$2/boot/vmlinuz-$made"
	cp "$1/.config" "$2/boot/config-$made"
	# Stripped as a distribution does it: the debug information would fill the appliance.
	make -s -j "$(nproc)" -C "$1" modules_install INSTALL_MOD_PATH="$2" INSTALL_MOD_STRIP=1 \
		DEPMOD=true >&2 || die "$1: make modules_install failed: are its modules built?"
	rm -f "$2/lib/modules/$made/build" "$2/lib/modules/$made/source"
}

# kernels_in DIRECTORY: the vmlinuz files there, one for each release
kernels_in()
{
	find -L "$1" "$1/boot" "$1"/lib/modules/*/ "$1"/usr/lib/modules/*/ -maxdepth 1 -type f \
		\( -name 'vmlinuz*' -o -name 'bzImage*' \) 2>/dev/null | while read -r file; do
		echo "$(release_of "$file") $file"
	done | grep '^[^ ]' | sort -u -k 1,1
}

# first_of FILE...: the first that exists, or nothing
first_of()
{
	for file; do
		if [ -e "$file" ]; then
			echo "$file"
			break
		fi
	done
}

# copy_directory DIRECTORY TARGET: one with a vmlinuz and its modules, /lib/modules/RELEASE included
copy_directory()
{
	kernels=$(kernels_in "$1")
	case $(printf '%s' "$kernels" | grep -c .) in
	0) die "$1: no vmlinuz, no package and no built kernel in it" ;;
	1) ;;
	*) die "$1: has several kernels: $(echo "$kernels" | cut -d ' ' -f 1 | tr '\n' ' ')" ;;
	esac
	made=${kernels%% *}
	vmlinuz=${kernels#* }
	modules=$(first_of "$1/lib/modules/$made" "$1/usr/lib/modules/$made" "$1/modules/$made" \
		"$1/$made" "$1/kernel")
	[ -n "$modules" ] || die "$1: no modules of $made in it"
	mkdir -p "$2/boot" "$2/lib/modules"
	cp "$vmlinuz" "$2/boot/vmlinuz-$made"
	modules=${modules%/kernel}
	config=$(first_of "$1/boot/config-$made" "$1/config-$made" "$modules/config" \
		"$1/config" "$1/.config")
	[ -z "$config" ] || cp "$config" "$2/boot/config-$made"
	cp -a "$modules" "$2/lib/modules/$made"
	rm -f "$2/lib/modules/$made/build" "$2/lib/modules/$made/source"
}

# Since 6.19 Debian's kernel lies with its modules, and its configuration, too, as Fedora's does.
link_kernel()
{
	for file in "$1"/lib/modules/*/vmlinuz "$1"/lib/modules/*/config; do
		[ -f "$file" ] || continue
		link=$1/boot/$(basename "$file")-$(basename "$(dirname "$file")")
		mkdir -p "$1/boot"
		[ -e "$link" ] || ln -s "..${file#"$1"}" "$link"
	done
}

# hash_of FILE|DIRECTORY...: of the contents, in any order
hash_of()
{
	find -L "$@" -type f -exec sha256sum {} + | cut -d ' ' -f 1 | sort | sha256sum | cut -d ' ' -f 1
}

# known_hash HASH: false, or $label is the kernel that is there with it already
known_hash()
{
	file=$(grep -l -x "$1" "$build"/kernels/*/hash 2>/dev/null | head -n 1)
	label=$(basename "${file%/hash}")
	[ -n "$file" ]
}

# keep_packages NAME RELEASE FILE...: they are hashed as they came, so that those that were unpacked
# before are known
keep_packages()
{
	name=$1 apt_release=$2
	shift 2
	hash=$(hash_of "$@")
	! known_hash "$hash" || return 0
	new=$(mktemp -d "$build/kernels/.new.XXXXXX")
	for file; do
		unpack_package "$file" "$new"
	done
	finish_kernel "$name" "$hash" "$apt_release"
}

# keep_kernel PATH: whatever a person has. Sets $label.
keep_kernel()
{
	case $1 in
	*.deb | *.rpm)
		keep_packages "$(basename "$1")" "" "$1"
		return
		;;
	esac
	[ -d "$1" ] || die "$1: not a .deb, not a .rpm, not a directory"
	if [ ! -e "$1/arch/x86/boot/bzImage" ] && [ -n "$(packages_in "$1")" ]; then
		# shellcheck disable=SC2046 # names of packages hold no blanks
		keep_packages "$(basename "$(packages_in "$1" | head -n 1)")" "" $(packages_in "$1")
		return
	fi
	new=$(mktemp -d "$build/kernels/.new.XXXXXX")
	if [ -e "$1/arch/x86/boot/bzImage" ]; then
		copy_tree "$1" "$new"
	else
		copy_directory "$1" "$new"
	fi
	hash=$(hash_of "$new/boot" "$new/lib")
	if known_hash "$hash"; then
		rm -rf "$new"
	else
		finish_kernel "$(readlink -f "$1")" "$hash" ""
	fi
}

# finish_kernel NAME HASH RELEASE: give $new its place; $label is RELEASE, or made of the hash
finish_kernel()
{
	chmod 755 "$new"
	# Debian 13 and newer keep modules in /usr/lib alone.
	if [ ! -d "$new/lib/modules" ] && [ -d "$new/usr/lib/modules" ]; then
		ln -s usr/lib "$new/lib"
	fi
	link_kernel "$new"
	found=$(cd "$new/boot" 2>/dev/null && ls -d vmlinuz-*) || die "$1: no kernel in it"
	release=${found#vmlinuz-}
	[ -d "$new/lib/modules/$release/kernel" ] || die "$1: no modules of $release in it: is a part missing?"
	depmod -b "$new" "$release" || die "$1: depmod failed"
	label=${3:-$release.$(echo "$2" | cut -c 1-8)}
	printf '%s\n' "$1" >"$new/package"
	printf '%s\n' "$2" >"$new/hash"
	# One that another process has just put there is as good.
	mv -T "$new" "$build/kernels/$label" 2>/dev/null || rm -rf "$new"
}
