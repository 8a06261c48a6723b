# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# shellcheck disable=SC2154 # $interface and the like
#
# Of a stick whose image was made with --network: where crashlab.put=URL is on the kernel command line,
# what is on the results partition goes there by HTTP PUT (docs/stick.md). Nothing comes back, and the
# network is down again before a case begins.

# The first card that gets an address
network_up()
{
	for interface in /sys/class/net/*/device; do
		[ -e "$interface" ] || continue
		interface=${interface%/device}
		interface=${interface##*/}
		ip link set "$interface" up 2>/run/lease || continue
		# a real card takes seconds to find its link
		udhcpc -i "$interface" -s /crashlab/lease -n -q -t 8 -T 2 >/run/lease 2>&1 && return
		ip link set "$interface" down
	done
	return 1
}

# A folder of which all was sent has a file `sent`.
unsent()
{
	for file; do
		[ ! -e "$file" ] || [ -e "${file%/*}/sent" ] || echo "${file%/*}"
	done
}

# send_folder FOLDER: a run's own files, or all of a case but its vmcore
send_folder()
{
	depth=2
	[ ! -e "$1/run.json" ] || depth=1
	find "$1" -maxdepth $depth -type f ! -name vmcore ! -name sent >/run/files
	while read -r file; do
		curl -f -sS --retry 2 --max-time 300 -T "$file" "$url/${file#/mnt/results/}" >/run/put 2>&1 ||
			return
	done </run/files
	: >"$1/sent"
}

# The results partition is mounted. What cannot be sent now is sent at a later boot.
send_results()
{
	url=$(option put) || return 0
	folders=$(unsent /mnt/results/*/*/outcome.json /mnt/results/*/report.html)
	[ -n "$folders" ] || return 0
	network_up || { say "crashlab: no network: the results stay on the stick."; return 0; }
	for folder in $folders; do
		send_folder "$folder" || { say "crashlab: sending $folder: $(tail -n 1 /run/put)"; break; }
	done
	ip link set "$interface" down
}
