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
			's/^ \{2,6\}\(-., \)\{0,1\}\(--[a-z-]*\)\(\[\{0,1\}=\{0,1\}\).*/\2\3/p' <<<"$help" | tr -d '[')" -- "$word")
		[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
		return
	fi
	# The name that the value has there. One in small letters is the value itself; of what has names the
	# program tells those that it knows, when it is given one that it does not.
	value=$(sed -n "s/^ .* $option\[\{0,1\}=\([^] ]*\).*/\1/p" <<<"$help")
	if [[ $option == --* && $value == [a-z]* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$value" -- "$word")
	elif [[ $option == --* && ($value == HOW || $value == W) ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$1" "$option=?" 2>&1 | sed -n \
			's/, SYMBOL.*,/,/; s/.* is none of //p' | tr -d ,)" -- "$word")
	elif [[ $option != --* || -z $value || $value == *FILE* ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -F _crashlab_argp "${BASH_SOURCE[0]##*/}"
