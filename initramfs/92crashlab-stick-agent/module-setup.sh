#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the stick's appliance alone has besides: what chooses cases and makes the report. See
# 80crashlab-base.
# shellcheck disable=SC2154

# shellcheck source=initramfs/80crashlab-base/module-setup.sh
. "$crashlab/initramfs/80crashlab-base/module-setup.sh"

depends() {
	echo crashlab-stick
}

installkernel() {
	crashlab_modules modules.stick-agent
}

install() {
	local scenario
	crashlab_programs programs.stick-agent || return 1
	for scenario in "$crashlab"/scenarios/*.ini; do
		inst_simple "$scenario" "/crashlab/scenarios/${scenario##*/}"
	done
}
