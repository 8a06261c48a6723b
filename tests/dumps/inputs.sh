#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What is told from outside the dump (--evidence, --calibration, --symbols and so on): it counts,
# it is checked, and a file that is wrong is refused by name.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

verify=build/san/bin/verify_vmcs
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

command -v zstd >/dev/null || { skip "inputs" "needs zstd"; plan; exit 0; }
healthy=$work/healthy
tests/dumps/unpack vmx-virt-off >"$healthy"
amd=$work/amd
tests/dumps/unpack svm-virt-off >"$amd"

# refuses NAME PATTERN COMMAND...: status 64, and one line that is like PATTERN
refuses()
{
	refused=$1 pattern=$2
	shift 2
	check "$refused: bad usage" status 64 "$@"
	check "$refused: says so in one line" one_line "$pattern" "$@"
}

one_line()
{
	pattern=$1
	shift
	"$@" >/dev/null 2>"$work/err"
	[ "$(wc -l <"$work/err")" = 1 ] && says "$pattern" cat "$work/err"
}

# fact SOURCE PROPERTY CPU STATE: an evidence file with it
fact()
{
	printf '{"schema":"crashlab-evidence/1","evidence":[{"property":"%s","cpu":%s,"vmcs":null,
		"state":"%s","strength":"direct","source":"%s","reason":"tried"}]}\n' "$2" "$3" "$4" "$1" \
		>"$work/evidence.json"
	echo "$work/evidence.json"
}

check "the help fits one screen" test "$("$verify" --help | wc -l)" -le 24
check "the help has no long line" test -z "$("$verify" --help | grep -E '.{81}')"

# ---- evidence ----
file=$(fact init-test vmx 0 off)
check "a CPU that came up again: PASS" status 0 "$verify" --evidence "$file" "$healthy"
check "it is among what is believed" says 'CPU 0 .*init-test: tried' "$verify" --evidence "$file" "$healthy"
"$verify" --json="$work/verdict.json" --evidence "$file" --capsule "$work/capsule" "$healthy" >/dev/null
check "a capsule keeps it" says 'CPU 0 .*init-test: tried' "$verify" "$work/capsule"
check "judged again it is there once" \
	test "$("$verify" --json --evidence "$file" "$work/verdict.json" | grep -c '"init-test"')" = 1

file=$(fact init-test vmx 0 on)
check "a CPU that did not: FAIL" status 1 "$verify" --evidence "$file" "$healthy"
check "against the dump, that is a conflict" \
	says '^CONFLICT .*CPU 0.*cr4-shadow says off.*init-test says on' "$verify" --evidence "$file" "$healthy"
check "also with a verdict judged again" status 1 "$verify" --evidence "$file" "$work/verdict.json"

refuses "evidence of a CPU that is not there" 'evidence.json: init-test is of CPU 7,' \
	"$verify" --evidence "$(fact init-test vmx 7 off)" "$healthy"
refuses "an INIT test of AMD" 'evidence.json: init-test says nothing about svm' \
	"$verify" --evidence "$(fact init-test svm 0 off)" "$amd"
refuses "VMX on AMD" 'evidence.json: init-test is of vmx, which CPU 0 .AuthenticAMD. does not have' \
	"$verify" --evidence "$(fact init-test vmx 0 off)" "$amd"
refuses "evidence that speaks for memory" "evidence.json: cr4-shadow speaks for the dump's memory" \
	"$verify" --evidence "$(fact cr4-shadow vmx 0 off)" "$healthy"
refuses "evidence from nowhere" 'evidence.json: "oracle" is no source of evidence' \
	"$verify" --evidence "$(fact oracle vmx 0 off)" "$healthy"
refuses "an evidence file of another schema" 'verdict.json: schema "crashlab-verdict/1" is not crashlab-evidence/1' \
	"$verify" --evidence "$work/verdict.json" "$healthy"
echo '{"schema":' >"$work/cut.json"
refuses "an evidence file that is cut off" 'cut.json: not JSON' "$verify" --evidence "$work/cut.json" "$healthy"
refuses "an evidence file that is not there" 'none.json: No such file' \
	"$verify" --evidence "$work/none.json" "$healthy"
refuses "registers that are none" 'cut.json: host registers: no line' \
	"$verify" --host-regs "$work/cut.json" "$healthy"

# ---- calibration ----
broken=$work/broken calibration=tests/dumps/bochs.calibration.json
tests/dumps/unpack vmcs-left-active >"$broken"

# without_format DUMP CALIBRATION: status of the dump's verdict without the built-in format's word
without_format()
{
	"$verify" --json --calibration "$2" "$1" >"$work/with.json"
	tr -d '\n' <"$work/with.json" |
		sed -E 's/\{[^{}]*"source": ?"vmcs-bochs"[^{}]*\}, *//g' >"$work/without.json"
	if grep -Eq '"source": ?"vmcs-bochs"' "$work/without.json"; then
		return 99
	fi
	"$verify" "$work/without.json"
}

check "a calibration of what is known already: PASS" status 0 "$verify" --calibration "$calibration" "$healthy"
check "a calibration of what is known already: FAIL" status 1 "$verify" --calibration "$calibration" "$broken"
check "the calibration alone: PASS" status 0 without_format "$healthy" "$calibration"
check "the calibration alone: FAIL" status 1 without_format "$broken" "$calibration"
check "the calibration alone is direct" \
	says 'VMCS 0x[0-9a-f]+ of CPU 0 is active .direct, vmcs-calibrated' "$verify" "$work/without.json"
