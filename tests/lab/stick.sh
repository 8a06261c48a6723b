#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The stick, as a real machine would boot it: QEMU with firmware, disks and a watchdog, and no help from
# the host. A whole scenario under a BIOS; under UEFI from USB, with a power cut; from an ISO; and what
# must not happen to other disks, to a full one, and without the operator's word. Two builds are the same.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
# shellcheck source=tests/lab/stick/lib.sh
. tests/lab/stick/lib.sh

kernel=$(cat build/kernel)
made=$PWD/build/stick/test
work=$(mktemp -d /tmp/crashlab-stick.XXXXXX)
qemu=$PWD/build/qemu/qemu-system-x86_64
machines=
# A stage of an emulated machine takes seconds; on a host with ten times the work it had cores for it
# still is no hang.
options="crashlab.watchdog=90 hpet=disable"

finish()
{
	for pid in $machines; do
		kill -9 "$pid" 2>/dev/null
	done
	rm -rf "$work" "$made-again"
}
trap finish EXIT

# build OUTPUT FORMAT...
build()
{
	stick_output=$1
	shift
	for stick_format; do
		set -- "$@" --format "$stick_format"
		shift
	done
	scripts/build-stick.sh "$kernel" "$@" --go --options "$options" --scenario tests/lab/stick/scenario.ini \
		--overlay tests/lab/stick/overlay --output "$stick_output"
}

# on COMMAND IMAGE ARGUMENT...: mtools on the results partition
on()
{
	on_command=$1 on_image=$2
	shift 2
	"$on_command" -i "$on_image@@$(offset "$on_image")" "$@"
}

# disk NAME: a copy of the stick
disk()
{
	mkdir -p "$work/$1"
	cp --sparse=always "$made/crashlab.img" "$work/$1/disk.img"
}

# machine NAME ARGUMENT...: start it; its serial console is NAME/serial.log, what is typed NAME/keys
machine()
{
	name=$1
	shift
	mkfifo "$work/$name/keys" 2>/dev/null
	rm -f "$work/$name/serial.log"
	# The FIFO never ends, as this end of it stays open for both.
	"$qemu" -accel tcg,thread=multi -cpu EPYC,+svm -smp 2 -m 1024 -nodefaults -display none \
		-device i6300esb -action watchdog=reset \
		-chardev "file,id=serial,path=$work/$name/serial.log,input-path=$work/$name/keys" \
		-serial chardev:serial "$@" 2>"$work/$name/qemu.err" <>"$work/$name/keys" &
	machines="$machines $!"
}

# uefi NAME: arguments for OVMF, with variables of its own
uefi()
{
	cp /usr/share/OVMF/OVMF_VARS_4M.fd "$work/$1/vars.fd"
	echo "-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd" \
		"-drive if=pflash,format=raw,file=$work/$1/vars.fd"
}

# shellcheck disable=SC2002 # it may not be there yet
# until_says SECONDS NAME PATTERN [COUNT]: wait until its console says that (so many times). inotify would
# want a program for it; a look costs nothing against what it waits for.
until_says()
{
	limit=$(($(date +%s) + $1))
	until [ "$(cat "$work/$2/serial.log" 2>/dev/null | grep -a -c -E "$3")" -ge "${4:-1}" ]; do
		if [ "$(date +%s)" -ge $limit ]; then
			echo "# $2 did not say /$3/:" >&2
			tr -d '\000\033' <"$work/$2/serial.log" | tail -n 30 >&2
			return 1
		fi
		sleep 0.2
	done
}

# end NAME: as pulling the plug does
end()
{
	kill -9 "${machines##* }" 2>/dev/null
	wait "${machines##* }" 2>/dev/null
	machines=${machines% *}
}

# fetch NAME: the results, as a person would copy them from the stick; $run: the folder of the run
fetch()
{
	rm -rf "$work/$1/results"
	on mcopy "$work/$1/disk.img" -s -n -Q ::results "$work/$1/" &&
		run=$work/$1/results/$(cat "$work/$1/results/current")
}

# outcome CASE OUTCOME
outcome()
{
	grep -q "\"outcome\":\"$2\"" "$run/$1".*/outcome.json
}

sum()
{
	sha256sum "$@" | cut -d ' ' -f 1
}

check "a disk, an ISO and netboot files are built" status 0 build "$made" disk iso netboot
[ -e "$made/crashlab.img" ] || { plan; exit 1; }
check "the manifest names the packages" says '^package makedumpfile=' cat "$made/manifest"
check "and those of libraries" says '^package libsqlite3-0=' cat "$made/manifest"

# ---- a BIOS, the whole scenario; beside it a disk that only looks like the stick's, and one of anybody's
disk bios
cp --sparse=always "$made/crashlab.img" "$work/bios/decoy.img"
sfdisk -q --part-uuid "$work/bios/decoy.img" 3 C4A581AB-0000-4000-8000-000000000000
truncate -s 64M "$work/bios/other.img"
mkfs.vfat -n CRASHRESULT "$work/bios/other.img" >/dev/null
before=$(sum "$work/bios/decoy.img" "$work/bios/other.img")
machine bios -drive "file=$work/bios/disk.img,format=raw,if=virtio" \
	-drive "file=$work/bios/decoy.img,format=raw,if=virtio" \
	-drive "file=$work/bios/other.img,format=raw,if=virtio"
bios=$machines

