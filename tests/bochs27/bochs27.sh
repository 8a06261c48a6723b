#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Where Debian 13's Bochs cannot be had: a lab with the machine's own in its place (Debian 12: 2.7) runs a
# case to the same verdict, and says what it runs on.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
. tests/bochs27/lib.sh
lab_start bochs27

own=$(mktemp -d) || exit 1
trap 'rm -rf "$own"' EXIT
own_bochs_lab "$own"
crashlab=$own/build/bin/crashlab
version=$(dpkg-query -W -f '${Version}' bochs | sed 's/[+.]/\\&/g')

check "doctor names the version" says "^Bochs is $version:" "$crashlab" doctor
check "and says what that means" says "this machine's own" "$crashlab" doctor
check "in JSON, too" says '"bochs": *"Bochs is .*own' "$crashlab" doctor --json
check "a case of it is a PASS, and Bochs agrees" status 0 \
	"$crashlab" run main --kernel "$release" --case vmx-emergency --truth --timeout-factor 2 --results "$results"
need_case vmx-emergency
check "its truth could be read" grep -q '"truth": *"agrees"' "$(case_of vmx-emergency)/outcome.json"

plan
