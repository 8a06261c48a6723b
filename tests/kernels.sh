# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the tests of what a kernel may come as: a real one's files, made into other packages.

# shellcheck source=tests/tap.sh
. tests/tap.sh

# kernels_start: $work, a build directory of its own in it, and $kernel, $release of a kernel that was fetched
kernels_start()
{
	work=$(mktemp -d) || exit 1
	trap 'rm -rf "$work"' EXIT
	vmlinuz=$(find build/kernels/*/boot -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -n 1)
	if [ -z "$vmlinuz" ]; then
		skip "kernels" "needs a fetched kernel"
		plan
		exit 0
	fi
	kernel=$PWD/${vmlinuz%/boot/*}
	release=${vmlinuz##*/vmlinuz-}
	export CRASHLAB_BUILD="$work/build"
	mkdir -p "$CRASHLAB_BUILD"
	ln -s "$PWD/build/bin" "$CRASHLAB_BUILD/bin"
}

# copy_modules NAME... DIRECTORY: these and what they need, as the release has them
copy_modules()
{
	modules=$kernel/lib/modules/$release
	mkdir -p "$1/lib/modules/$release"
	target=$1/lib/modules/$release
	shift
	for name; do
		modprobe -d "$kernel" -S "$release" --show-depends "$name" 2>/dev/null
	done | sed -n "s,^insmod .*/lib/modules/$release/\\([^ ]*\\).*,\\1,p" | sort -u >"$work/wanted"
	(cd "$modules/" && tar -cf - -T "$work/wanted" modules.builtin modules.builtin.modinfo modules.order) |
		tar -xf - -C "$target"
}

# make_directory DIRECTORY: the kernel as /boot and /lib/modules have it, with the appliance's modules
make_directory()
{
	mkdir -p "$1/boot"
	cp -L "$kernel/boot/vmlinuz-$release" "$kernel/boot/config-$release" "$1/boot/"
	# shellcheck disable=SC2046 # one a word
	copy_modules "$1" $(sed 's/#.*//' appliance/modules.common appliance/modules.appliance)
}

# make_deb DIRECTORY FILE
make_deb()
{
	mkdir -p "$work/deb/DEBIAN"
	cp -al "$1/." "$work/deb/"
	printf 'Package: linux-image-mine\nVersion: 1\nArchitecture: amd64\nMaintainer: Nobody <nobody@example.org>\nDescription: test\n' \
		>"$work/deb/DEBIAN/control"
	dpkg-deb -Znone -b "$work/deb" "$2" >/dev/null
	rm -rf "$work/deb"
}

# make_rpm DIRECTORY NAME FILE: what is in it, as Fedora lays it out: the kernel with its modules
make_rpm()
{
	{
		printf 'Name: %s\nVersion: 1\nRelease: 1\nSummary: test\nLicense: GPLv2\n' "$2"
		printf '%%global __os_install_post %%{nil}\n%%global debug_package %%{nil}\nAutoReqProv: no\n'
		printf '%%description\ntest\n%%install\ncp -a %s/. %%{buildroot}/\n%%files\n/*\n' "$1"
	} >"$work/$2.spec"
	rpmbuild -bb --quiet --nodeps --define "_topdir $work/rpm" --define '_binary_payload w1.gzdio' \
		--define '_build_id_links none' "$work/$2.spec" >&2 &&
		mv "$work/rpm/RPMS/x86_64/$2-1-1.x86_64.rpm" "$3"
}

fetch()
{
	scripts/fetch-kernel.sh "$@"
}
