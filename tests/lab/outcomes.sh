#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The lab against machines that behave badly: a stand-in for the appliance says the events and then
# resets, hangs, ends. Every one must get its own outcome, and nothing may be left running.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

factor=${CRASHLAB_TEST_FACTOR:-0.4}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
release=standin

kernel=$(find build/kernels -path '*/boot/vmlinuz-*' | sort -V | tail -n 1)
if [ -z "$kernel" ] || [ ! -x /bin/busybox ]; then
	skip "outcomes" "needs a fetched kernel and busybox-static"
	plan
	exit 0
fi

# make_initramfs: init does what act= on the kernel command line says
make_initramfs()
{
	mkdir -p "$work/root/bin" "$work/root/proc" "$work/root/dev" "$work/root/sys"
	cp /bin/busybox "$work/root/bin/"
	cat >"$work/root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs devtmpfs /dev
exec 3>/dev/ttyS1
say() { echo "crashlab $*" >&3; }
# a reset throws away what the serial port has not sent yet
reset() { /bin/busybox sleep 1; echo b >/proc/sysrq-trigger; /bin/busybox sleep 999; }
off() { /bin/busybox poweroff -f; /bin/busybox sleep 999; }
hang() { /bin/busybox sleep 999; }
read -r line </proc/cmdline
act=${line##*act=}
say boot release=standin cpus=2
case $act in
timeout) hang ;;
error) say "error stage=kvm text=no such thing: here"; hang ;;
wrong-case) say case id=another.1; hang ;;
early-reset) reset ;;
esac
say strike window=none
case $act in
reset) reset ;;
hang) hang ;;
off) off ;;
esac
say capture release=standin
case $act in
capture-hang) hang ;;
capture-off) off ;;
esac
say done
hang
INIT
	chmod +x "$work/root/init"
	(cd "$work/root" && find . | cpio -o -H newc 2>/dev/null) >"$work/initramfs"
}

# add_case ACT OUTCOME: images that act so, and the case that expects the outcome
add_case()
{
	images=$work/images/$release-$1
	mkdir -p "$images"
	ln -s "$PWD/$kernel" "$images/vmlinuz"
	ln "$work/initramfs" "$images/appliance.cpio"
	echo "console=ttyS0 act=$1" >"$images/cmdline.qemu"
	printf '[case %s]\nvendor = svm\nreboot = restart\nwindow = none\nimages = %s\nexpect = %s\n' \
		"$1" "$1" "$2" >>"$work/all.ini"
}

lab()
{
	build/bin/crashlab run "$work/all.ini" --backend tcg --kernel $release --images "$work/images" \
		--results "$work/results" --timeout-factor "$factor" "$@"
}

outcome()
{
	grep -q "\"outcome\": *\"$2\"" "$work"/results/*/"$1".*/outcome.json
}

make_initramfs
add_case timeout timeout
add_case error lab-broken
add_case wrong-case lab-broken
add_case early-reset lab-broken
add_case reset reboot-won
add_case hang capture-hang
add_case off no-dump
add_case capture-hang capture-hang
add_case capture-off no-dump
add_case no-verdict no-dump

check "every case ends as expected" status 0 lab -j 2
check "a reset after the strike is reboot-won" outcome reset reboot-won
check "silence after the strike is capture-hang" outcome hang capture-hang
check "the host's registers are there although the machine hung" \
	grep -q EFER "$work"/results/*/hang.*/hang-regs.txt
check "the registers were read at capture" \
	grep -q EFER "$work"/results/*/capture-hang.*/host-regs.txt
check "the stored run is printed again" says '10 cases, 10 as expected' \
	build/bin/crashlab show "$work"/results/*
sed 's/no-dump$/PASS/' "$work/all.ini" >"$work/other.ini"
mv "$work/other.ini" "$work/all.ini"
check "an outcome that is not expected is status 1" status 1 lab --case off
check "the console's last lines are shown" says 'reached "strike"' \
	build/bin/crashlab show "$(find "$work/results" -maxdepth 1 | sort | tail -n 1)"

# running CASE: the QEMU processes of a case of ours
running()
{
	pgrep -f "guest=$1\.[0-9a-f]*,.*" >/dev/null
}

# start CASE: in the background, until its machine is there; its process is $lab
start()
{
	build/bin/crashlab run "$work/all.ini" --backend tcg --kernel $release \
		--images "$work/images" --results "$work/results" --case "$1" >"$work/log" 2>&1 &
	lab=$!
	tries=0
	until running "$1" || [ $tries -gt 100 ]; do
		sleep 0.2
		tries=$((tries + 1))
	done
}

gone()
{
	tries=0
	while running "$1" && [ $tries -lt 25 ]; do
		sleep 0.2
		tries=$((tries + 1))
	done
	! running "$1"
}

start timeout
kill -TERM $lab
wait $lab
check "a lab that is asked to end says lab-broken" [ $? -eq 3 ]
check "and leaves no machine" gone timeout
check "and leaves an outcome" grep -q interrupted "$work/log"

start timeout
kill -KILL $lab
wait $lab 2>/dev/null
check "a killed lab leaves its machine" running timeout
check "the next lab runs" status 0 lab --case reset
check "and ends the machine of the killed one" gone timeout

plan
