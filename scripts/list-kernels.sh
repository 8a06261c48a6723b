#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernels that there are and those that Debian's suites have, a line each, fields between tabs:
# `local`, name, what it came as, hash, `yes` when it has images; and
# SUITE, release, version, what the archive has not of it. What a local one lacks for the lab follows
# it: `lacks`, name, who, what.
#
# Usage: scripts/list-kernels.sh [--local | --fresh] [SUITE...]
#   --local   those that are here alone
#   --fresh   with fresh package lists, in place of those of the last time
#   SUITE     of these suites; default: of all (scripts/apt.sh)
set -eu

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

list_local()
{
	for kernel in "$build"/kernels/*/; do
		[ -d "$kernel/boot" ] || continue
		name=$(basename "$kernel")
		images=no
		[ ! -e "$build/images/$name/manifest" ] || images=yes
		printf 'local\t%s\t%s\t%s\t%s\n' "$name" "$(cat "$kernel/package")" \
			"$(cat "$kernel/hash" 2>/dev/null || true)" $images
		"$root/scripts/kernel-needs.sh" "$name" | sed "s,^,lacks\t$name\t,"
	done
}

# Of every plain kernel of this apt: release, version, and which of its own packages are not there.
# shellcheck disable=SC2086 # options, one a word
list_suite()
{
	apt-cache $apt_options pkgnames linux- >"$work/names"
	grep -E '^linux-image-[0-9].*-amd64$' "$work/names" | grep -v -e '-cloud-' -e '-rt-' >"$work/images" ||
		return 0
	xargs apt-cache $apt_options show --no-all-versions <"$work/images" |
		awk -v suite="$1" '
		FILENAME != "-" { known[$1] = 1; next }
		/^Package: / { release = substr($2, 13) }
		/^Version: / { version = $2 }
		/^Depends: / {
			missing = ""; other = 0
			count = split(substr($0, 10), part, /, */)
			for (i = 1; i <= count; i++) {
				sub(/ .*/, "", part[i])
				if (part[i] ~ /^linux-image-[0-9]/)
					other = 1
				else if (part[i] ~ /^linux-(binary|modules)-[0-9]/ && !(part[i] in known))
					missing = missing (missing == "" ? "" : " ") part[i]
			}
			if (!other)
				printf "%s\t%s\t%s\t%s\n", suite, release, version, missing
		}' "$work/names" - | sort -t "$(printf '\t')" -k 2,2V
}

only_local=
fresh=
case ${1-} in
--local) only_local=yes ;;
--fresh) fresh=yes ;;
-*) usage ;;
esac
[ -z "$only_local$fresh" ] || shift
mkdir -p "$build/kernels"
list_local
[ -z "$only_local" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for suite in ${*:-$kernel_suites}; do
	if use_suite "$suite" $fresh; then
		list_suite "$suite"
	elif [ $# -gt 0 ]; then
		die "no suite $suite: no mirror is known that has it, or it cannot be reached"
	else
		say "$suite cannot be had"
	fi
done
