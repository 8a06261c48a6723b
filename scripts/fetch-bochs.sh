#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Put Bochs 3.0 into build/bochs: a third of the time of Debian 12's 2.7 (docs/backends.md). It comes
# with its libraries from Debian 13's archive, is unpacked, not installed, and leaves the machine's
# own package lists alone. Where Debian 13 cannot be had, the machine's own Bochs stands in.
#
# Usage: scripts/fetch-bochs.sh [--stand-in]
#   --stand-in  the machine's own Bochs, whatever can be had
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

# bochs, its BIOSes, and of what it depends on the libraries: its GTK debugger is linked in. The
# text display is the smallest of those that satisfy it.
bochs_packages()
{
	would_install bochs bochs-term | grep -E '^(bochs|bochsbios|vgabios|zlib1g|lib.*)=' |
		grep -v -E -e '-(data|common|bin|runtime)=' -e '^libpam'
}

write_starter()
{
	cat >"$1/bochs" <<'END'
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Made by scripts/fetch-bochs.sh: Bochs with its own C library and plugins.
root=$(dirname "$(readlink -f "$0")")/root
lib=$root/usr/lib/x86_64-linux-gnu
export BXSHARE="$root/usr/share/bochs"
export LTDL_LIBRARY_PATH="$lib/bochs/plugins"
exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib:$root/lib/x86_64-linux-gnu" \
	"$root/usr/bin/bochs-bin" "$@"
END
	chmod 755 "$1/bochs"
}

stand_in()
{
	[ -n "$wanted" ] ||
		say "Debian 13's Bochs cannot be had: using this machine's own, slower (remove $build/bochs to try again)"
	cat >"$1/bochs" <<'END'
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Made by scripts/fetch-bochs.sh: the system's own Bochs, as Debian 13's could not be had. Bochs 2.7
# knows no -unlock, and Debian's starts in its debugger: the file beside this one says "continue".
for arg in "$@"; do
	shift
	[ "$arg" = -unlock ] || set -- "$@" "$arg"
done
exec bochs "$@" -rc "${0%/*}/continue"
END
	chmod 755 "$1/bochs"
	echo c >"$1/continue"
	dpkg-query -W -f '${Version}\n' bochs >"$1/version"
	mkdir -p "$1/root/usr/share"
	ln -s /usr/share/bochs /usr/share/vgabios "$1/root/usr/share/"
}

fetch()
{
	[ -z "$wanted" ] || return 1
	private_apt "$1/apt" /dev/null trixie && private_update || return 1
	packages=$(bochs_packages)
	[ -n "$packages" ] || return 1
	# shellcheck disable=SC2086 # package names hold no blanks
	unpack_packages "$1" $packages || return 1
	rm -rf "$1/apt"
	write_starter "$1"
	echo "$packages" | sed -n 's/^bochs=//p' >"$1/version"
	"$1/bochs" --help cpu 2>&1 | grep -q haswell
}

case $# in
0) wanted= ;;
*)
	[ "$*" = --stand-in ] || usage
	wanted=yes
	;;
esac
provide bochs bochs
