#!/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# init of the Linux that guestload's load `linux` runs: says that it is there, and never sleeps.
echo crashlab-guest-runs
while :; do
	:
done
