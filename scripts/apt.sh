# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Packages that are unpacked, not installed; to be sourced after lib.sh. $apt_options, when set, are
# given to every apt command.

apt_options=

# shellcheck disable=SC2086 # options, one a word
apt_update()
{
	say "apt-get update"
	apt-get $apt_options update -q >&2 || die "apt-get update failed: are the apt sources reachable?"
}

# apt_download DIRECTORY PACKAGE...: apt checks each against the signed lists. Stale lists name files
# that are gone, so a failure is tried once more with fresh ones.
apt_download()
{
	mkdir -p "$1"
	apt_get_download "$@" && return
	apt_update
	apt_get_download "$@" || die "cannot download $(shift && echo "$*")"
}

# apt's sandbox user cannot write below a home directory; it would say so and go on as root.
# shellcheck disable=SC2086 # options, one a word
apt_get_download()
{
	(
		cd "$1" && shift &&
			apt-get $apt_options -qq -o APT::Sandbox::User=root download "$@" >&2
	)
}
