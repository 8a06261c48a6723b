#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# build.sh RELEASE: builds the module that breaks the appliance, and the image variant
# build/images/RELEASE-break/ that carries it. Needs the kernel's headers (fetched through apt).
set -eu
cd "$(dirname "$0")/../../.."
release=$1
work=build/break/$release

scripts/fetch-kernel.sh --headers "$release" >/dev/null
headers=$(readlink -f "build/kernels/$release/headers/usr/src/linux-headers-$release")
mkdir -p "$work/module" "$work/overlay/crashlab"
cp tests/lab/break/Kbuild tests/lab/break/crashlab_break.c "$work/module/"
# Module BTF wants pahole and nobody needs it here.
make -C "$headers" M="$PWD/$work/module" CONFIG_DEBUG_INFO_BTF_MODULES= modules >"$work/log" 2>&1 ||
	{ tail -n 20 "$work/log" >&2; exit 1; }
objcopy --strip-debug "$work/module/crashlab_break.ko" "$work/crashlab_break.ko"
cmp -s "$work/crashlab_break.ko" "$work/overlay/crashlab/crashlab_break.ko" ||
	cp "$work/crashlab_break.ko" "$work/overlay/crashlab/"
cmp -s tests/lab/break/break "$work/overlay/crashlab/break" ||
	cp tests/lab/break/break "$work/overlay/crashlab/"
exec scripts/build-images.sh "$release" --overlay "$work/overlay" --name break
