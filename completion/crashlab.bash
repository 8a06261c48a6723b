# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# bash completion for crashlab: commands, each command's options as its --help has them, and names
# out of the results database.

# _crashlab_options PROGRAM COMMAND
_crashlab_options()
{
	"$1" "$2" --help 2>/dev/null | grep -Eo -- '(^| )--[a-z][a-z-]*'
}

# _crashlab_results WORD...: what --results was given, so that names come from there
_crashlab_results()
{
	local word
	for word in "$@"; do
		case $word in
		--results=*) echo "$word" ;;
		esac
	done
}

# The first column of `crashlab list`, without its title.
_crashlab_names()
{
	"$@" 2>/dev/null | tail -n +2 | cut -d ' ' -f 1
}

_crashlab_words()
{
	local program=$1 command=$2 results=$3
	case $command in
	run) find scenarios -name '*.ini' 2>/dev/null | sed 's|.*/||; s/\.ini$//' ;;
	list | report | compare | show) _crashlab_names "$program" list ${results:+"$results"} ;;
	esac
	case $command in
	show | repro) _crashlab_names "$program" list ${results:+"$results"} \
		"$(_crashlab_names "$program" list ${results:+"$results"} | tail -n 1)" ;;
	esac
}

_crashlab()
{
	local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} current=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]} words

	# readline splits --option=value at the equals sign
	[ "$current" != = ] || current=
	[ "$previous" != = ] || previous=${COMP_WORDS[COMP_CWORD - 2]}
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$("$program" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
	else
		case $previous in
		--backend) words='auto kvm tcg bochs bochs-plain' ;;
		--save) words='always fail never' ;;
		--format)
			words='html text json tap ktap junit'
			[ "$command" != build ] || words='iso disk netboot'
			;;
		--flavour) words='small linux full' ;;
		--until) words='PASS FAIL INCONCLUSIVE race-missed reboot-won no-dump capture-hang
			capture-stopped early-crash timeout lab-broken' ;;
		--kernel) words=$("$program" kernels --local 2>/dev/null | sed -n 's/ \+local .*//p') ;;
		--connect | --pool) words= ;;
		--images | --results | --output | -o | --overlay | --emulator)
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
			return ;;
		*)
			case $current in
			-*) words=$(_crashlab_options "$program" "$command") ;;
			*) words=$(_crashlab_words "$program" "$command" \
				"$(_crashlab_results "${COMP_WORDS[@]}")") ;;
			esac ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -o default -F _crashlab crashlab
