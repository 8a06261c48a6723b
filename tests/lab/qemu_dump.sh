#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Dumps that QEMU itself writes, in every format that it has, of a machine with 5-level page tables,
# KASLR, four CPUs and one of them offline: they are judged as the capture kernel judged in place.
# So is what makedumpfile makes of the capture kernel's vmcore. Then a machine that just runs.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

release=$(cat build/kernel)
images=build/images/$release
verify=build/san/bin/verify_vmcs
work=${CRASHLAB_TEST_RESULTS:-build/test-results}/qemu_dump
rm -rf "$work"
mkdir -p "$work/root/crashlab" || exit 1
work=$(readlink -f "$work")
machine=
trap '[ -z "$machine" ] || kill "$machine" 2>/dev/null' EXIT

# ---- the machine ----

# What is run in the appliance on top of its own: the driver that tells QEMU where VMCOREINFO is,
# and an init for a machine that nothing happens to.
make_initramfs()
{
	module=$(find "build/kernels/$release/lib/modules" -name 'qemu_fw_cfg.ko*')
	case $module in
	*.xz) xz -dc "$module" ;;
	*.zst) zstd -q -dc "$module" ;;
	*) cat "$module" ;;
	esac >"$work/root/crashlab/qemu_fw_cfg.ko"
	cat >"$work/root/crashlab/break" <<'BREAK'
#!/bin/sh
insmod /crashlab/qemu_fw_cfg.ko && echo 0 >"/sys/devices/system/cpu/cpu$2/online"
BREAK
	cat >"$work/root/crashlab/idle" <<'IDLE'
#!/bin/sh
. /crashlab/lib.sh
start
event done
idle
IDLE
	chmod +x "$work/root/crashlab/break" "$work/root/crashlab/idle"
	cp "$images/appliance.cpio" "$work/initramfs"
	(cd "$work/root" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet) >>"$work/initramfs"
}

make_case_disk()
{
	cat >"$work/case" <<'CASE'
id=qemu-dump.1
panic_cpu=1
reboot_cpu=0
reboot=sysrq-b
trigger=sysrq-c
window=emergency
load=spin
save=always
break=qemu
break_cpu=2
CASE
	truncate -s 512M "$work/disk"
	mkfs.vfat -F 32 -n CRASHLAB "$work/disk" >&2
	mcopy -i "$work/disk" "$work/case" ::case
}

# machine_start CPU CPUS OPTIONS ARGUMENT...: up to the event "done"
machine_start()
{
	cpu=$1 cpus=$2 options=$3
	shift 3
	rm -f "$work"/commands "$work"/replies "$work"/events.in "$work"/events.out
	mkfifo "$work/commands" "$work/replies" "$work/events.in" "$work/events.out"
	timeout 600 qemu-system-x86_64 -M pc -accel tcg,thread=multi -cpu "$cpu" -smp "$cpus" \
		-m 768 -display none -nodefaults -kernel "$images/vmlinuz" -initrd "$work/initramfs" \
		-append "$(cat "$images/cmdline.qemu") $options" -serial "file:$work/console.log" \
		-serial "pipe:$work/events" -qmp stdio "$@" \
		<"$work/commands" >"$work/replies" 2>"$work/qemu.err" &
	machine=$!
	exec 3>"$work/commands" 4<"$work/replies"
	qmp qmp_capabilities || return 1
	while read -r line; do
		echo "$line"
		case $line in
		'crashlab done'*) return 0 ;;
		'crashlab error'*) return 1 ;;
		esac
	done <"$work/events.out"
	return 1
}

machine_end()
{
	qmp quit >&2
	exec 3>&- 4<&-
	wait "$machine"
	machine=
}

# qmp COMMAND [ARGUMENTS]: true when QEMU did it; its answer to stdout
qmp()
{
	echo "{\"execute\": \"$1\", \"arguments\": {$2}}" >&3
	while read -r reply <&4; do
		case $reply in
		'{"return"'*) printf '%s\n' "$reply"; return 0 ;;
		'{"error"'*) printf '%s\n' "$reply"; return 1 ;;
		esac
	done
	return 1
}

# dump FORMAT FILE [PAGING]
dump()
{
	qmp dump-guest-memory \
		"\"paging\": ${3:-false}, \"format\": \"$1\", \"protocol\": \"file:$work/$2\"" >&2
}

registers()
{
	qmp human-monitor-command '"command-line": "info registers -a"' |
		sed 's/\\r\\n/\n/g' >"$work/regs"
}

# ---- what is compared ----

# What a verdict.json says of the case, the hit, and each CPU; not by what, nor where it was later.
facts()
{
	sed '/"evidence":/,$d' "$1" | grep -E '"(id|cpu|online|role|note|state|frame)":'
}

# same_as_in_place NAME FILE...: the dump has the capture kernel's own status and facts
same_as_in_place()
{
	name=$1
	shift
	status 0 "$verify" --json="$work/$name.json" --case qemu-dump.1 "$@" >"$work/$name.txt" ||
		return 1
	facts "$work/verdict.json" >"$work/in-place.facts"
	facts "$work/$name.json" | diff "$work/in-place.facts" -
}

