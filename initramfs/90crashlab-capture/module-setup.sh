#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The own part of the image that the crash kernel boots with. See 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	echo crashlab-base
}

installkernel() {
	crashlab_modules modules.capture
}

install() {
	crashlab_programs programs.capture && crashlab_agent capture.sh
	inst_simple "$crashlab/appliance/init-test.sh" /crashlab/init-test
	chmod 755 "$initdir/crashlab/init-test"
}
