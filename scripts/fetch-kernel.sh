#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Get a kernel, without installing it, into build/kernels/<name>, and print that name: the release of
# a package from apt, else <release>.<the beginning of its hash>. What is there is not fetched again.
# What the lab needs and its configuration lacks is told (scripts/kernel-needs.sh).
#
# Usage: scripts/fetch-kernel.sh [--headers] [--suite SUITE] [KERNEL]
#   KERNEL     a Debian package (linux-image-6.12.9-amd64), a release (6.12.9-amd64) or the beginning
#              of a version (6.1), of which the newest is taken: from the machine's own apt sources,
#              or when those have none from any of Debian's suites; default: 6.12
#              SUITE/ and one of these: from that suite (bullseye-security/5.10, sid/7)
#              a name that `crashlab kernels` has
#              a file.deb or file.rpm; a directory with one kernel's packages, with a vmlinuz and its
#              modules, or in which a kernel was built. A directory has a slash in it: ./mine
#   --suite    as SUITE/, by an apt of its own: the machine's package lists stay as they are
#   --headers  also what building a module out of tree needs, in build/kernels/<name>/headers
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"
. "$(dirname "$0")/unpack.sh"

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

# followed RELEASE: the one that a package without a kernel (linux-image-amd64) depends on
followed()
{
	next=$(cached show --no-all-versions "linux-image-$1" |
		sed -n 's/^Depends:.* linux-image-\([0-9][^ ,]*\).*/\1/p')
	echo "${next:-$1}"
}

# find_release KERNEL: the release that it stands for in this apt, or nothing
find_release()
{
	wanted=${1#linux-image-}
	if cached pkgnames "linux-image-$wanted" | grep -q -x -F "linux-image-$wanted"; then
		found=$wanted
	else
		found=$(newest_release "$wanted")
	fi
	[ -z "$found" ] || followed "$found"
}

# need_suite: apt is of $suite from here on
need_suite()
{
	use_suite "$suite" || die "no suite $suite: no mirror is known that has it, or it cannot be reached"
	where=$suite
}

# search_suites KERNEL: prints "RELEASE SUITE" of the newest that any of Debian's suites has
search_suites()
{
	for name in $kernel_suites; do
		use_suite "$name" || continue
		release=$(find_release "$1")
		[ -z "$release" ] || echo "$release $name"
	done | sort -V | tail -n 1
}

# resolve KERNEL: set $release, and apt to where it is. Lists may be old, so fresh ones are asked
# before it is given up.
resolve()
{
	release=$(find_release "$1")
	if [ -z "$release" ]; then
		apt_update
		release=$(find_release "$1")
	fi
	if [ -z "$release" ] && [ -z "$suite" ]; then
		say "no '$1' in $where: looking through Debian's other suites"
		found=$(search_suites "$1")
		where="$where, nor in Debian's suites ($kernel_suites)"
		release=${found% *}
		[ -z "$release" ] || use_suite "${found#* }"
	fi
	[ -n "$release" ] || die "no kernel package for '$1' in $where"
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

fetch_package()
{
	resolve "$1"
	label=$release
	[ ! -d "$build/kernels/$label" ] || return 0
	say "fetching linux-image-$release"
	debs=$(mktemp -d "$build/kernels/.debs.XXXXXX")
	# shellcheck disable=SC2046 # package names hold no blanks
	apt_download "$debs" $(image_packages "$release")
	keep_packages "$(basename "$debs"/linux-image-*.deb .deb)" "$release" "$debs"/*.deb
	rm -rf "$debs"
}

# get_kernel KERNEL: set $label
get_kernel()
{
	case $1 in
	*/* | *.deb | *.rpm)
		if [ -e "$1" ]; then
			keep_kernel "$1"
			return
		fi
		;;
	esac
	case $1 in
	*.deb | *.rpm | /* | ./* | ../* | */*/*) die "$1: no such file or directory" ;;
	*/*)
		[ -z "$suite" ] || usage
		suite=${1%%/*}
		need_suite
		;;
	*)
		label=$1
		[ ! -d "$build/kernels/$1/boot" ] || return 0
		;;
	esac
	fetch_package "${1#*/}"
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

# fetch_headers LABEL
fetch_headers()
{
	kernel=$build/kernels/$1
	[ ! -d "$kernel/headers" ] || return 0
	release=$(cd "$kernel/boot" && ls -d vmlinuz-*)
	release=${release#vmlinuz-}
	packages=$(header_packages "$release")
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
	relocate_headers "$new" "$release"
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
		shift
		;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -le 1 ] || usage

mkdir -p "$build/kernels"
[ -z "$suite" ] || need_suite
release=
label=
new=
debs=
trap 'rm -rf "$new" "$debs"' EXIT
get_kernel "${1:-$default_version}"
[ -z "$headers" ] || fetch_headers "$label"
"$root/scripts/kernel-needs.sh" "$label" | while IFS='	' read -r who text; do
	say "$label: $text ($who)"
done
echo "$label"
