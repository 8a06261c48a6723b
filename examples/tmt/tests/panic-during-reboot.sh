#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# CRASHLAB is a checkout of crashlab, URL where it is cloned from without one.
set -eu

if [ -z "${CRASHLAB-}" ]; then
	CRASHLAB=$PWD/crashlab
	[ -d "$CRASHLAB" ] || git clone "${URL:?is to name the repository of crashlab}" "$CRASHLAB"
fi
make -C "$CRASHLAB" KERNEL="$KERNEL" images
# shellcheck disable=SC2086 # options, one a word
exec "$CRASHLAB/scripts/pipeline.sh" "$KERNEL" "${TMT_TEST_DATA:-$PWD/data}" "${SCENARIO:-smoke}" ${ARGS-}
