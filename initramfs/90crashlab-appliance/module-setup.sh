#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The appliance's own part of its image; scripts/build-images.sh adds the capture kernel. See 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	echo crashlab-base
}

installkernel() {
	crashlab_modules modules.appliance
}

install() {
	crashlab_programs programs.appliance && crashlab_agent agent.sh
}