# ---- at the same time: UEFI, USB, a scenario on the stick, a power cut
disk uefi
cat >"$work/uefi/scenario.ini" <<'END'
[case mine]
vendor = svm
reboot = sysrq-b
window = emergency
[case second]
vendor = svm
reboot = restart
window = virt-off
END
on mcopy "$work/uefi/disk.img" "$work/uefi/scenario.ini" ::scenario.ini
# shellcheck disable=SC2046 # arguments, one a word
set -- $(uefi uefi) -device qemu-xhci -device usb-storage,drive=stick \
	-drive "if=none,id=stick,format=raw,file=$work/uefi/disk.img"
machine uefi "$@"
check "UEFI, from USB: a case of the stick's own scenario is armed" \
	until_says 240 uefi 'crashlab armed'
end uefi
machine uefi "$@"
check "after a power cut the case is started again" until_says 240 uefi 'crashlab case id=mine'
check "and has its verdict" until_says 240 uefi 'crashlab verdict status=0'
check "then the next one" until_says 240 uefi 'crashlab case id=second'
check "and the end" until_says 240 uefi 'crashlab has stopped'
end uefi
fetch uefi
check "the case that lost its power was started twice" [ -e "$run"/mine.*/start-2 ]
for name in mine second; do
	check "UEFI: $name is a PASS" outcome $name PASS
done
check "no other case was run" says '^2 cases, 2 as expected: 2 PASS' cat "$run/summary.txt"

# ---- from the ISO, with the results on a stick in the same machine
disk iso
# shellcheck disable=SC2046 # arguments, one a word
machine iso $(uefi iso) -device ahci,id=ahci -device ide-cd,drive=cd,bus=ahci.0,bootindex=0 \
	-drive "if=none,id=cd,format=raw,media=cdrom,file=$made/crashlab.iso" \
	-device nvme,drive=stick,serial=1 -drive "if=none,id=stick,format=raw,file=$work/iso/disk.img"
check "ISO under UEFI: the first case has its verdict" until_says 300 iso 'crashlab verdict status=0'
check "and is noted on the stick" until_says 300 iso '1 of 8 cases have ended|crashlab case id=emergency'
end iso
fetch iso
check "ISO: it is a PASS" outcome virt-off PASS

# ---- the operator's word, and a full partition
disk word
boot=$(($(sfdisk -d "$work/word/disk.img" | sed -n 's/.*start= *\([0-9]*\).*crashlab boot.*/\1/p') * 512))
mcopy -i "$work/word/disk.img@@$boot" ::boot/grub/grub.cfg "$work/word/grub.cfg"
sed 's/ crashlab\.go//' "$work/word/grub.cfg" >"$work/word/asks.cfg"
mcopy -o -i "$work/word/disk.img@@$boot" "$work/word/asks.cfg" ::boot/grub/grub.cfg
machine word -drive "file=$work/word/disk.img,format=raw,if=virtio"
until_says 240 word 'Press any key'
printf x >"$work/word/keys"
check "a key stops it" until_says 60 word 'crashlab has stopped'
check "nothing was begun" status 1 grep -a -q 'crashlab case' "$work/word/serial.log"
end word
check "nor noted" status 1 on mdir "$work/word/disk.img" ::results

mcopy -o -i "$work/word/disk.img@@$boot" "$work/word/grub.cfg" ::boot/grub/grub.cfg
truncate -s 460M "$work/word/big"
on mcopy "$work/word/disk.img" "$work/word/big" ::big
machine word -drive "file=$work/word/disk.img,format=raw,if=virtio"
check "a full partition is said to be full" until_says 240 word 'results partition is full'
check "and the run stops" until_says 60 word 'crashlab has stopped'
end word
on mcopy "$work/word/disk.img" -n ::big "$work/word/after"
check "what filled it is untouched" cmp "$work/word/big" "$work/word/after"
fetch word
check "no case was started" status 1 [ -e "$run"/virt-off.*/start-1 ]

# ---- the same inputs, the same bytes
check "it builds again" status 0 build "$made-again" disk iso netboot
for file in crashlab.img crashlab.iso netboot/vmlinuz netboot/initramfs netboot/crashlab.ipxe manifest; do
	check "$file is the same, to the byte" cmp "$made/$file" "$made-again/$file"
done

# ---- and what became of the first
machines=$bios
check "BIOS: the run came to its end" until_says 400 bios 'crashlab has stopped'
check "it booted once for each case and once more" until_says 1 bios 'crashlab boot' 7
end bios
check "the summary is on the console" grep -a -q '^8 cases, 8 as expected: 5 PASS' "$work/bios/serial.log"
fetch bios
for name in virt-off emergency other-cpu halt-load timed; do
	check "$name: PASS" outcome $name PASS
	check "$name: with evidence that was read" \
		grep -q '"strength": *"direct"' "$run"/$name.*/capture/verdict.json
	check "$name: a capsule that gives the same" \
		says "^PASS" build/bin/verify_vmcs "$run"/$name.*/capture/capsule
done
check "the case that hung is a capture-hang" outcome hangs capture-hang
check "one for another vendor is skipped" outcome other-vendor skipped
check "one for a CPU that is not there, too" outcome one-cpu-more skipped
check "there is a report" grep -q 'All <b>8</b> cases ended as expected' "$run/report.html"
check "crashlab reads the database" \
	says '^8 cases, 8 as expected' build/bin/crashlab show --results "$work/bios/results"
check "no other disk was written to" [ "$(sum "$work/bios/decoy.img" "$work/bios/other.img")" = "$before" ]

plan
