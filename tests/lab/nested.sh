#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The backend `kvm`, one level down: the full flavour in a machine that TCG emulates, and crashlab in it,
# whose appliances run on KVM and have guests of their own.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start nested

check "the full flavour builds" status 0 scripts/build-images.sh "$release" --flavour full
check "the breaking module builds" status 0 tests/lab/break/build.sh "$release"

mkdir -p "$results/images/$release-break"
cp "build/images/$release-break/vmlinuz" "build/images/$release-break/appliance.cpio" \
	"build/images/$release-break/cmdline.qemu" "$results/images/$release-break"
cat >"$results/lab" <<END
crashlab doctor >doctor.txt 2>&1
modprobe msr
crashtrigger --record-cost >cost.txt 2>&1
virsh domcapabilities --virttype kvm >domcapabilities.xml
run="crashlab run --backend kvm --timeout-factor 6 --kernel $release --results results"
\$run main --case 'svm-*' >main.txt 2>&1
echo "main status=\$?" >>statuses.txt
\$run controls --case svm-left-on --images /mnt/images >controls.txt 2>&1
echo "controls status=\$?" >>statuses.txt
END
check "the machine comes to its end" status 0 scripts/nested.sh "$release" "$results"
[ -d "$results/out" ] || { plan; exit 1; }

out=$results/out
check "doctor finds KVM, and chooses it" says '^kvm +svm +yes +auto' cat "$out/doctor.txt"
check "the recorder's cost can be measured, and is one" \
	says '^without=[1-9][0-9]* with=[1-9][0-9]* program=[1-9][0-9]* runs=[1-9][0-9]{4,}$' cat "$out/cost.txt"
check "libvirtd offers it, too" grep -q '<domain>kvm</domain>' "$out/domcapabilities.xml"
check "the main job's cases end as expected" grep -qx 'main status=0' "$out/statuses.txt"
check "so does a broken appliance" grep -qx 'controls status=0' "$out/statuses.txt"

# the directory of a case in it
inner_case()
{
	results=$out/results case_of "$1"
}

for name in svm-virt-off svm-emergency svm-left-on; do
	check "$name: on KVM" grep -q '"backend": *"kvm"' "$(inner_case $name)/outcome.json"
	check "$name: hit" grep -Eq '"state": *"hit"' "$(inner_case $name)/verdict.json"
	check "$name: the host saw both CPUs" says '^2$' grep -c '^CPU#' "$(inner_case $name)/host-regs.txt"
done
for name in svm-virt-off svm-emergency; do
	check "$name: PASS" grep -q '"outcome": *"PASS"' "$(inner_case $name)/outcome.json"
	check "$name: the appliance's guests ran" says 'guests count=2' cat "$(inner_case $name)/events.log"
done
check "SVM left on: FAIL, CPU 0" says 'SVM .* on CPU 0 is ON' cat "$(inner_case svm-left-on)/verdict.txt"
check "SVM left on: not CPU 1" \
	status 1 grep -q 'on CPU 1 is ON' "$(inner_case svm-left-on)/verdict.txt"

plan
