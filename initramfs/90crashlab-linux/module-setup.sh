#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The appliance with the smallest QEMU that runs a Linux guest; scripts/build-images.sh adds the guest.
# See 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	echo crashlab-appliance
}

# crashlab_qemu_libraries PROGRAM: those of build/qemu's PROGRAM; its own go where the machine's are
crashlab_qemu_libraries() {
	local qemu=$crashlab_build/qemu/root library
	LD_LIBRARY_PATH=$qemu/usr/lib/x86_64-linux-gnu ldd "$qemu/usr/bin/$1" | grep -o '/[^ ]*' |
		while read -r library; do
			inst "$library" "${library#"$qemu"}" || return 1
		done
}

installkernel() {
	return 0
}

# From build/qemu, or where that is the machine's own, from there
install() {
	local qemu=$crashlab_build/qemu/root program=qemu-system-x86_64-microvm file
	if [ -d "$qemu" ]; then
		crashlab_qemu_libraries $program || return 1
	else
		qemu=
	fi
	for file in bin/$program share/seabios/bios-microvm.bin \
		share/qemu/{qboot.rom,pvh.bin,linuxboot_dma.bin,kvmvapic.bin}; do
		inst "$qemu/usr/$file" "/usr/$file" || return 1
	done
}
