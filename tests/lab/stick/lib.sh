# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the scripts that boot a stick.

# offset IMAGE: where its results partition begins, in bytes
offset()
{
	echo $(($(sfdisk -d "$1" | sed -n 's/.*start= *\([0-9]*\).*name="crashlab results".*/\1/p') * 512))
}

# until_stopped PID LOG SECONDS: wait for the machine to come to its end, and switch it off
until_stopped()
{
	waited=0
	until grep -q 'crashlab has stopped' "$2" 2>/dev/null || [ $waited -ge "$3" ] ||
		! kill -0 "$1" 2>/dev/null; do
		sleep 1
		waited=$((waited + 1))
	done
	check "it comes to its end" grep -q 'crashlab has stopped' "$2"
	kill "$1"
	wait "$1" 2>/dev/null
}

# fetch_results IMAGE DIRECTORY: copy results/ from it
fetch_results()
{
	mcopy -s -n -i "$1@@$(offset "$1")" ::results "$2/" >&2
}
