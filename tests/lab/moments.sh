#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What Bochs' debugger knows at the moments on the way to the crash kernel: a healthy appliance, one
# whose CPU 0 keeps VMX on, and a Bochs that lies, which must be found out.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start moments
scenario=truth
top=$PWD

# moment_list NAME: "held 1", "nmi 0" and so on, as they came
moment_list()
{
	sed -n 's/^ *"moment": *"\(.*\)",/\1/p;s/^      "cpu": *\([0-9]*\),/\1/p' "$(case_of "$1")/moments.json" |
		paste -d ' ' - - | tr '\n' ';'
}

# vmx_list NAME: of each moment, of each CPU in its order, whether it is in VMX operation
vmx_list()
{
	sed -n 's/^ *"vmx": *\(.*\),/\1/p' "$(case_of "$1")/moments.json" | paste -sd ' '
}

# truth_is NAME WORD
truth_is()
{
	grep -Eq "\"truth\": *\"$2\"" "$(case_of "$1")/outcome.json"
}

expect 64 'add --snapshot' build/bin/crashlab run truth --truth=moments
check "the breaking module builds" status 0 tests/lab/break/build.sh "$release"
healthy=healthy-emergency-spin broken=broken-emergency-vmx-on
check "a healthy appliance: a PASS, and Bochs knew it so all the way" \
	status 0 lab_run --snapshot=only --truth=moments --case $healthy
need_case $healthy
check "truth: agrees" truth_is $healthy agrees
check "held, the NMI on CPU 0, the jump" test "$(moment_list $healthy)" = "held 1;nmi 0;jump 1;"
check "both CPUs in VMX operation until the jump" \
	test "$(vmx_list $healthy)" = "true true true true false false"
check "each with a VMCS that is launched, while it is held" \
	says '^2$' sh -c "sed -n '/\"launched\"/,/]/p' '$(case_of $healthy)/moments.json' | sed '/]/q' | grep -c 0x"

check "VMX left on: a FAIL, and Bochs knew it so" \
	status 0 lab_run --snapshot=only --truth=moments --case $broken
check "truth: agrees, of the broken one" truth_is $broken agrees
check "CPU 0 is in VMX operation at the jump" \
	test "$(vmx_list $broken)" = "true true true true true false"

# A lab of its own, whose Bochs says that no CPU ever leaves VMX operation.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build/bochs"
ln -s "$top/scenarios" "$top/appliance" "$top/scripts" "$work/"
ln -s "$top/build/images" "$top/build/kernels" "$work/build/"
cp -r build/bin "$work/build/"
ln -s "$top/build/bochs/root" "$work/build/bochs/root"
cat >"$work/liar" <<'END'
$| = 1;
$truth = "in_vmx = false";
while (sysread STDIN, $chunk, 65536) {
	$said .= $chunk;
	$said =~ s/$truth/in_vmx = true/g;
	next if grep { substr($said, -$_) eq substr($truth, 0, $_) } 1 .. length($truth) - 1; # in pieces
	print $said;
	$said = "";
}
END
cat >"$work/build/bochs/bochs" <<END
#!/bin/bash
exec "$top/build/bochs/bochs" "\$@" > >(exec perl "$work/liar")
END
chmod 755 "$work/build/bochs/bochs"
rm -rf "$results"
check "a Bochs that lies: the case is not as expected" status 1 "$work/build/bin/crashlab" run truth \
	--kernel "$release" --results "$results" --snapshot=only --truth=moments --case $healthy
check "truth: disagrees" truth_is $healthy disagrees
check "with the moment, the CPU and who says what" grep -q \
	'the TRUTH is another: at jump, when CPU 1 entered machine_kexec: VMX operation on CPU 0 is on, the recorder says off' \
	"$(case_of $healthy)/outcome.json"

plan
