#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The full flavour: the appliance with the lab in it. /crashlab/lab is laid out as the source tree is, so
# that crashlab finds its parts as it does there. See 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/90crashlab-linux/module-setup.sh
. "$crashlab/initramfs/90crashlab-linux/module-setup.sh"

depends() {
	echo crashlab-linux
}

# full_put FILE...: into the image at the same place, links followed
full_put() {
	local file
	for file; do
		inst "$file" || return 1
	done
}

# What libvirt loads or reads by name: its QEMU driver, the CPU models, and whom it runs as.
full_libvirt() {
	local libraries
	libraries=$(dirname "$(readlink -f "$(ldconfig -p | sed -n 's/.*libvirt\.so\.0 .*=> //p' | head -n 1)")")
	full_put "$libraries"/libvirt/connection-driver/libvirt_driver_qemu.so \
		/usr/share/libvirt/cpu_map/{index,x86_*}.xml || return 1
	mkdir -p "$initdir"/var/{log,lib,cache}/libvirt/qemu
	inst_simple "$crashlab/appliance/qemu.conf" /etc/libvirt/qemu.conf
	grep -E '^(root|libvirt-qemu):' /etc/passwd >"$initdir/etc/passwd"
	grep -E '^(root|kvm|libvirt|libvirt-qemu):' /etc/group >"$initdir/etc/group"
}

# QEMU as scripts/fetch-qemu.sh left it, with what it takes from the machine; or the machine's own. libvirtd
# looks for it in PATH.
full_qemu() {
	local qemu=$crashlab_build/qemu/root
	if [ ! -d "$qemu" ]; then
		inst_multiple qemu-system-x86_64 && full_put /usr/share/{qemu,seabios}/*.{bin,rom}
		return
	fi
	cp -a "$crashlab_build/qemu" "$initdir/crashlab/lab/build/"
	ln -s ../../crashlab/lab/build/qemu/qemu-system-x86_64 "$initdir/usr/bin/"
	rm -rf "$initdir/crashlab/lab/build/qemu/root/usr/share/"{applications,doc-base,icons,lintian}
	crashlab_qemu_libraries qemu-system-x86_64
}

# mtools writes names in DOS's code page.
full_code_page() {
	full_put /usr/lib/x86_64-linux-gnu/gconv/{gconv-modules,gconv-modules.d/gconv-modules-extra.conf,IBM850.so}
}

full_lab() {
	local lab=$initdir/crashlab/lab program
	for program in crashlab verify_vmcs; do
		inst "$crashlab_build/bin/$program" "/crashlab/lab/build/bin/$program" || return 1
		ln -sf "../../crashlab/lab/build/bin/$program" "$initdir/usr/bin/$program"
	done
	cp -r "$crashlab/scenarios" "$lab/"
	mkdir -p "$lab/appliance"
	cp "$crashlab/appliance/domain.xml" "$lab/appliance/"
}

install() {
	crashlab_programs programs.full && full_libvirt && full_code_page && full_lab && full_qemu || return 1
	inst_simple "$crashlab/appliance/lab.sh" /crashlab/lab-agent
	chmod 755 "$initdir/crashlab/lab-agent"
}
