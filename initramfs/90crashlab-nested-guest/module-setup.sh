#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Linux that the flavour nested runs: KVM and its guests. See 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	return 0
}

installkernel() {
	crashlab_modules modules.nested-guest
}

install() {
	crashlab_busybox && crashlab_programs programs.nested-guest && crashlab_agent nested-guest.sh
}
