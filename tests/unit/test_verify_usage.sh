#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What verify_vmcs tells of itself: help of one screen, a man page that knows every option and has no
# faults, completion, colour where it is wanted; and that `make install' puts all of it in place.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

verify=build/bin/verify_vmcs
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tests/dumps/unpack vmx-virt-off >"$work/dump"
"$verify" --json="$work/verdict.json" --explain 0 "$work/dump" >"$work/explained"

# fits_screen FILE: 24 lines of 80 columns
fits_screen()
{
	[ "$(wc -l <"$1")" -le 24 ] && ! grep -q '.\{81\}' "$1"
}

"$verify" --help >"$work/help"
check "--help fits one screen" fits_screen "$work/help"

options=$(sed -n 's/^ .* --\([a-z-]*\).*/\1/p' "$work/help")
check "there are options" [ "$(wc -w <<<"$options")" -gt 10 ]
for option in $options; do
	check "the man page has --$option" \
		grep -Eq "^\.It Fl (.*, )?-$option( |$)" docs/man/verify_vmcs.1
done
for option in $(sed -n 's/^\.It Fl \(.*, \)\{0,1\}-\([a-z-]*\).*/\2/p' docs/man/verify_vmcs.1); do
	check "there is the man page's --$option" grep -q -e "--$option" "$work/help"
done
for page in docs/man/*.[1-8]; do
	check "$page is without faults" mandoc -Tlint -Wwarning "$page"
done

# complete WORD...: what bash offers for the last one, as it splits the line, sorted
offers()
{
	bash -c '
		PATH=$1:$PATH
		. "$2"
		shift 2
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		$(complete -p "$1" | sed "s/.* -F \([^ ]*\) .*/\1/") \
			"$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}" | sort' - "$PWD/build/bin" \
		"$root/usr/share/bash-completion/completions/$1" "$@"
}

# offered EXPECTED WORD..., by $program
program=verify_vmcs
offered()
{
	local expected=$1 got
	shift
	got=$(offers "$program" "$@" | tr '\n' ' ')
	[ "$got" = "$expected " ] || { echo "# \"$got\" instead of \"$expected\""; return 1; }
}

root=$work/root
check "make install" make -s install DESTDIR="$root" prefix=/usr
for installed in verify_vmcs crashtrigger guestload calibrate_vmcs crashlab; do
	check "it installs $installed" [ -x "$root/usr/bin/$installed" ]
	check "and its completion" [ -s "$root/usr/share/bash-completion/completions/$installed" ]
done
check "crashlab has its own" cmp completion/crashlab.bash \
	"$root/usr/share/bash-completion/completions/crashlab"
check "and the man page" man -l "$root/usr/share/man/man1/verify_vmcs.1"
check "what is installed works" status 0 "$root/usr/bin/verify_vmcs" --explain 0 "$work/dump"

check "completion: an option" offered "--scan" --sc
check "completion: those with a value" offered "--calibration= --capsule= --case=" --ca
check "completion: a value that is optional" offered "--json=" --js
check "completion: a file" offered "$work/dump" "$work/du"
check "completion: an option's file" offered "$work/dump" --capsule "$work/du"
check "completion: behind =" offered "$work/dump" --json = "$work/du"
check "completion: a CPU is no file" offered "" --explain "$work/du"
program=crashtrigger
check "completion of crashtrigger: options" offered "--reboot-cpu= --reboot= --record --record-cost --record-only" --re
check "completion of crashtrigger: windows" offered "none notifiers" --window n
check "completion of crashtrigger: of one's instructions" offered "virt-off" --boundaries virt
check "completion of crashtrigger: ways to die" offered "panic-irq panic-nmi panic-overtaken" --trigger = pa
check "completion of crashtrigger: ways to reboot" offered "restart" --reboot re
check "completion of crashtrigger: the only value" offered "timed" --fallback t
check "completion of crashtrigger: one that is optional" offered "json" --list = j
check "completion of crashtrigger: a CPU is no name" offered "" --panic-cpu ""

# coloured ENVIRONMENT: the text to a terminal has escapes in it
coloured()
{
	script -qec "env $1 $verify $work/verdict.json" /dev/null </dev/null | grep -q "$(printf '\033')"
}

not_coloured()
{
	! coloured "$@"
}

check "colour on a terminal" coloured NO_COLOR=
check "none with NO_COLOR" not_coloured NO_COLOR=1
check "none in a file" not_coloured "NO_COLOR= sh -c 'exec \"\$@\" | cat' -"

plan
