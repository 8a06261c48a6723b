#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# crashlab's command line: help of every command, bad usage, and that man page and completion know
# every command and option that there is.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

crashlab=build/bin/crashlab
page=docs/man/crashlab.1
empty=$(mktemp -d) || exit 1
trap 'rm -rf "$empty"' EXIT

commands=$($crashlab --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
check "there are commands" [ "$(echo "$commands" | wc -w)" -ge 9 ]

options_of()
{
	$crashlab "$1" --help | grep -Eo -- '--[a-z][a-z-]*' | grep -Ev -- '--(help|usage|version)' | sort -u
}

# undocumented COMMAND: its options that the man page does not have
undocumented()
{
	for option in $(options_of "$1"); do
		grep -Fq -- "Fl ${option#-}" "$page" || echo "$option"
	done
}

for command in $commands; do
	check "$command --help" status 0 $crashlab "$command" --help
	check "$command: the man page has it" grep -Eq "^\.Ss $command( |$)" "$page"
	check "$command: and all of its options" [ -z "$(undocumented "$command")" ]
	check "$command: an option that is none" status 64 $crashlab "$command" --no-such
done
check "no command" status 64 $crashlab
check "a command that is none" status 64 $crashlab dance
check "a results directory without runs" says "no crashlab.db in $empty: no run was made there" \
	$crashlab list --results "$empty"
check "a scenario that is none" says 'no scenario "no-such"' $crashlab run no-such --list
check "a value that cannot be" says '^crashlab run: --cpus: cpus: "none" is not a number' \
	$crashlab run main --cpus none --list
check "compare needs two" status 64 $crashlab compare a
check "--resume changes no case" status 64 $crashlab run --resume --window none
expect 64 'not a URI of QEMU' $crashlab doctor --connect xen:///system
expect 64 'what runs without --connect' $crashlab doctor --connect 'qemu:///embed?root=/tmp'
expect 64 '--pool and --emulator go with --connect' $crashlab run --pool a --list
expect 64 '--snapshot does not go with --connect' $crashlab run --snapshot --connect qemu:///system --list
expect 3 'does libvirtd run there' $crashlab doctor --connect "qemu+unix:///system?socket=$empty/none"
check "--list in JSON" says '"schema": ?"crashlab-plan/1"' $crashlab run matrix --list --json
check "an axis by an option" says '^12 cases' $crashlab run matrix --cpus 4 --list
check "another" says '^6 cases' $crashlab run matrix --cpus 3 --list
check "build tells what it would run" says 'fetch-kernel.sh --suite sid 7' $crashlab build -n --suite sid 7
check "build tells how it would make a stick" \
	says 'build-stick.sh KERNEL --format iso --options a b' $crashlab build -n --format iso --options 'a b'
check "a flavour of the images" \
	says 'build-images.sh KERNEL --flavour full' $crashlab build -n --flavour full
check "and of a stick" says 'build-stick.sh KERNEL --flavour full --format iso' \
	$crashlab build -n --format iso --flavour full
check "a flavour that is none" status 64 $crashlab build -n --flavour large
check "a flavour and an overlay" \
	status 64 $crashlab build -n --flavour linux --overlay appliance --name x
check "a format that is none" status 64 $crashlab build -n --format floppy
check "what is for a stick only" status 64 $crashlab build -n --go
check "doctor in JSON" says '"schema": ?"crashlab-doctor/1"' $crashlab doctor --json

# complete WORD...: what completion offers for the last word
complete_words()
{
	# shellcheck disable=SC2034 # completion's own
	COMP_WORDS=("$crashlab" "$@") COMP_CWORD=$#
	COMPREPLY=()
	_crashlab
	printf '%s\n' "${COMPREPLY[@]}"
}

# shellcheck source=completion/crashlab.bash
. completion/crashlab.bash
check "completes commands" says '^compare$' complete_words c
check "completes options" says '^--panic-cpu$' complete_words run --p
check "completes values" says '^bochs$' complete_words run --backend b
check "completes values after =" says '^junit$' complete_words report --format = j
check "completes scenarios" says '^matrix$' complete_words run m

if command -v mandoc >/dev/null; then
	check "the man page is clean" status 0 mandoc -T lint -W error "$page"
else
	skip "the man page is clean" "no mandoc"
fi

plan
