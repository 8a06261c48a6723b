#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# VMCSs that a real KVM keeps for a machine that it runs (struct vmcs12): Bochs runs KVM, that runs a Linux
# that runs KVM guests, and QEMU dumps that Linux when it has died, healthy and broken. Two machines at once.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start nested_vmx

# judge NAME: the verdict on that dump, whatever it is, without and with what is only inferred
judge()
{
	"$verify" --json="$directory/$1.json" --capsule "$directory/$1.capsule" "$directory/$1.vmcore" \
		>"$directory/$1.txt"
	"$verify" --accept-inferred "$directory/$1.vmcore" >"$directory/$1.accepted"
	[ -s "$directory/$1.json" ] && [ -s "$directory/$1.accepted" ]
}

# run_machine DIRECTORY: of what its file `cases` says, the dumps and verdicts
run_machine()
{
	directory=$1
	scripts/nested-vmx.sh "$release" "$directory" "build/break/$release/overlay" || return
	while read -r name _; do
		judge "$name" || return
	done <"$directory/cases"
}

# verdict_of FILE: its first word
verdict_of()
{
	sed -n '1s/ .*//p' "$1"
}

# no VMX operation or VMCS is on or active in the verdict
nothing_on()
{
	[ -s "$1" ] && ! grep -Eq ' (ON|active) \(' "$1"
}

# only_cpu N FILE: what the verdict finds on is of that CPU
only_cpu()
{
	grep -Eq "CPU $1 is (ON|active) \(direct" "$2" &&
		! grep -E ' is (ON|active) \(' "$2" | grep -v "CPU $1 is"
}

check "the nested images build" status 0 scripts/build-images.sh "$release" --flavour nested
check "the breaking module builds" status 0 tests/lab/break/build.sh "$release"

healthy=$results/healthy broken=$results/broken
mkdir -p "$healthy" "$broken"
cat >"$healthy/cases" <<'END'
restart restart case_per_cpu=2
alone restart case_cpus=0
END
cat >"$broken/cases" <<'END'
panic panic panic=0
not-cleared restart case_per_cpu=2 case_break=vmcs-active
END
run_machine "$healthy" &
check "the broken ones die and are dumped" run_machine "$broken"
check "so do the healthy ones" wait $!

for name in restart alone; do
	check "$name: nothing is on" nothing_on "$healthy/$name.txt"
	check "$name: VMX is off on both CPUs, direct" \
		says '^2$' grep -Ec '^  CPU . +VMX off, direct, cr4-shadow: ' "$healthy/$name.txt"
	check "$name: a PASS with what is inferred" says '^PASS$' verdict_of "$healthy/$name.accepted"
	check "$name: CPU 1 restarted" says '^1 +reboot ' cat "$healthy/$name.txt"
	check "$name: the VMCSs are a KVM's" grep -q '"format":"vmcs12"' "$healthy/$name.json"
done
# Of CPU 0's two the one that is not its current one; its current one, too, if the NMI came to a guest.
check "restart: another VMCS in its place proves one clear" \
	says 'CPU 0 .* clear, direct, .* another VMCS took its place' cat "$healthy/restart.txt"

check "panic: FAIL" says '^FAIL$' verdict_of "$broken/panic.txt"
check "panic: CPU 1 alone" only_cpu 1 "$broken/panic.txt"
check "panic: VMX is on there" says 'VMX operation on CPU 1 is ON \(direct' cat "$broken/panic.txt"
check "panic: and its VMCS active" says 'VMCS .* of CPU 1 is active \(direct' cat "$broken/panic.txt"
check "not cleared: FAIL" says '^FAIL$' verdict_of "$broken/not-cleared.txt"
check "not cleared: CPU 0 alone" only_cpu 0 "$broken/not-cleared.txt"
check "not cleared: VMX is off there" \
	says 'CPU 0 +VMX off, direct, cr4-shadow' cat "$broken/not-cleared.txt"
check "not cleared: launch state 1 is left" \
	says 'CPU 0 +VMCS .* active, direct, vmcs-vmcs12: launch_state 1' cat "$broken/not-cleared.txt"
rm -f "$healthy"/*.vmcore "$broken"/*.vmcore

plan
