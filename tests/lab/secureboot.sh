#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A stick under Secure Boot: OVMF with Microsoft's keys, Debian's signed shim, GRUB and kernel. The kernel is
# locked down, takes the crash kernel by its signature, and the window is held all the same; what is refused
# is skipped, with the reason. Nothing helps from outside.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
# shellcheck source=tests/lab/stick/lib.sh
. tests/lab/stick/lib.sh

release=$(cat build/kernel)
work=${CRASHLAB_TEST_RESULTS:-build/test-results}/secureboot
limit=${CRASHLAB_SECUREBOOT_SECONDS:-900}
code=/usr/share/OVMF/OVMF_CODE_4M.ms.fd
if [ ! -e $code ]; then
	skip "a stick under Secure Boot" "needs the package ovmf"
	plan
	exit 0
fi
rm -rf "$work"
mkdir -p "$work"

check "a stick is built" status 0 scripts/build-stick.sh "$release" --format disk --go --options hpet=disable \
	--scenario tests/lab/stick/secureboot.ini --results 128 --output "$work/image"
disk=$work/image/crashlab.img
cp /usr/share/OVMF/OVMF_VARS_4M.ms.fd "$work/vars.fd"

build/qemu/qemu-system-x86_64 -accel tcg,thread=multi -machine q35,smm=on -cpu EPYC,+svm -smp 2 -m 1536 \
	-global driver=cfi.pflash01,property=secure,value=on \
	-drive "if=pflash,format=raw,unit=0,file=$code,readonly=on" \
	-drive "if=pflash,format=raw,unit=1,file=$work/vars.fd" \
	-drive "if=none,id=stick,format=raw,file=$disk,cache=unsafe" -device virtio-blk-pci,drive=stick,bootindex=0 \
	-device i6300esb -action watchdog=reset -display none -nic none -monitor none \
	-serial "file:$work/serial.log" >&2 &
machine=$!
trap 'kill $machine 2>/dev/null' EXIT
until_stopped $machine "$work/serial.log" "$limit"
fetch_results "$disk" "$work"

# case_file NAME FILE
case_file()
{
	echo "$work"/results/*/"$1".*/"$2"
}
check "the kernel was locked down by Secure Boot" \
	grep -q 'crashlab boot .*lockdown=integrity' "$work/serial.log"
check "the window was held, the dump is a PASS" grep -Eq '"outcome": *"PASS"' "$(case_file held outcome.json)"
check "and hit" grep -Eq '"state": *"hit"' "$(case_file held verdict.json)"
check "EFER was read in the crash kernel, whose modules are signed" \
	grep -q '^EFER=0000000000000d01' "$(case_file held capture/msrs.txt)"
check "a way that needs /dev/mem is skipped" grep -Eq '"outcome": *"skipped"' "$(case_file refused outcome.json)"
check "with the reason" grep -q 'locked down (integrity): it refuses /dev/mem' "$(case_file refused outcome.json)"

plan
