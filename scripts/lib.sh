# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the scripts share; to be sourced.

# Progress and errors go to stderr: stdout is for what a script was asked for.
say()
{
	printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# The script's own comment, from "# Usage" to its "set", is its help.
usage()
{
	sed -n '/^# Usage/,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 64
}

# absolute DIRECTORY: its path from the root
absolute()
{
	(cd "$1" && pwd)
}

root=$(absolute "$(dirname "$0")/..")
# Where everything made goes; CRASHLAB_BUILD lets tests and parallel checkouts have their own.
# shellcheck disable=SC2034 # used by those who source this
build=${CRASHLAB_BUILD:-$root/build}