sed 's/"clear": "0x0", "launched": "0x1"/"clear": "0x1", "launched": "0x0"/' "$calibration" >"$work/swapped.json"
check "a wrong calibration is a conflict" \
	says '^CONFLICT .*vmcs-bochs says active.*vmcs-calibrated says clear' \
	"$verify" --calibration "$work/swapped.json" "$broken"
check "a wrong calibration: FAIL stays FAIL" status 1 "$verify" --calibration "$work/swapped.json" "$broken"
check "a wrong calibration: PASS does not stay PASS" status 1 "$verify" --calibration "$work/swapped.json" "$healthy"
sed 's/3240/3232/' "$calibration" >"$work/shifted.json"
check "one of another layout says nothing" status 2 without_format "$broken" "$work/shifted.json"
check "and says why" says 'shifted.json does not fit: host_rip would be' "$verify" "$work/without.json"
sed 's/0x2b/0x12/' "$calibration" >"$work/revision.json"
check "one of another revision is not used, and that is said" \
	says 'revision.json: not used, no VMCS that the kernel knows has its revision 0x12' \
	"$verify" --calibration "$work/revision.json" "$healthy"
check "nor on AMD" says 'json: not used' "$verify" --calibration "$calibration" "$amd"
refuses "a calibration that is none" 'verdict.json: schema "crashlab-verdict/1" is not crashlab-calibration/1' \
	"$verify" --calibration "$work/verdict.json" "$healthy"
refuses "the same revision twice" 'revision 0x2b was calibrated before' \
	"$verify" --calibration "$calibration" --calibration "$work/swapped.json" "$healthy"

# ---- symbols and types, for a kernel that tells neither where its symbols are nor KVM's types ----
old=$work/old map=$work/System.map
tests/dumps/unpack vmx-5.10 >"$old"
tests/dumps/unpack vmx-5.10.map >"$map"

# types NAME BUILD_ID: a module's file with the types of kvm_intel
types()
{
	gcc -g -r -nostdlib -Wl,--build-id="$2" -o "$work/$1" tests/dumps/kvm_intel-5.10.c
	echo "$work/$1"
}

module=$(types kvm-intel.ko.debug 0x613e7eb797ec4d5bd94287bed90a7b3f9e26f6c9)
check "5.10 with both: PASS by direct evidence" status 0 "$verify" --symbols "$map" --vmlinux "$module" "$old"
check "5.10 with both: the VMCSs are found" \
	says '^0 .* VMX off .* 1 clear +smp_call_function_single' \
	"$verify" --symbols "$map" --vmlinux "$module" "$old"
check "5.10: it says what was used" says 'debug: used for the types of kvm_intel: ' \
	"$verify" --symbols "$map" --vmlinux "$module" "$old"
check "5.10 without types: INCONCLUSIVE" status 2 "$verify" --symbols "$map" "$old"
check "5.10 without types: says what is missing, and how to add it" \
	says 'loaded_vmcs.vmcs: types of module kvm_intel: .*--btf or --vmlinux FILE' "$verify" --symbols "$map" "$old"
check "5.10 without symbols: cannot be analysed" status 3 "$verify" --vmlinux "$module" "$old"
check "5.10 without symbols: says how to add them" says 'symbols FILE' "$verify" --vmlinux "$module" "$old"
check "a verdict judged again has the notes" \
	sh -c "$verify --json --symbols $map --vmlinux $module $old >$work/old.json; $verify $work/old.json | grep -q 'used for the types'"
refuses "symbols to a verdict made earlier" 'old.json is no dump: --symbols wants one' \
	"$verify" --symbols "$map" "$work/old.json"

sed 's/^ffffffff\(.*\) init_uts_ns$/fffffff0\1 init_uts_ns/' "$map" >"$work/other.map"
refuses "symbols of another kernel" 'other.map: it is of another kernel: .*init_uts_ns is at' \
	"$verify" --symbols "$work/other.map" "$old"
refuses "symbols of another kernel, though they are not needed" 'System.map: it is of another kernel: ' \
	"$verify" --symbols "$map" "$healthy"
sed 's/^ffffffff[0-9a-f]*/0000000000000000/' "$map" >"$work/zero.map"
refuses "a kallsyms without addresses" 'zero.map: its addresses are 0' \
	"$verify" --symbols "$work/zero.map" "$old"
refuses "symbols that are none" 'cut.json: line 1 is not as in System.map' \
	"$verify" --symbols "$work/cut.json" "$old"

refuses "a module of another build" 'kvm-intel.ko.other: it is of another build than kvm_intel in the dump' \
	"$verify" --symbols "$map" --vmlinux "$(types kvm-intel.ko.other 0x613e7eb797ec4d5bd94287bed90a7b3f9e26f6c8)" "$old"
refuses "a module without a build ID" 'kvm-intel.ko.none: it is of another build than kvm_intel in the dump' \
	"$verify" --symbols "$map" --vmlinux "$(types kvm-intel.ko.none none)" "$old"
refuses "a module that is not there" 'the dump has no module kvm_amd' \
	"$verify" --symbols "$map" --vmlinux "kvm_amd=$module" "$old"
refuses "a file without DWARF" 'there is no DWARF in it' \
	"$verify" --vmlinux kvm_intel=/bin/true "$old"
refuses "a file without BTF" 'there is no BTF in it' "$verify" --btf kvm_intel=/bin/true "$old"
refuses "a file that is neither BTF nor ELF" 'neither BTF nor an ELF file' \
	"$verify" --btf "vmlinux=$map" "$old"
refuses "a file that does not tell whose it is" 'its name does not tell which module it is of' \
	"$verify" --btf "$work/.btf" "$old"
plan
