#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# verify_vmcs reads a dump in a child without rights; a child that dies is status 3 and one line, and
# leaves nothing half written behind. It is looked at while it reads a flattened dump from a pipe:
# when more than a pipe holds has been taken out of it, the child is at work.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

verify=build/bin/verify_vmcs
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkfifo "$work/pipe"

# start OPTION...: verify_vmcs at work on a dump that does not end; sets $parent and $child
start()
{
	"$verify" --json="$work/json" --capsule "$work/capsule" "$@" - \
		<"$work/pipe" >"$work/out" 2>"$work/err" &
	parent=$!
	exec 5>"$work/pipe"
	{
		printf 'makedumpfile\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1'
		head -c 4064 /dev/zero
		printf '\0\0\0\0\0\0\0\0\0\0\0\0\20\0\0\0'
		head -c 1048576 /dev/zero
	} >&5
	read -r child </proc/$parent/task/$parent/children
}

# finish: wait for it, its status into $status
finish()
{
	status=0
	wait "$parent" || status=$?
	exec 5>&-
}

# has FIELD VALUE: in /proc/PID/status of the child
has()
{
	[ "$(sed -n "s/^$1:[[:space:]]*//p" "/proc/$child/status")" = "$2" ]
}

nothing_left()
{
	[ "$(ls "$work")" = "$(printf 'err\nout\npipe')" ]
}

# test_death SIGNAL PATTERN
test_death()
{
	start
	kill -s "$1" "$child"
	finish
	check "child dies of SIG$1: status 3" [ "$status" = 3 ]
	check "child dies of SIG$1: told in one line" [ "$(wc -l <"$work/err")" = 1 ]
	check "child dies of SIG$1: what it was" grep -q "^verify_vmcs: no verdict: $2" "$work/err"
	check "child dies of SIG$1: nothing is left" nothing_left
}

start
check "the child runs under a seccomp filter" has Seccomp 2
check "without capabilities" has CapPrm 0000000000000000
check "and without those it could get" has CapBnd 0000000000000000
check "for good" has NoNewPrivs 1
kill -s TERM "$parent"
finish
check "SIGTERM ends the parent" [ "$status" = 143 ]
check "and its child" [ ! -e "/proc/$child" ]
check "and nothing is left" nothing_left
check "and nothing is told" [ ! -s "$work/err" ]

start --no-sandbox
check "--no-sandbox: no filter" has Seccomp 0
kill -s KILL "$parent"
wait "$parent"
# Nobody waits for the child but init; the pipe has no reader when it is gone.
check "the child dies with its parent" says 'Broken pipe' sh -c "trap '' PIPE; cat /dev/zero >&5"
exec 5>&-
rm -f "$work"/json* "$work"/capsule*

test_death SEGV 'the analysis crashed'
test_death ABRT 'the analysis crashed'
test_death SYS 'it tried what reading a dump does not need'
test_death KILL 'it was killed, as the kernel does when memory runs out'

tests/dumps/unpack vmx-virt-off >"$work/dump"
check "no output in place of the dump" says 'that is the dump itself' \
	"$verify" --json="$work/dump" "$work/dump"
check "nor of one on standard input" says 'that is the dump itself' \
	"$verify" --json="$work/dump" - <"$work/dump"
check "which is whole" status 0 "$verify" --explain 0 "$work/dump"
ln -s out "$work/link"
check "a link is written through" status 0 "$verify" --json="$work/link" --explain 0 "$work/dump"
check "and stays one" [ -L "$work/link" ]
check "with the JSON behind it" grep -q '"verdict":"PASS"' "$work/out"
check "a device is no file to replace" status 0 "$verify" --json=/dev/null --explain 0 "$work/dump"
check "it stays a device" [ -c /dev/null ]
check "no such directory: status 3" status 3 "$verify" --json="$work/none/json" "$work/dump"

# A capsule that finds no room: an error for a program that takes no signal for it.
(
	trap '' XFSZ
	ulimit -f 1000
	exec "$verify" --json="$work/json" --capsule="$work/capsule" "$work/dump" \
		>"$work/out" 2>"$work/err"
) && status=0 || status=$?
check "no room for the capsule: status 3" [ "$status" = 3 ]
check "it is told" grep -q "^verify_vmcs: capsule $work/capsule: " "$work/err"
check "there is no part of it" [ -z "$(find "$work" -name "capsule*")" ]
check "the JSON is not lost for it" grep -q '"verdict":"PASS"' "$work/json"
plan
