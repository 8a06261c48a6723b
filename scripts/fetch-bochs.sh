#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Put Bochs 3.0 into build/bochs: a third of the time of Debian 12's 2.7 (docs/backends.md). It comes
# with its libraries from Debian 13's archive, is unpacked, not installed, and leaves the machine's
# own package lists alone. Where Debian 13 cannot be had, the machine's own Bochs stands in.
#
# Usage: scripts/fetch-bochs.sh
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

suite=trixie
dir=$build/bochs

# bochs, its BIOSes, and of what it depends on the libraries: its GTK debugger is linked in. The
# text display is the smallest of those that satisfy it.
# shellcheck disable=SC2086 # options, one a word
bochs_packages()
{
	apt-get $apt_options install -s --no-install-recommends bochs bochs-term |
		sed -n 's/^Inst \([^ ]*\) .*/\1/p' |
		grep -E '^(bochs|bochsbios|vgabios|zlib1g|lib.*)$' |
		grep -v -E -e '-(data|common|bin|runtime)$' -e '^libpam'
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

write_system_starter()
{
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
	mkdir -p "$1/root/usr/share"
	ln -s /usr/share/bochs /usr/share/vgabios "$1/root/usr/share/"
}

# try_trixie DIRECTORY: false when the archive cannot be reached
try_trixie()
{
	private_apt "$1/apt" $suite || return 1
	# shellcheck disable=SC2086 # options, one a word
	apt-get $apt_options update -q -o APT::Update::Error-Mode=any >&2 || return 1
	packages=$(bochs_packages)
	[ -n "$packages" ] || return 1
	say "fetching Bochs and its libraries, $(echo "$packages" | wc -l) packages"
	mkdir "$1/deb" "$1/root"
	# shellcheck disable=SC2086 # package names hold no blanks
	apt_get_download "$1/deb" $packages || return 1
	for deb in "$1"/deb/*.deb; do
		dpkg-deb -x "$deb" "$1/root"
	done
	rm -rf "$1/apt" "$1/deb" "$1/root/usr/share/doc" "$1/root/usr/share/locale"
	write_starter "$1"
	"$1/bochs" --help cpu 2>&1 | grep -q haswell
}

if [ -x "$dir/bochs" ]; then
	exit 0
fi
mkdir -p "$build"
new=$(mktemp -d "$build/.bochs.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
if ! try_trixie "$new"; then
	say "Debian 13's Bochs cannot be had: using this machine's own, three times slower (remove $dir to try again)"
	rm -rf "${new:?}"/*
	write_system_starter "$new"
fi
rm -rf "$dir"
mv -T "$new" "$dir"
