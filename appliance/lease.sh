#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # variables of udhcpc
#
# What busybox's udhcpc runs when it has an address: its variables say which.

case $1 in
bound | renew)
	ip address replace "$ip/$mask" dev "$interface"
	[ -z "$router" ] || ip route replace default via "${router%% *}" dev "$interface"
	for server in $dns; do
		echo "nameserver $server"
	done >/etc/resolv.conf
	;;
esac
