#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every libFuzzer target for a bounded number of inputs, from a small seed corpus.
# CRASHLAB_FUZZ_FACTOR=100 makes it a night's work; what is found stays in build/fuzz/.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

factor=${CRASHLAB_FUZZ_FACTOR:-1}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tests/dumps/unpack vmx-virt-off >"$work/capsule"
CRASHLAB_FUZZ_DUMP=$work/capsule
export CRASHLAB_FUZZ_DUMP

# libkdumpfile asks for what a hostile file says, and takes a no for an answer.
ASAN_OPTIONS=allocator_may_return_null=1
export ASAN_OPTIONS

# fuzz TARGET RUNS LONGEST: an input that takes 20 s is a hang
fuzz()
{
	mkdir -p "$work/$1"
	check "$1, $(($2 * factor)) inputs" build/fuzz/"$1" -runs=$(($2 * factor)) -max_len="$3" \
		-timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=0 -seed=1 -verbosity=0 -print_final_stats=1 -len_control=0 \
		-artifact_prefix=build/fuzz/"$1"- "$work/$1"
}

seed()
{
	mkdir -p "$work/$1"
	cat >"$work/$1/seed"
}

makedumpfile_header='makedumpfile\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1'
{
	printf '%b' "$makedumpfile_header"
	head -c 4064 /dev/zero
	printf '\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0\5WORLD'
	printf '\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377'
} | seed fuzz_flattened
seed fuzz_host_regs <tests/dumps/svm-left-on.regs
build/bin/verify_vmcs --json "$work/capsule" | seed fuzz_verdict_json
{
	printf 0
	printf '%s\n' '0000000000021000 D cpu_tlbstate' 'ffffffff81000000 T _stext' \
		'ffffffff81000040 t second' 'ffffffffc0401000 t vmx_exit	[kvm_intel]'
} | seed fuzz_inputs
{ printf 1; cat tests/dumps/bochs.calibration.json; } >"$work/fuzz_inputs/calibration"
printf '2{"schema":"crashlab-evidence/1","evidence":[{"property":"vmx","cpu":0,"vmcs":null,"state":"off",%s}]}' \
	'"strength":"direct","source":"init-test","reason":"up"' >"$work/fuzz_inputs/evidence"

mkdir -p "$work/fuzz_dump"
CRASHLAB_FUZZ_SEEDS=$work/fuzz_dump build/san/tests/test_formats >&2

# bytes without order, which a compressed file has: each seed is a score of changes
mkdir -p "$work/fuzz_capsule"
head -c 8192 tests/dumps/vmx-virt-off.zst | split -b 256 - "$work/fuzz_capsule/seed"

# one that takes changes to something whole needs no seed but some bytes to begin with
for target in fuzz_btf fuzz_files fuzz_kallsyms; do
	head -c 64 tests/dumps/vmx-virt-off.zst | seed $target
done
mkdir -p "$work/fuzz_structures"
head -c 56000 tests/dumps/vmx-virt-off.zst | split -b 2800 - "$work/fuzz_structures/seed"
tr '\0' '\n' <"$work/capsule" | grep -a -m 1 -A 100 ^OSRELEASE= | head -c 2000 | seed fuzz_vmcoreinfo

fuzz fuzz_flattened 50000 8192
fuzz fuzz_files 20000 2048
fuzz fuzz_vmcoreinfo 50000 4096
fuzz fuzz_kallsyms 10000 512
fuzz fuzz_btf 50000 1024
fuzz fuzz_orc 100000 512
fuzz fuzz_structures 3000 2818
fuzz fuzz_dump 2000 131072
fuzz fuzz_notes 200000 1024
fuzz fuzz_host_regs 100000 4096
fuzz fuzz_verdict_json 20000 16384
fuzz fuzz_inputs 50000 4096
fuzz fuzz_capsule 200 256

plan
