#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2086
#
# Bad usage of crashtrigger ends with status 64 and one clear line, before anything
# is looked at or harmed. Nothing here says --yes-crash-this-machine.

dir=$(dirname "$0")
bin=$dir/../../build/bin
# shellcheck source=tests/tap.sh
. "$dir/../tap.sh"

good="--case a --panic-cpu 1 --reboot-cpu 0 --reboot restart --window virt-off"
trigger()
{
	status=$1 text=$2
	shift 2
	expect "$status" "$text" "$bin/crashtrigger" "$@"
}

trigger 64 "all needed"
trigger 0 "Mean it" --help
trigger 64 "unexpected argument 'x'" $good x
trigger 64 "case: " $good --case "a b"
trigger 64 "case: " $good --case ""
trigger 64 "panic-cpu: 'x' is not a number" $good --panic-cpu x
trigger 64 "reboot-cpu: 100000 is not" $good --reboot-cpu 100000
trigger 64 "reboot: 'stop' is none of restart, sysrq-b, halt" $good --reboot stop
trigger 64 "trigger: 'poison' is none of sysrq-c, crash-kexec" $good --trigger poison
trigger 64 "only --reboot restart halt power-off kexec passes there" \
	$good --reboot sysrq-b
trigger 64 "panic-cpu 0, or leave it out" $good --trigger crash-self
trigger 64 "hold-us 4000000 at least" $good --trigger soft-lockup
trigger 64 "delay-max-us must be shorter" $good --delay-min-us 5 --delay-max-us 500000
trigger 64 "delay-min-us is above" $good --delay-min-us 5 --delay-max-us 4
trigger 64 "sweep needs --delay-min-us" $good --sweep 1/2
trigger 64 "is not I/N" $good --sweep 1
trigger 64 "2 is not from 0 to 1" $good --sweep 2/2
trigger 64 "no chance above 0" $good --frequency 0
trigger 64 "seed: '-1' is not a number" $good --seed -1
trigger 64 "list: json" --list=xml
trigger 64 "only --reboot sysrq-b passes there" $good --window emergency
trigger 64 "'virt-of' is none of notifiers, devices, .*emergency, cpu-offline, SYMBOL" $good --window virt-of
trigger 64 "hold-us: 5000001 is not" $good --hold-us 5000001
trigger 64 "-delay-us must be shorter" $good --delay-us 500000
trigger 64 "fallback: timed" $good --fallback never
trigger 64 "choose two CPUs" $good --reboot-cpu 1 --dry-run
trigger 64 "there is no CPU 1000 here" $good --panic-cpu 1000 --dry-run

# The machine that runs the tests is never one to be crashed.
if ! grep -qw crashlab.appliance /proc/cmdline; then
	trigger 64 "add .*yes-crash-this-machine" $good
fi

# The man page knows every option, and every way.
page=$dir/../../docs/man/crashtrigger.1
undocumented()
{
	for option in $("$bin/crashtrigger" --help | grep -Eo -- '--[a-z][a-z-]*' |
		grep -Ev -- '--(help|usage|version)' | sort -u); do
		grep -Fq -- "Fl ${option#-}" "$page" || echo "$option"
	done
	for option in trigger reboot; do
		for way in $("$bin/crashtrigger" --$option x 2>&1 | sed -n 's/.* is none of //p' | tr -d ,); do
			grep -Eq "(^| )$way( |\$)" "$page" || echo "$way"
		done
	done
}
check "the man page has all" [ -z "$(undocumented)" ]
check "every way to die is listed with every way to reboot" \
	says '^hung-task +power-off +devices' "$bin/crashtrigger" --list
check "and as JSON" says '"trigger": ?"crash-self"' "$bin/crashtrigger" --list=json
if command -v mandoc >/dev/null; then
	check "the man page is clean" status 0 mandoc -T lint -W error "$page"
else
	skip "the man page is clean" "no mandoc"
fi

plan
