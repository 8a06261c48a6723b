#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line of calibrate_vmcs; what it does is tested on Bochs (tests/lab/silicon.sh).
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

program=build/bin/calibrate_vmcs
expect 64 "unexpected argument 'now'" $program now
expect 64 "--vmcss" $program --vmcss 1
expect 64 "--rounds" $program --rounds x
check "--help lists its options" says '--output=FILE' $program --help

plan
