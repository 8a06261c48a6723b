#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every instruction of a function as a window: a scenario with one case for each boundary between two
# instructions, and the table of what came of it. A function of KVM's modules is read in their files,
# another one in the running kernel: the appliance boots for that in QEMU, once (build/boundaries/).
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

# read_modules: "ADDRESS: TEXT" a line to $work/code, of the module that has the symbol, if one has
read_modules()
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
}

# What the appliance runs in place of its agent, as init.
print_lister()
{
	cat <<END
#!/bin/sh
. /crashlab/lib.sh
start
{ crashtrigger --symbols $symbol && crashtrigger --boundaries $symbol; } >&3 2>&3
drained_event done
echo o >/proc/sysrq-trigger
idle
END
}

# ask_kernel FILE: what crashtrigger says of the symbol in the running kernel
ask_kernel()
{
	images=$build/images/$release
	[ -f "$images/appliance.cpio" ] || die "no $images: build/bin/crashlab build $release makes it"
	mkdir -p "$work/root/crashlab" "$(dirname "$1")"
	print_lister >"$work/root/crashlab/lister"
	chmod 755 "$work/root/crashlab/lister"
	(cd "$work/root" && find . | cpio -o -H newc --quiet) | cat "$images/appliance.cpio" - >"$work/initramfs"
	say "$symbol: reading it in the running kernel"
	timeout 300 "$build/qemu/qemu-system-x86_64" -nodefaults -display none -no-reboot -M pc -accel tcg \
		-cpu EPYC,+svm -m 1024 -kernel "$images/vmlinuz" -initrd "$work/initramfs" \
		-append "$(cat "$images/cmdline.qemu") rdinit=/crashlab/lister" \
		-serial "file:$work/console" -serial "file:$work/said" ||
		die "the machine did not come to its end: $(tail -n 1 "$work/console")"
	grep -q "^$symbol=0x" "$work/said" || die "$symbol: $(grep -v '^crashlab' "$work/said" | tail -n 1)"
	tr -d '\r' <"$work/said" >"$1"
}

# read_kernel: the same to $work/instructions, as list_instructions prints it. Kernel addresses differ in
# their last 32 bits alone, and those are what every shell can reckon with.
read_kernel()
{
	said=$build/boundaries/$release.$symbol
	[ -s "$said" ] || ask_kernel "$said"
	start=$(sed -n "s/^$symbol=0xffffffff//p" "$said")
	length=$(sed -n "s/^$symbol+0x\([0-9a-f]*\)\t.*/\1/p" "$said" | tail -n 1)
	grep "^$symbol+0x" "$said" | tr '\t' '|' | while IFS='|' read -r place text _; do
		target=$(echo "$text" | sed -n 's/^[a-z]* 0xFFFFFFFF\([0-9A-F]\{8\}\)$/\1/p')
		if [ -n "$target" ]; then
			target=$((0x$target - 0x$start))
			text=${text%% *}
			[ $target -lt 0 ] || [ $target -gt $((0x$length)) ] || text="$text +0x$(printf %x $target)"
		fi
		echo "${place##*+0x} $text"
	done | sed 's/0xFFFFFFFF[0-9A-F]\{8\}/0x0(%rip)/' | tr '[:upper:]' '[:lower:]'
}

# list_instructions: of the symbol, "OFFSET TEXT" a line, the offset in hexadecimal. Targets are relative
# to the function; where a module's call goes is for its loader to fill in.
list_instructions()
{
	read_modules
	if [ ! -s "$work/code" ]; then
		read_kernel
		return
	fi
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

# What a function begins with is the compiler's: the call that ftrace patches, before it perhaps an
# endbr64. The function's entry stands for both.
list_windows()
{
	list_instructions | awk -v symbol="$symbol" '
		$1 == "0" { print "entry", symbol; next }
		$1 == "4" && $2 ~ /^(call|nop)/ { next }
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
		if (text ~ /^stgi/) return "STGI"
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
