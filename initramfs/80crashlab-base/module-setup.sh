#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What both images have: busybox for a userspace, modules for the case disk, the agents' library.
# scripts/build-images.sh runs dracut with $crashlab set to the source tree and $crashlab_build to
# where programs were built; modules keep their signatures when $crashlab_signed is yes.
# shellcheck disable=SC2154

check() {
	# only when named
	return 255
}

depends() {
	return 0
}

# The first word of each line of a list in appliance/
crashlab_list() {
	sed 's/#.*//' "$crashlab/appliance/$1" | awk 'NF { print $1 }'
}

# A module ends in "signature, 12 bytes of struct module_signature (include/linux/module_signature.h;
# its last word is the signature's size, big-endian), the magic line". Cuts them off.
crashlab_unsign() {
	local module size
	for module; do
		[ "$(tail -c 28 "$module" | tr -d '\0')" = '~Module signature appended~' ] || continue
		size=$((16#$(tail -c 32 "$module" | head -c 4 | od -An -tx1 | tr -d ' ')))
		truncate -s "-$((size + 12 + 28))" "$module"
	done
}

# Names that the kernel has built in, or has not, are passed over; the alternatives are decided by
# the devices that a machine has. Uncompressed, as the emulated machine is the slowest place to do it.
crashlab_modules() {
	local -a names
	mapfile -t names < <(crashlab_list "$1")
	hostonly='' instmods "${names[@]}"
	# shellcheck disable=SC2154 # dracut's
	find "$initdir/lib/modules/" -name '*.ko.xz' -exec xz -d -f {} +
	find "$initdir/lib/modules/" -name '*.ko.zst' -exec zstd -q -d -f --rm {} +
	find "$initdir/lib/modules/" -name '*.ko.gz' -exec gzip -d -f {} +
	# Checking a signature is half of what loading a module costs.
	if [ "$crashlab_signed" != yes ]; then
		mapfile -t names < <(find "$initdir/lib/modules/" -name '*.ko')
		crashlab_unsign "${names[@]}"
	fi
}

crashlab_programs() {
	local program
	while read -r program; do
		case $program in
			build/*) inst "$crashlab_build/${program#build/}" "/usr/bin/${program##*/}" ;;
			*) inst_multiple "$program" ;;
		esac || return 1
	done < <(crashlab_list "$1")
}

# crashlab_agent SCRIPT: the image's init
crashlab_agent() {
	inst_simple "$crashlab/appliance/lib.sh" /crashlab/lib.sh
	inst_simple "$crashlab/appliance/$1" /crashlab/agent
	chmod 755 "$initdir/crashlab/agent"
}

installkernel() {
	crashlab_modules modules.common
}

# The whole userspace
crashlab_busybox() {
	local tool
	inst busybox /usr/bin/busybox
	for tool in $(busybox --list | grep -v -x busybox); do
		ln -sf busybox "$initdir/usr/bin/$tool"
	done
}

install() {
	crashlab_busybox
	mkdir -p "$initdir/mnt"
}
