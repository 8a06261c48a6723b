#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# crashlab watch: what a stick's serial console said, as a real one did.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

crashlab=build/bin/crashlab
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# console TOTALS
console()
{
	{
		echo '  Booting `crashlab: crash-test this machine (10 seconds to stop it)'"'"
		printf '\r\000[    4.210590] crashlab boot release=6.12.117+deb12-amd64 cpus=2\n'
		echo 'crashlab: run 20261124-171132 of scenario scenario: 1 of 8 cases have ended'
		echo '[    8.738405] crashlab case id=emergency.cacc94'
		echo '[    9.656704] crashlab kvm module=kvm_amd'
		printf '[   11.070664] crashlab guests count=2 text=guestload: 2 guests \033[31mrunning\n'
		echo '[    6.739393] crashlab capture release=6.12.117+deb12-amd64'
		echo '[    9.420316] crashlab verdict status=1'
		echo '[    9.458266] crashlab done'
		[ -z "$1" ] || printf '\n%s\n' "$1"
	} | sed 's/$/\r/'
}

console '8 cases, 8 as expected: 6 PASS 2 skipped' >"$work/good"
console '8 cases, 7 as expected: 5 PASS 1 lab-broken 2 skipped' >"$work/bad"
console '' >"$work/cut"

check "all as expected is status 0" status 0 $crashlab watch "$work/good"
check "from standard input" status 0 sh -c "$crashlab watch - <'$work/good'"
check "another end is status 1" status 1 $crashlab watch "$work/bad"
check "which is said" says '^8 cases, 7 as expected' $crashlab watch "$work/bad"
check "a console that ends first is status 3" status 3 $crashlab watch "$work/cut"
check "a stage is told with its case" says '^emergency.cacc94 +kvm' $crashlab watch "$work/good"
check "a line that begins with noise" says '^ +boot +6.12.117' $crashlab watch "$work/good"
check "a verdict by its word" says '^emergency.cacc94 +verdict +FAIL' $crashlab watch "$work/good"
check "how far the run is" says '^crashlab: run .*1 of 8 cases' $crashlab watch "$work/good"
check "nothing that a terminal would act on" status 1 \
	sh -c "$crashlab watch '$work/good' | grep -q '$(printf '\033')'"
expect 64 'of which console' $crashlab watch
expect 64 "unexpected argument 'x'" $crashlab watch - x
check "what is not there is said" says 'nowhere: No such file' $crashlab watch "$work/nowhere"

plan
