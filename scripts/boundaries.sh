#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every instruction of a function of KVM's modules as a window: a scenario with one case for each
# boundary between two instructions, and the table of what came of it.
#
# Usage: scripts/boundaries.sh scenario RELEASE SYMBOL KEY=VALUE...   a scenario file to stdout
#        scripts/boundaries.sh table RELEASE SYMBOL RESULTS           its results as a table, Markdown
#   KEY=VALUE  what all cases have besides the window, as vendor=vmx reboot=sysrq-b
#
#   scripts/boundaries.sh scenario 6.12.117+deb12-amd64 vmx_emergency_disable_virtualization_cpu \
#           vendor=vmx reboot=sysrq-b >emergency.ini
#   build/bin/crashlab run emergency.ini --snapshot --truth --results build/boundaries
#   build/bin/crashlab run --resume --snapshot --truth --results build/boundaries     (when it was cut off)
#   scripts/boundaries.sh table 6.12.117+deb12-amd64 vmx_emergency_disable_virtualization_cpu build/boundaries
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# list_instructions: of the symbol's module, "OFFSET TEXT" a line, the offset in hexadecimal. Targets
# are relative to the function; where a call goes is for the module's loader to fill in.
list_instructions()
{
	for name in kvm-intel kvm-amd kvm; do
		module=$(find "$build/kernels/$release/lib/modules" -name "$name.ko*" | head -n 1)
		case $module in
		*.xz) xz -dc "$module" >"$work/module" ;;
		*.zst) zstd -q -dc "$module" >"$work/module" ;;
		?*) cat "$module" >"$work/module" ;;
		*) continue ;;
		esac
		objdump -d --no-show-raw-insn --disassemble="$symbol" "$work/module" |
			awk -v symbol="$symbol" '
				$2 == "<" symbol ">:" { inside = 1; next }
				inside && /^ *[0-9a-f]+:/ { print }' >"$work/code"
		[ ! -s "$work/code" ] || break
	done
	[ -s "$work/code" ] || die "no function $symbol in the modules of $release"
	start=$((0x$(awk 'NR == 1 { sub(":", "", $1); print $1 }' "$work/code")))
	while read -r address text; do
		printf '%x %s\n' $((0x${address%:} - start)) "$(echo "$text" | sed "s/ *#.*//;s/[[:space:]]\\+/ /g
			s/^call .*/call/;s/ [0-9a-f]* <$symbol+\\(0x[0-9a-f]*\\)>/ +\\1/;s/ [0-9a-f]* <\\([^>]*\\)>/ \\1/")"
	done <"$work/code" | awk '
		# a jump to what follows it is one that the loader fills in, too
		NR > 1 { if (last == "jmp +0x" $1) last = "jmp"; print at, last }
		{ at = $1; last = $0; sub(/^[^ ]+ /, "", last) }
		END { print at, last }'
}

# The first 9 bytes are the compiler's: endbr64 and the call that ftrace patches. The function's entry
# stands for both.
list_windows()
{
	list_instructions | awk -v symbol="$symbol" '
		$1 == "0" { print "entry", symbol; next }
		length($1) == 1 && $1 < "9" { next }
		{ print $1, symbol "+0x" $1 }'
}

print_scenario()
{
	echo "; Made by scripts/boundaries.sh: every instruction of $symbol, $release."
	echo '[defaults]'
	for pair; do
		echo "${pair%%=*} = ${pair#*=}"
	done
	list_windows | while read -r name window; do
		printf '\n[case at-%s]\nwindow = %s\n' "$name" "$window"
	done
}

# One row for each window: what the last run of its case said. An empty field of a row is a "-", as
# read takes several separators for one.
list_results()
{
	sqlite3 -readonly -separator ' ' "$results/crashlab.db" "
		SELECT \"window\", CASE WHEN detail LIKE '%no probe%' OR detail LIKE '%cannot probe%' THEN 'no-probe' ELSE outcome END, coalesce(nullif(hit, ''), '-'), coalesce(nullif(truth, ''), '-')
		FROM cases WHERE outcome IS NOT NULL GROUP BY \"window\" HAVING rowid = max(rowid)"
}

print_table()
{
	list_results >"$work/results"
	list_instructions >"$work/instructions"
	list_windows >"$work/windows"
	awk -v symbol="$symbol" -v release="$release" '
	function meaning(text) {
		if (text ~ /vmclear/) return "VMCLEAR"
		if (text ~ /vmxoff/) return "VMXOFF"
		if (text ~ /,%cr4$/ || text ~ /cr4_clear_bits/) return "CR4 write"
		return ""
	}
	FILENAME ~ /results$/ { outcome[$1] = $2; hit[$1] = $3; truth[$1] = $4; next }
	FILENAME ~ /instructions$/ {
		offset = $1; sub(/^[^ ]+ /, "")
		text[offset == "0" ? "entry" : offset] = $0; next
	}
	{ name[++count] = $1; window[count] = $2 }
	END {
		for (i = 1; i <= count; i++) {
			w = window[i]
			if (!(w in outcome)) open_++
			else if (hit[w] == "hit") held++
			else if (outcome[w] == "reboot-won") off++
			else if (outcome[w] == "no-probe") refused++
			else other++
		}
		printf "%s, %s: %d of %d boundaries hit", symbol, release, held, count
		if (off) printf ", %d not on the path (the reboot went through)", off
		if (refused) printf ", %d where the kernel takes no probe", refused
		if (other) printf ", %d otherwise", other
		if (open_) printf ", %d not run", open_
		print ".\n\n| before | instruction | outcome | truth | |\n|---|---|---|---|---|"
		for (i = 1; i <= count; i++) {
			w = window[i]
			note = ""
			if (meaning(text[name[i]]) != "") note = "before " meaning(text[name[i]])
			if (i > 1 && meaning(text[name[i - 1]]) != "")
				note = note (note == "" ? "" : ", ") "after " meaning(text[name[i - 1]])
			at = name[i] == "entry" ? "entry" : "+0x" name[i]
			said = (w in outcome) ? outcome[w] : "not run"
			if (said == "reboot-won") said = "not on the path"
			if (said == "no-probe") said = "no probe there"
			printf "| %s | `%s` | %s | %s | %s |\n", at, text[name[i]], said,
				(w in truth) && truth[w] != "-" ? truth[w] : "", note
		}
	}' "$work/results" "$work/instructions" "$work/windows"
}

[ $# -ge 3 ] || usage
job=$1 release=$2 symbol=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $job in
scenario)
	print_scenario "$@"
	;;
table)
	[ $# = 1 ] || usage
	results=$1
	print_table
	;;
*) usage ;;
esac
