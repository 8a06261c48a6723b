#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Put QEMU 10.0 into build/qemu: under Debian 12's 7.2 a case may die of a breakpoint that the kernel
# has long taken away (docs/facts.md). It comes from bookworm-backports with what this machine lacks
# for it, is unpacked, not installed, and leaves the machine's own package lists alone. Where it
# cannot be had, or where the machine's own is new enough, that one stands in.
#
# Usage: scripts/fetch-qemu.sh
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

program=qemu-system-x86_64
first_good=8.1

own_version()
{
	$program --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p'
}

# Debian builds it to look for everything under /usr. Firmware it takes from where -L says; but for
# modules it looks into the machine's own directory, too, and aborts over those of another build.
# None is needed here: a link to itself ends the search with an error before that (util/module.c).
write_starter()
{
	ln -s no-modules "$1/root/no-modules"
	cat >"$1/$program" <<'END'
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Made by scripts/fetch-qemu.sh: QEMU with its own firmware and libraries, and no modules.
root=$(dirname "$(readlink -f "$0")")/root
export QEMU_MODULE_DIR="$root/no-modules"
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu"
exec "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" "$@"
END
	chmod 755 "$1/$program"
}

stand_in()
{
	version=$(own_version)
	[ -n "$version" ] || die "QEMU 10.0 cannot be had, and this machine has none (apt-get install qemu-system-x86)"
	if dpkg --compare-versions "$version" lt $first_good; then
		say "QEMU 10.0 cannot be had: using this machine's own $version, under which an SVM case may die of an int3" \
			"(docs/facts.md; remove $build/qemu to try again)"
	fi
	ln -s "$(command -v $program)" "$1/$program"
}

fetch()
{
	version=$(own_version)
	if [ -n "$version" ] && dpkg --compare-versions "$version" ge $first_good; then
		return 1
	fi
	private_apt "$1/apt" /var/lib/dpkg/status bookworm bookworm-backports && private_update || return 1
	packages=$(would_install qemu-system-x86/bookworm-backports)
	[ -n "$packages" ] || return 1
	# shellcheck disable=SC2086 # package names hold no blanks
	unpack_packages "$1" $packages || return 1
	rm -rf "$1/apt" "$1/root/usr/lib/x86_64-linux-gnu/qemu" "$1/root/usr/bin/qemu-system-i386"
	write_starter "$1"
	"$1/$program" --version >/dev/null
}

provide qemu $program
