#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Install what scripts/packages.txt lists and the machine lacks. Milliseconds when nothing is missing.
#
# Usage: scripts/setup.sh
set -eu

here=$(dirname "$0")
. "$here/lib.sh"

listed_packages()
{
	sed 's/#.*//; /^[[:space:]]*$/d' "$here/packages.txt"
}

# One dpkg-query for all of them: it prints a line only for a package it knows, hence the set difference.
missing_packages()
{
	# shellcheck disable=SC2046 # package names hold no blanks
	{
		listed_packages
		listed_packages
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' $(listed_packages) 2>/dev/null |
			sed -n 's/^installed //p'
	} | sort | uniq -c | awk '$1 == 2 { print $2 }'
}

# A machine that has never run apt-get update knows none of the packages.
known_to_apt()
{
	apt-get install -s -qq --no-install-recommends "$@" >/dev/null 2>&1
}

install_packages()
{
	# A service of a package just installed (libvirt's) may start or not: the lab uses none.
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o APT::Cmd::Disable-Script-Warning=1 "$@" >&2
}

missing=$(missing_packages)
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086 # package names hold no blanks
set -- $missing
[ "$(id -u)" = 0 ] || die "needs root to install with apt-get: $*"

say "installing $# packages: $*"
if known_to_apt "$@"; then
	install_packages "$@" && exit 0
	say "that failed; trying again with fresh package lists"
fi
say "apt-get update"
apt-get update -q >&2 || die "apt-get update failed: are the apt sources reachable?"
install_packages "$@" || die "apt-get could not install: $*"
