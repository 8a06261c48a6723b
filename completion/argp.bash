# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# bash completion for the programs whose options `--help' lists: one file, installed under the name
# of each of them.

_crashlab_argp()
{
	local help option=$3 word=$2 value
	# "=" is a word of its own: --json = FILE
	if [ "$word" = = ]; then
		word=
	elif [ "$option" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	help=$("$1" --help 2>/dev/null)
	COMPREPLY=()
	if [[ $word == -* ]]; then
		# with the "=" of one that takes a value
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n \
			's/^ .* \(--[a-z-]*\)\(\[\{0,1\}=\{0,1\}\).*/\1\2/p' <<<"$help" | tr -d '[')" -- "$word")
		[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
		return
	fi
	# The name that the value has there: what is no file cannot be known.
	value=$(sed -n "s/^ .* $option\[\{0,1\}=\([^ ]*\).*/\1/p" <<<"$help")
	if [[ $option != --* || -z $value || $value == *FILE* ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -F _crashlab_argp "${BASH_SOURCE[0]##*/}"
