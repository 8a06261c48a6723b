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
trigger 64 "reboot: restart or sysrq-b" $good --reboot halt
trigger 64 "trigger: sysrq-c or crash-kexec" $good --trigger oops
trigger 64 "only --reboot sysrq-b passes there" $good --window emergency
trigger 64 "'virt-of' is no symbol" $good --window virt-of
trigger 64 "hold-us: 5000001 is not" $good --hold-us 5000001
trigger 64 "-delay-us must be shorter" $good --delay-us 500000
trigger 64 "fallback: timed" $good --fallback never
trigger 64 "choose two CPUs" $good --reboot-cpu 1 --dry-run
trigger 64 "there is no CPU 1000 here" $good --panic-cpu 1000 --dry-run

# The machine that runs the tests is never one to be crashed.
if ! grep -qw crashlab.appliance /proc/cmdline; then
	trigger 64 "add .*yes-crash-this-machine" $good
fi

plan
