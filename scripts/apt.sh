# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Packages that are unpacked, not installed; to be sourced after lib.sh. $apt_options, when set, are
# given to every apt command.

apt_options=
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_mirror LABEL: the machine's own mirror of Debian proper (Debian) or of its security updates
# (Debian-Security); it has all of the releases.
apt_mirror()
{
	# shellcheck disable=SC2016 # $(…) is apt's
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' \
		'Created-By: Packages' | sed -n "s/^Debian|$1|main|//p" | head -n 1
}

# private_apt DIRECTORY SUITE: an apt of its own for packages of another release. With no package
# installed it resolves dependencies as of nothing else there. False when no mirror is known.
private_apt()
{
	state=$1
	case $2 in
	*-security) uri=$(apt_mirror Debian-Security) ;;
	*) uri=$(apt_mirror Debian) ;;
	esac
	[ -n "$uri" ] && [ -e $keyring ] || return 1
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	echo "deb [signed-by=$keyring] $uri $2 main" >"$state/sources.list"
	cat >"$state/apt.conf" <<-END
		Dir::State "$state";
		Dir::State::lists "$state/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$state/cache";
		Dir::Etc::sourcelist "$state/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Sandbox::User "root";
	END
	# Read after the machine's own configuration, so that its proxy and the like still hold.
	apt_options="-c $state/apt.conf"
}

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
