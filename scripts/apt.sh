# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Packages that are unpacked, not installed; to be sourced after lib.sh. $apt_options, when set, are
# given to every apt command.

apt_options=
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# Debian's suites that have kernels. Those with -updates have none of their own.
# shellcheck disable=SC2034 # used by those who source this
kernel_suites="bullseye bullseye-security bookworm bookworm-security bookworm-backports trixie \
trixie-security trixie-backports forky sid"

# apt_mirror LABEL: the machine's own mirror of Debian proper (Debian) or of its security updates
# (Debian-Security); it has all of the releases.
apt_mirror()
{
	# shellcheck disable=SC2016 # $(…) is apt's
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' \
		'Created-By: Packages' | sed -n "s/^Debian|$1|main|//p" | head -n 1
}

# private_apt DIRECTORY STATUS SUITE...: an apt of its own for packages of other releases. STATUS is
# the dpkg status file that tells it what is installed; with /dev/null it resolves dependencies as of
# nothing else there. False when no mirror is known.
private_apt()
{
	state=$1
	status=$2
	shift 2
	[ -e $keyring ] || return 1
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	for name; do
		case $name in
		*-security) uri=$(apt_mirror Debian-Security) ;;
		*) uri=$(apt_mirror Debian) ;;
		esac
		[ -n "$uri" ] || return 1
		echo "deb [signed-by=$keyring] $uri $name main"
	done >"$state/sources.list"
	cat >"$state/apt.conf" <<-END
		Dir::State "$state";
		Dir::State::lists "$state/lists";
		Dir::State::status "$status";
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

# private_update: false when a source cannot be reached, where apt_update would warn and go on
# shellcheck disable=SC2086 # options, one a word
private_update()
{
	apt-get $apt_options update -qq -o APT::Update::Error-Mode=any >&2
}

# use_suite SUITE [FRESH]: apt is of that suite from here on, with the lists that were fetched for it
# before, or with FRESH new ones. False when it cannot be had.
use_suite()
{
	# shellcheck disable=SC2154 # lib.sh sets it
	private_apt "$build/kernels/apt/$1" /dev/null "$1" || return 1
	known=$(find "$build/kernels/apt/$1/lists" -maxdepth 1 -name '*_Packages*' | head -n 1)
	[ -z "$known" ] || [ -n "${2-}" ] || return 0
	say "fetching the package lists of $1"
	private_update
}

# would_install PACKAGE...: what apt would install for them, as PACKAGE=VERSION
# shellcheck disable=SC2086 # options, one a word
would_install()
{
	apt-get $apt_options install -s --no-install-recommends "$@" |
		sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\{0,1\}(\([^ ]*\) .*/\1=\3/p'
}

# unpack_packages DIRECTORY PACKAGE...: into DIRECTORY/root, without what only people read. False
# when one cannot be downloaded.
unpack_packages()
{
	target=$1
	shift
	say "fetching $# packages"
	mkdir "$target/deb" "$target/root"
	apt_get_download "$target/deb" "$@" || return 1
	for deb in "$target"/deb/*.deb; do
		dpkg-deb -x "$deb" "$target/root"
	done
	rm -rf "$target/deb" "$target/root/usr/share/doc" "$target/root/usr/share/locale" \
		"$target/root/usr/share/man"
}

# provide NAME PROGRAM: make build/NAME, unless its PROGRAM is there, by the script's functions
# `fetch DIRECTORY` or, when that is false, `stand_in DIRECTORY`. It appears as a whole.
provide()
{
	# shellcheck disable=SC2154 # lib.sh sets it
	[ ! -x "$build/$1/$2" ] || return 0
	mkdir -p "$build"
	new=$(mktemp -d "$build/.$1.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	chmod 755 "$new"
	if ! fetch "$new"; then
		rm -rf "${new:?}"/*
		stand_in "$new"
	fi
	rm -rf "${build:?}/$1"
	mv -T "$new" "$build/$1"
}
