#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A stick that sends its results to a web server: what arrives is what is on the stick, and all of it but
# the vmcore.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
# shellcheck source=tests/lab/stick/lib.sh
. tests/lab/stick/lib.sh

release=$(cat build/kernel)
work=${CRASHLAB_TEST_RESULTS:-build/test-results}/stick-network
limit=${CRASHLAB_STICK_SECONDS:-600}
rm -rf "$work"
mkdir -p "$work/sent"
processes=
trap 'kill $processes 2>/dev/null' EXIT

mkfifo "$work/port"
python3 tests/lab/stick/put_server.py "$work/sent" >"$work/port" 2>"$work/server.log" &
processes=$!
read -r port <"$work/port"

cat >"$work/one.ini" <<'END'
[case one]
vendor = svm
reboot = restart
window = virt-off
expect = PASS
END
check "a stick is built" status 0 scripts/build-stick.sh "$release" --format disk --go --network \
	--options "hpet=disable crashlab.save=always crashlab.put=http://10.0.2.2:$port/lab" \
	--scenario "$work/one.ini" --results 128 --output "$work/image"
disk=$work/image/crashlab.img

build/qemu/qemu-system-x86_64 -accel tcg,thread=multi -cpu EPYC,+svm -smp 2 -m 1536 -nodefaults -display none \
	-drive "if=none,id=stick,format=raw,file=$disk,cache=unsafe" -device virtio-blk-pci,drive=stick,bootindex=0 \
	-device i6300esb -action watchdog=reset -netdev user,id=net -device e1000e,netdev=net \
	-serial "file:$work/serial.log" >&2 &
machine=$!
processes="$processes $machine"
until_stopped $machine "$work/serial.log" "$limit"
fetch_results "$disk" "$work"
run=$(cat "$work/results/current")

# The files below a directory, sorted; those that are not to be sent apart
files()
{
	(cd "$1" && find . -type f ! -name sent ! -name vmcore | sort)
}
check "the case is a PASS, its vmcore is kept" test -s "$work/results/$run"/one.*/capture/vmcore
check "the server has the verdict" test -s "$work/sent/lab/$run"/one.*/verdict.json
check "the report" test -s "$work/sent/lab/$run/report.html"
check "no vmcore" status 1 test -e "$work/sent/lab/$run"/one.*/capture/vmcore
check "and all else that is on the stick" \
	test "$(files "$work/results/$run")" = "$(files "$work/sent/lab/$run")"
check "as it is there" diff -r -q -x sent -x vmcore "$work/results/$run" "$work/sent/lab/$run"

plan
