#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a stick's appliance has besides when its results are to go over a network. See 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	echo crashlab-stick-agent
}

installkernel() {
	crashlab_modules modules.network
}

install() {
	crashlab_programs programs.network || return 1
	inst_simple "$crashlab/appliance/network.sh" /crashlab/network.sh
	inst_simple "$crashlab/appliance/lease.sh" /crashlab/lease
	chmod 755 "$initdir/crashlab/lease"
	# what curl trusts
	inst_simple /etc/ssl/certs/ca-certificates.crt
}
