#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The main job for real: VMX on Bochs, SVM on TCG, both windows. Then the analyzer alone, on the
# dumps that it left.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start main

check "every case of the main job is a PASS that hit its window" \
	status 0 lab_run --save always

need_case svm-emergency

for name in vmx-virt-off vmx-emergency svm-virt-off svm-emergency; do
	directory=$(case_of $name)
	check "$name: outcome PASS" grep -Eq '"outcome": *"PASS"' "$directory/outcome.json"
	check "$name: hit" grep -Eq '"state": *"hit"' "$directory/verdict.json"
	check "$name: no conflict" status 1 grep -Eq 'CONFLICT|DISAGREE' "$directory/verdict.txt"
	check "$name: the marker is this case's" \
		grep -q "\"id\": *\"$(basename "$directory")\"" "$directory/verdict.json"
	check "$name: the host saw both CPUs" \
		says '^2$' grep -c '^CPU#' "$directory/host-regs.txt"
	check "$name: the host judges as the capture kernel's vmcore does" \
		status 0 "$verify" --host-regs "$directory/host-regs.txt" "$directory/capture/vmcore"
done

vmx=$(case_of vmx-emergency)
svm=$(case_of svm-emergency)
check "VMX: the dump alone is enough" status 0 "$verify" "$vmx/capture/vmcore"
check "VMX: CPU 1 is the panic CPU" says '^1 +panic +VMX off' "$verify" "$vmx/capture/vmcore"
check "VMX: CPU 0 is the reboot CPU" says '^0 +reboot +VMX off' "$verify" "$vmx/capture/vmcore"
check "SVM: with the recorder the dump alone is enough" status 0 "$verify" "$svm/capture/vmcore"
for cpu in 0 1; do
	check "SVM: the recorder saw EFER of CPU $cpu" \
		says "CPU $cpu  SVM off, direct, recorder" "$verify" "$svm/capture/vmcore"
	check "SVM: and when it was set, CPU $cpu" \
		says "ms  CPU $cpu  .*EFER set to 0xd01" "$verify" "$svm/capture/vmcore"
done
check "SVM: the NMI came while the emergency disable was held" \
	says 'ms  CPU 0  enter crash_nmi_callback' "$verify" "$svm/capture/vmcore"
check "VMX: the recorder saw both CPUs' disable" says '^2$' sh -c \
	"'$verify' '$vmx/capture/vmcore' | grep -c 'ms  CPU . *leave vmx_emergency_disable'"
check "the id of another case is refused" \
	status 3 "$verify" --case another.1 "$vmx/capture/vmcore"
check "the case's own id is not" \
	status 0 "$verify" --case "$(basename "$vmx")" "$vmx/capture/vmcore"

# The host contradicts the dump: an error, loudly.
regs=$(mktemp)
sed '1,/^VMX=/s/^VMX=0/VMX=1/' "$vmx/host-regs.txt" >"$regs"
check "a host that saw VMX on is FAIL" \
	status 1 "$verify" --host-regs "$regs" "$vmx/capture/vmcore"
check "and said to disagree" \
	says 'CONFLICT|DISAGREE' "$verify" --host-regs "$regs" "$vmx/capture/vmcore"
sed '1,/EFER=/s/EFER=0000000000000d01/EFER=0000000000001d01/' "$svm/host-regs.txt" >"$regs"
check "a host that saw EFER.SVME is FAIL" \
	status 1 "$verify" --host-regs "$regs" "$svm/capture/vmcore"
check "and names the CPU" says 'CPU 0 is ON' "$verify" --host-regs "$regs" "$svm/capture/vmcore"
rm -f "$regs"

# Judging again what was stored.
check "verdict.json is judged again" \
	status 0 "$verify" --host-regs "$svm/host-regs.txt" "$svm/capture/verdict.json"
check "with its timeline" says 'ms  CPU 1  enter machine_kexec' "$verify" "$svm/capture/verdict.json"

# Damage.
cut=$(mktemp)
size=$(stat -c %s "$vmx/capture/vmcore")
for part in 1 4 7; do
	head -c $((size * part / 8)) "$vmx/capture/vmcore" >"$cut"
	check "a dump cut at $part/8 is refused" status 3 "$verify" "$cut"
done
head -c 100000 /dev/urandom >"$cut"
check "noise is refused" status 3 "$verify" "$cut"
: >"$cut"
check "an empty file is refused" status 3 "$verify" "$cut"

# The flattened format, from a file and through a pipe.
makedumpfile -F -c -d 0 "$vmx/capture/vmcore" >"$cut" 2>/dev/null
if [ -s "$cut" ]; then
	check "flattened, from a file" status 0 "$verify" "$cut"
	check "flattened, through a pipe" \
		status 0 sh -c "cat '$cut' | '$verify' -"
	check "flattened and cut off" \
		status 3 sh -c "head -c 1000000 '$cut' | '$verify' -"
else
	skip "flattened" "makedumpfile -F does not take its own output here"
fi
rm -f "$cut"

plan
