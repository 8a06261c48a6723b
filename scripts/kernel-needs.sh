#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the lab needs (appliance/needs) and a kernel's configuration, or its modules, lack: "WHO<tab>TEXT"
# a line, as `any<tab>no KVM: no guests can run`; nothing when it has all.
#
# Usage: scripts/kernel-needs.sh KERNEL
#   KERNEL  a name in build/kernels, or its directory
set -eu

. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || usage
case $1 in
*/*) kernel=$1 ;;
*) kernel=$build/kernels/$1 ;;
esac
vmlinuz=$(find "$kernel/boot" -name 'vmlinuz-*' 2>/dev/null | head -n 1)
[ -n "$vmlinuz" ] || die "no kernel in $kernel"
release=${vmlinuz##*/vmlinuz-}
config=$kernel/boot/config-$release
modules=$kernel/lib/modules/$release

list_modules()
{
	find "$modules/" -name '*.ko*' | sed 's,.*/,,;s,\.ko.*,,;s,-,_,g'
}

# Without its configuration, only what may be a module can be told from what is there.
list_builtin()
{
	sed 's,.*/,,;s,\.ko$,,;s,-,_,g' "$modules/modules.builtin" 2>/dev/null || true
}

{
	list_modules | sed 's/^/M /'
	list_builtin | sed 's/^/B /'
	if [ -e "$config" ]; then
		sed -n 's/^CONFIG_\([A-Za-z0-9_]*\)=\([ym]\)$/C \1 \2/p' "$config"
	else
		echo U
	fi
	sed 's/#.*//; /^[[:space:]]*$/d; s/^/N /' "$root/appliance/needs"
} | awk '
	$1 == "M" { module[$2] = 1 }
	$1 == "B" { builtin[$2] = 1 }
	$1 == "C" { set[$2] = $3 }
	$1 == "U" { unknown = 1; print "analysis\tits configuration is not there: what it lacks is not known" }
	$1 != "N" { next }
	{
		who = $2; option = $3; name = $4
		text = $0; sub(/^N +[^ ]+ +[^ ]+ +[^ ]+ +/, "", text)
		gsub(/-/, "_", name)
		if (unknown) {
			if (name != "_" && !(name in module) && !(name in builtin))
				print who "\tno " name ": " text
			next
		}
		if (sub(/^!/, "", option)) {
			if (option in set)
				print who "\thas " option ": " text
			next
		}
		found = ""
		count = split(option, either, "|")
		for (i = 1; i <= count; i++)
			if (either[i] in set && found != "y")
				found = set[either[i]]
		sub(/\|/, " or ", option)
		if (found == "")
			print who "\tno " option ": " text
		else if (found == "m" && !(name in module))
			print who "\tno module " name ": " text
	}'
