#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs every test and counts. Each is a program that speaks TAP: the unit tests (cmocka, built with
# sanitizers into build/san/tests/; tests/plain/ without, into build/tests/), and the scripts in
# tests/unit/, tests/dumps/, tests/fuzz/ and tests/lab/.
# A lab script runs real cases; --no-lab leaves those out. Given programs, it runs those alone.
# Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1

export CMOCKA_MESSAGE_OUTPUT=TAP
# Of its own: 1 would be a FAIL of verify_vmcs.
export ASAN_OPTIONS=exitcode=99
export CRASHLAB_TEST_RESULTS=${CRASHLAB_TEST_RESULTS:-build/test-results}
logs=build/test-logs
mkdir -p "$logs"

passed=0 failed=0 skipped=0

# run_one NAME COMMAND...: its TAP counts; a bad exit status or no test at all is a failure too
run_one()
{
	local name=$1 log=$logs/$1.tap began=$SECONDS rc ok not_ok skip
	shift
	printf '%-28s ' "$name"
	"$@" >"$log" 2>"$logs/$name.err"
	rc=$?
	skip=$(grep -Ec '^ok .*# SKIP' "$log")
	ok=$(($(grep -Ec '^ok ' "$log") - skip))
	not_ok=$(grep -Ec '^not ok ' "$log")
	# cmocka's exit status is its number of failed tests
	if [ $((ok + not_ok + skip)) -eq 0 ] || { [ $rc -ne 0 ] && [ "$not_ok" -eq 0 ]; } ||
		! grep -Eq '^1\.\.' "$log"; then
		not_ok=$((not_ok + 1))
		echo "not ok - $name ended with status $rc, incomplete" >>"$log"
	fi
	passed=$((passed + ok)) failed=$((failed + not_ok)) skipped=$((skipped + skip))
	printf '%3d ok  %3d failed  %3d skipped  %4d s\n' "$ok" "$not_ok" "$skip" \
		$((SECONDS - began))
	if [ "$not_ok" -gt 0 ]; then
		grep -E -A2 '^not ok' "$log"
		tail -n 40 "$logs/$name.err" | sed 's/^/    /'
	fi
}

if [ -f "${1-}" ]; then
	programs=("$@")
else
	programs=(build/san/tests/test_* build/tests/test_* tests/{unit,dumps,fuzz}/*.sh)
	[ "${1-}" = --no-lab ] || programs+=(tests/lab/*.sh)
fi

for program in "${programs[@]}"; do
	[ -x "$program" ] && [ -f "$program" ] && run_one "$(basename "$program" .sh)" "$program"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