check_dump()
{
	check "$1: judged as in place" same_as_in_place "$@"
	name=$1
	shift
	check "$name: with the host's registers PASS" \
		status 0 "$verify" --host-regs "$work/regs" "$@"
}

# patch FILE OFFSET: the bytes on stdin there
patch()
{
	dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# place FILE WORDS N: the offset of the N-th time that the words are in the file
place()
{
	LC_ALL=C grep -abo -m 4 -- "$2" "$1" | sed -n "$3s/:.*//p"
}

make_initramfs
make_case_disk

# ---- a machine that crashed ----

check "the machine crashes and is judged in place" machine_start EPYC,+svm,+la57 4 "" \
	-device vmcoreinfo -drive "file=$work/disk,if=virtio,format=raw,cache=unsafe"
registers
check "QEMU dumps it as ELF" dump elf elf
check "QEMU dumps it as ELF with page tables" dump elf elf-paged true
for format in kdump-zlib kdump-lzo kdump-snappy; do
	dump $format $format || rm -f "$work/$format"
done
check "QEMU resets it" qmp system_reset
check "and dumps it then" dump kdump-zlib after-reset
machine_end
mcopy -n -Q -i "$work/disk" ::verdict.json ::vmcore "$work/"

check "5-level page tables were in use" grep -q 'pgtable_l5_enabled)=1' "$work/elf"
check "CPU 2 was offline" says '^2 +bystander .* at the dump: ' "$verify" "$work/elf"
for name in elf elf-paged kdump-zlib kdump-lzo kdump-snappy; do
	if [ -e "$work/$name" ]; then
		check_dump "$name" "$work/$name"
	else
		skip "$name" "this QEMU does not have it"
	fi
done
check "kdump-zlib, through a pipe" same_as_in_place pipe - <"$work/kdump-zlib"
check "after the reset it is refused" status 3 "$verify" "$work/after-reset"
check "as a machine that was started anew" \
	says 'a dump of architecture|was started anew since' "$verify" "$work/after-reset"
rm -f "$work/elf-paged" "$work/after-reset"

# The file's VMCOREINFO under another name: what the kernel has in memory is found.
printf X | patch "$work/elf" "$(place "$work/elf" VMCOREINFO 1)"
check_dump found-in-memory "$work/elf"
check "and said to be the crashed kernel's" \
	grep -q 'found in memory at 0x[0-9a-f]*, of a kernel that crashed (another one' \
	"$work/found-in-memory.txt"

# ---- the capture kernel's vmcore in makedumpfile's ways ----

# A makedumpfile without one of them takes the option and does not compress.
for packing in zlib lzo snappy zstd; do
	case $packing in
	zlib) option=-c ;;
	lzo) option=-l ;;
	snappy) option=-p ;;
	zstd) option=-z ;;
	esac
	if [ $packing != zlib ] && ! makedumpfile -v 2>&1 | grep -q "^$packing.*enabled"; then
		skip "makedumpfile-$packing" "this makedumpfile does not have it"
		continue
	fi
	makedumpfile "$option" -d 23 "$work/vmcore" "$work/makedumpfile-$packing" >&2
	check_dump "makedumpfile-$packing" "$work/makedumpfile-$packing"
	check "makedumpfile-$packing: it is that" \
		grep -q "\"format\": *\"kdump-$packing\"" "$work/makedumpfile-$packing.json"
done
makedumpfile -F -c -d 23 "$work/vmcore" >"$work/flattened" 2>"$work/makedumpfile.err"
check_dump flattened "$work/flattened"

for option in -c -l; do
	makedumpfile "$option" -d 23 --splitblock-size 16384 --split "$work/vmcore" \
		"$work/one$option" "$work/two$option" "$work/three$option" >&2
done
one=$work/one-c two=$work/two-c three=$work/three-c
check_dump split "$three" "$one" "$two"
check "split: a part alone is refused" says 'part of the split dump is missing' "$verify" "$two"
check "split: a missing part is refused" status 3 "$verify" "$one" "$three"
check "split: a part twice is refused" status 3 "$verify" "$one" "$two" "$two" "$three"
check "split: a foreign part is refused" status 3 "$verify" "$one" "$work/two-l" "$three"
truncate -s -4096 "$three"
check "split: a part that is cut off is refused" status 3 "$verify" "$one" "$two" "$three"

# ---- a machine that runs ----

check "a machine boots and runs" machine_start Haswell 2 rdinit=/crashlab/idle
check "QEMU dumps it" dump elf running
machine_end
running()
{
	"$verify" "$work/running"
}
check "running: virtualization is off, by the shadow and by QEMU's notes" status 0 running
check "running: QEMU's note of each CPU counts" \
	says '^1 +bystander +VMX off +direct: cr4-shadow, qemu-note +none +at the dump: ' running
# The note's data are 8 behind its name; VMXE is bit 5 of CR4's second byte, their 425th.
printf '\046' | patch "$work/running" $(($(place "$work/running" QEMU 2) + 8 + 425))
check "running: a note with VMXE set is FAIL" status 1 running
check "running: of that CPU" says '^CONFLICT  VMX operation on CPU 1: .*qemu-note says on' running
check "running: and of no other" says '^0 +bystander +VMX off +direct: ' running
rm -f "$work/running" "$work/elf" "$work/disk" "$work/initramfs"
plan
