# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh

# own_bochs_lab DIRECTORY: a lab there that has all of this one's but the machine's own Bochs
own_bochs_lab()
{
	mkdir -p "$1/build"
	cp -rp build/bin "$1/build/"
	ln -s "$PWD/appliance" "$PWD/scenarios" "$1/"
	ln -s "$PWD/build/images" "$PWD/build/kernels" "$PWD/build/qemu" "$1/build/"
	CRASHLAB_BUILD=$1/build scripts/fetch-bochs.sh --stand-in
}
