#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Fetch a Debian kernel package through the machine's own apt sources and unpack it, without
# installing it, into build/kernels/<release>. Prints the release; fetches nothing that is there.
#
# Usage: scripts/fetch-kernel.sh [--headers] [--suite SUITE] [PACKAGE]
#   PACKAGE    a package (linux-image-6.12.9-amd64), a release (6.12.9-amd64), the beginning of a
#              version (6.1), of which the newest is taken, or a .deb file; default: 6.12
#   --suite    from another suite of the same mirror (bullseye-security, trixie-backports, sid), by
#              an apt of its own: the machine's package lists stay as they are
#   --headers  also what building a module out of tree needs, in build/kernels/<release>/headers
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

default_version=6.12

# shellcheck disable=SC2086 # options, one a word
cached()
{
	apt-cache $apt_options "$@"
}

# newest_release VERSION: of the plain kernels for PCs, as the name carries it; -cloud and -rt are
# other kernels, -dbg and -unsigned other forms of the same one.
newest_release()
{
	pattern=$(printf '%s' "$1" | sed 's/[.+]/[&]/g')
	cached pkgnames "linux-image-$1" |
		sed -n "s/^linux-image-\($pattern\([.+-].*\)\{0,1\}-amd64\)\$/\1/p" |
		grep -v -e '-cloud-' -e '-rt-' | sort -V | tail -n 1
}

# The release that PACKAGE stands for, or nothing
find_release()
{
	case $1 in
	linux-image-*) echo "${1#linux-image-}" ;;
	*-amd64) echo "$1" ;;
	*) newest_release "$1" ;;
	esac
}

# Since 6.19 the kernel lies with its modules.
link_kernel()
{
	for file in "$1"/lib/modules/*/vmlinuz; do
		[ -f "$file" ] || return 0
		mkdir -p "$1/boot"
		link=vmlinuz-$(basename "$(dirname "$file")")
		ln -s "..${file#"$1"}" "$1/boot/$link"
	done
}

# unpack_kernel NAME DEB...: all of its packages; NAME is for the record
unpack_kernel()
{
	package=$1
	shift
	new=$(mktemp -d "$build/kernels/.new.XXXXXX")
	chmod 755 "$new"
	for deb in "$@"; do
		dpkg-deb -x "$deb" "$new"
	done
	# Debian 13 and newer keep modules in /usr/lib alone.
	if [ ! -d "$new/lib/modules" ] && [ -d "$new/usr/lib/modules" ]; then
		ln -s usr/lib "$new/lib"
	fi
	link_kernel "$new"
	found=$(cd "$new/boot" 2>/dev/null && ls -d vmlinuz-*) || die "$package: no kernel in it"
	release=${found#vmlinuz-}
	[ -d "$new/lib/modules/$release/kernel" ] || die "$package: no modules: the archive has not all of it"
	depmod -b "$new" "$release" || die "$package: depmod failed"
	printf '%s\n' "$package" >"$new/package"
	# One that another process has just put there is as good.
	mv -T "$new" "$build/kernels/$release" 2>/dev/null || rm -rf "$new"
}

# The packages of one kernel: a single one, but since 6.19 kernel and modules are each in their own,
# and their lists since 6.18. An archive that keeps an old kernel may lack those; of the lists depmod
# makes what is needed.
image_packages()
{
	echo "linux-image-$1"
	cached show --no-all-versions "linux-image-$1" | sed -n 's/^Depends: //p' | tr ',' '\n' |
		sed -n 's/^ *\(linux-\(base\|binary\|modules\)-[0-9][^ ]*\).*/\1/p' |
		while read -r part; do
			[ -z "$(cached show "$part" 2>/dev/null)" ] || echo "$part"
		done
}

fetch_image()
{
	if [ -f "$1" ]; then
		unpack_kernel "$(basename "$1" .deb)" "$1"
		return
	fi
	release=$(find_release "$1")
	if [ -z "$release" ]; then
		apt_update
		release=$(find_release "$1")
	fi
	[ -n "$release" ] || die "no kernel package for '$1' in $where"
	[ -d "$build/kernels/$release" ] && return
	say "fetching linux-image-$release"
	debs=$(mktemp -d "$build/kernels/.debs.XXXXXX")
	# shellcheck disable=SC2046 # package names hold no blanks
	apt_download "$debs" $(image_packages "$release")
	unpack_kernel "$(basename "$debs"/linux-image-*.deb .deb)" "$debs"/*.deb
	rm -rf "$debs"
}

# The packages that linux-headers-<release> needs besides the compiler
header_packages()
{
	echo "linux-headers-$1"
	cached show --no-all-versions "linux-headers-$1" | sed -n 's/^Depends: //p' | tr ',' '\n' |
		sed -n 's/^ *\(linux-headers-[^ ]*-common\|linux-kbuild-[^ ]*\).*/\1/p'
}

# The packages point at each other by absolute paths below /usr/src; make them relative, so that
# they work from where they are. Their vmlinux holds BTF alone: without it kbuild makes a module
# without BTF, and asks for no pahole.
relocate_headers()
{
	# shellcheck disable=SC2016 # $(…) is make's
	sed -i 's,^include /usr/src/,include $(dir $(lastword $(MAKEFILE_LIST)))../,' \
		"$1/usr/src/linux-headers-$2/Makefile"
	rm -rf "${1:?}/lib" "$1/usr/src/linux-headers-$2/vmlinux"
	ln -s "usr/src/linux-headers-$2" "$1/build"
}

fetch_headers()
{
	kernel=$build/kernels/$1
	[ -d "$kernel/headers" ] && return
	packages=$(header_packages "$1")
	say "fetching $(echo "$packages" | tr '\n' ' ')"
	debs=$(mktemp -d "$kernel/.debs.XXXXXX")
	new=$(mktemp -d "$kernel/.new.XXXXXX")
	chmod 755 "$new"
	# shellcheck disable=SC2086 # package names hold no blanks
	apt_download "$debs" $packages
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$new"
	done
	rm -rf "$debs"
	relocate_headers "$new" "$1"
	mv -T "$new" "$kernel/headers" 2>/dev/null || rm -rf "$new"
}

headers=
suite=
where="this machine's apt sources"
while [ $# -gt 0 ]; do
	case $1 in
	--headers) headers=yes ;;
	--suite)
		[ $# -ge 2 ] || usage
		suite=$2
		where=$2
		shift
		;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -le 1 ] || usage

mkdir -p "$build/kernels"
if [ -n "$suite" ]; then
	private_apt "$build/kernels/apt/$suite" /dev/null "$suite" ||
		die "no mirror that could have $suite is known"
fi
release=
new=
debs=
trap 'rm -rf "$new" "$debs"' EXIT
fetch_image "${1:-$default_version}"
[ -z "$headers" ] || fetch_headers "$release"
echo "$release"
