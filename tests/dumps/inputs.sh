#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What is told from outside the dump (--evidence, --host-regs): it counts, it is checked, and a file
# that is wrong is refused by name.
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
plan
