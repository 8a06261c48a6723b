#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The appliance with a small QEMU, whose other init has it run a Linux with KVM guests of its own. See
# 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	echo crashlab-linux
}

installkernel() {
	return 0
}

install() {
	inst_simple "$crashlab/appliance/nested.sh" /crashlab/nested-agent
	chmod 755 "$initdir/crashlab/nested-agent"
}
