#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Capsules of real runs, healthy and broken on purpose, in the sanitizer's verify_vmcs: each gives
# its verdict and names the CPU, with and without the host's registers (NAME.regs), keeps its case,
# and makes a capsule that judges the same.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

verify=build/san/bin/verify_vmcs
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# says_not PATTERN COMMAND...: no line of the output is like PATTERN
says_not()
{
	! says "$@" 2>/dev/null
}

# same_verdict FILE FILE: two verdict.json that differ in the dump's path and format at most
same_verdict()
{
	sed '/"dump":{/,/}/d' "$1" >"$work/one"
	sed '/"dump":{/,/}/d' "$2" | diff "$work/one" -
}

# test_capsule NAME ALONE WITH_HOST REASON: REASON is a pattern, or - for none
test_capsule()
{
	dump=$work/$1 regs=tests/dumps/$1.regs
	tests/dumps/unpack "$1" >"$dump" || { check "$1: unpacks" false; return; }
	id=$("$verify" --json "$dump" | sed -n 's/^ *"id":"\(.*\)",/\1/p')

	check "$1: status $2 alone" status "$2" "$verify" "$dump"
	check "$1: status $3 with the host's registers" \
		status "$3" "$verify" --host-regs "$regs" "$dump"
	check "$1: it is of its case" status "$2" "$verify" --case "$id" "$dump"
	check "$1: it is of no other case" status 3 "$verify" --case "$1.000000" "$dump"
	check "$1: the window was hit" says '^ *case .* hit at ' "$verify" "$dump"
	if [ "$4" = - ]; then
		check "$1: nothing is on" says_not ' (ON|active) ' "$verify" --host-regs "$regs" "$dump"
	else
		case $1 in
		vmcs-*) check "$1: the scan finds it" \
			says '^  CPU 0  0x[0-9a-f]+ bochs, active,' "$verify" --scan "$dump" ;;
		esac
		check "$1: names it" says "^  $4" "$verify" --host-regs "$regs" "$dump"
		check "$1: names no other CPU" \
			says_not '^  .*CPU 1 is (ON|active)' "$verify" --host-regs "$regs" "$dump"
	fi

	check "$1: its capsule judges the same" judges_the_same "$dump" --host-regs "$regs"
	check "$1: and is as large" [ "$(stat -c %s "$dump.again")" -le "$(($(stat -c %s "$dump") + 4096))" ]
	rm -f "$dump"*
}

# judges_the_same DUMP [OPTION...]: the capsule of it, too
judges_the_same()
{
	judged=$1
	shift
	"$verify" --json="$judged.json" --capsule "$judged.again" "$@" "$judged" >/dev/null
	"$verify" --json="$judged.again.json" "$judged.again" >/dev/null
	same_verdict "$judged.json" "$judged.again.json"
}

# on_cpus DUMP: the CPUs with VMX on or a VMCS active
on_cpus()
{
	"$verify" "$1" | sed -n 's/^  .* CPU \([0-9]*\) is \(ON\|active\) .*/\1/p' | sort -u
}

# test_nested NAME ALONE ACCEPTED CPU: of a machine that KVM ran, and whose memory QEMU dumped: there is
# no case. Status ACCEPTED when what is only inferred is accepted; CPU is the one at fault, or - for none.
test_nested()
{
	dump=$work/$1
	tests/dumps/unpack "$1" >"$dump" || { check "$1: unpacks" false; return; }
	check "$1: status $2" status "$2" "$verify" "$dump"
	check "$1: status $3 with --accept-inferred" status "$3" "$verify" --accept-inferred "$dump"
	check "$1: its VMCSs are KVM's" says '"format":"vmcs12"' "$verify" --json "$dump"
	if [ "$4" = - ]; then
		check "$1: nothing is on" says_not ' (ON|active) ' "$verify" "$dump"
		check "$1: CPU 1 restarted" says '^1 +reboot ' "$verify" "$dump"
	else
		check "$1: CPU $4 is at fault, and no other" [ "$(on_cpus "$dump")" = "$4" ]
		check "$1: by its VMCS" says "^  VMCS .* of CPU $4 is active .direct" "$verify" "$dump"
	fi
	check "$1: its capsule judges the same" judges_the_same "$dump"
	rm -f "$dump"*
}

command -v zstd >/dev/null || { skip "capsules" "needs zstd"; plan; exit 0; }

while read -r name alone with_host reason; do
	test_capsule "$name" "$alone" "$with_host" "$reason"
done <<'TABLE'
vmx-virt-off 0 0 -
vmx-emergency 0 0 -
svm-virt-off 2 0 -
svm-emergency 2 0 -
vmx-left-on 1 1 VMX operation on CPU 0 is ON
vmcs-left-active 1 1 VMCS 0x[0-9a-f]+ of CPU 0 is active
vmx-6.1 0 0 -
vmx-6.1-vmxoff 2 0 -
svm-6.1-thunk 2 0 -
svm-left-on 2 1 SVM .EFER.SVME. on CPU 0 is ON
TABLE

while read -r name alone accepted cpu; do
	test_nested "$name" "$alone" "$accepted" "$cpu"
done <<'TABLE'
vmcs12-restart 2 0 -
vmcs12-alone 0 0 -
vmcs12-panic 1 1 1
vmcs12-not-cleared 1 1 0
TABLE
plan
