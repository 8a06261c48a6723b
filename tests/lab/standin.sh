# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the scripts that run cases whose appliance is a stand-in: it says the events and then
# does what its case is called. In the top directory: standin_start NAME, add_case, lab.

# shellcheck source=tests/tap.sh
. tests/tap.sh

factor=${CRASHLAB_TEST_FACTOR:-0.4}
release=standin

# standin_start NAME: make $work, and the stand-in in it; or end, as skipped
standin_start()
{
	work=$(mktemp -d) || exit 1
	trap 'rm -rf "$work"' EXIT
	results=$work/results
	kernel=$(find build/kernels -path '*/boot/vmlinuz-*' | sort -V | tail -n 1)
	if [ -z "$kernel" ] || [ ! -x /bin/busybox ]; then
		skip "$1" "needs a fetched kernel and busybox-static"
		plan
		exit 0
	fi
	make_initramfs
}

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
		--results "$results" --timeout-factor "$factor" "$@"
}

# resume [ARGUMENT...]: go on with the newest run, whose scenario and kernel are in the database
resume()
{
	build/bin/crashlab run --resume --backend tcg --images "$work/images" --results "$results" \
		--timeout-factor "$factor" "$@"
}

outcome()
{
	grep -q "\"outcome\": *\"$2\"" "$results"/*/"$1".*/outcome.json
}

# until_true COMMAND...: wait for it to succeed, a minute at most
until_true()
{
	tries=0
	until "$@" || [ $tries -gt 300 ]; do
		sleep 0.2
		tries=$((tries + 1))
	done
}

# running CASE: the QEMU processes of a case of ours
running()
{
	pgrep -f "guest=$1\.[0-9a-f]*,.*" >/dev/null
}

# start CASE [ARGUMENT...]: in the background, until its machine is there; its process is $lab
start()
{
	build/bin/crashlab run "$work/all.ini" --backend tcg --kernel $release \
		--images "$work/images" --results "$results" "${2:---case=$1}" >"$work/log" 2>&1 &
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

