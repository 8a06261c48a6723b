#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guestload: bad usage ends with status 64 and one clear line. Where this machine has KVM, every load
# comes into its state; the guests are a few bytes each, and harm nothing.

dir=$(dirname "$0")
guestload=$dir/../../build/bin/guestload
# shellcheck source=tests/tap.sh
. "$dir/../tap.sh"

expect 64 "load is missing" "$guestload"
expect 0 "Usage:" "$guestload" --help
expect 0 "^  churn +VMs created" "$guestload" --help
expect 64 "unknown load 'x'" "$guestload" --load x
expect 64 "is not a list of CPUs" "$guestload" --load spin --cpus 1-
expect 64 "not all of these CPUs are online" "$guestload" --load spin --cpus 1023
expect 64 "unexpected argument 'x'" "$guestload" --load spin x
expect 64 "per-cpu: 0 is not from 1 to 1024" "$guestload" --load many --per-cpu 0
expect 64 "per-cpu: 'x' is not a number" "$guestload" --load many --per-cpu x
expect 64 "vcpus: 1025 is not from 1 to 1024" "$guestload" --load hop --vcpus 1025
expect 64 "per-cpu: load 'hop' does not take it" "$guestload" --load hop --per-cpu 2
expect 64 "vcpus: load 'many' does not take it" "$guestload" --load many --vcpus 2
expect 64 "load 'hop' needs two CPUs" "$guestload" --load hop --cpus 0

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
	skip "the loads themselves" "no /dev/kvm here"
	plan
	exit
fi

expect 1 "/crashlab/linux/cmdline .*--flavour linux" "$guestload" --load linux

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkfifo "$work/lines"

# first_line ARGUMENT...: what guestload says first; then it is ended
first_line()
{
	"$guestload" "$@" >"$work/lines" 2>&1 &
	pid=$!
	head -n 1 <"$work/lines"
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

cpus=$(nproc)
for load in spin halt churn; do
	check "$load" says "^guestload: $cpus guests? running$" first_line --load $load
done
check "spin, 3 on CPU 0 alone" \
	says "^guestload: 3 guests running$" first_line --load spin --per-cpu 3 --cpus 0
check "many" says "^guestload: $((cpus * 64)) guests running$" first_line --load many
check "many, 100 a CPU" \
	says "^guestload: $((cpus * 100)) guests running$" first_line --load many --per-cpu 100
if [ "$cpus" -gt 1 ]; then
	check "hop" says "^guestload: 5 guests running$" first_line --load hop --vcpus 5
else
	skip "hop" "one CPU"
fi
check "nested, or why not" \
	says "guests? running: each runs a guest|neither VMX nor SVM" first_line --load nested

# with_qemu RESETS: what guestload says in a root of its own, where QEMU is a stand-in whose guest resets
# itself RESETS times and then runs
with_qemu()
{
	mkdir -p "$work/root/crashlab/linux" "$work/root/work"
	echo quiet >"$work/root/crashlab/linux/cmdline"
	cat >"$work/root/crashlab/qemu-system-x86_64-microvm" <<-END
		#!/bin/sh
		echo start >>/work/starts
		[ "\$(wc -l </work/starts)" -gt $1 ] || exit 0
		echo crashlab-guest-runs
		exec sleep 60
	END
	chmod +x "$work/root/crashlab/qemu-system-x86_64-microvm"
	rm -f "$work/root/work/starts"
	cp "$guestload" "$work/root/work/guestload"
	# shellcheck disable=SC2016 # it is for the shell in there
	unshare -m sh -c 'cd "$1" && shift && for folder in bin lib lib64 usr dev proc sys; do
			mkdir -p $folder && mount --rbind /$folder $folder || exit
		done && PATH=/crashlab:$PATH exec chroot . /work/guestload --load linux --cpus 0' \
		sh "$work/root" >"$work/lines" 2>&1 &
	pid=$!
	sed '/running$/q' <"$work/lines"
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

check "linux: a guest that resets itself is started again" \
	says '^guestload: 1 guest running$' with_qemu 2
check "and it is said" says 'guest on CPU 0: .* ended with status 0: it said nothing; started again' with_qemu 2
check "not for ever" says 'guest on CPU 0: .* ended with status 0: it said nothing$' with_qemu 3
check "three times in all" [ "$(wc -l <"$work/root/work/starts")" = 3 ]

plan
