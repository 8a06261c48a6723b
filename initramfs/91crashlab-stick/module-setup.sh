#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What both images of a stick have besides: drivers of real machines, and how to deal with the results
# partition. See 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	echo crashlab-base
}

installkernel() {
	crashlab_modules modules.stick
}

install() {
	crashlab_programs programs.stick && inst_simple "$crashlab/appliance/stick.sh" /crashlab/stick.sh
}
