# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the test scripts: TAP on stdout, everything else on stderr.

tap_number=0

# check NAME COMMAND...: one test, passed when the command succeeds
check()
{
	tap_name=$1
	shift
	tap_number=$((tap_number + 1))
	if "$@" >&2; then
		echo "ok $tap_number - $tap_name"
	else
		echo "not ok $tap_number - $tap_name"
		echo "# failed: $*"
	fi
}

# status EXPECTED COMMAND...: true when the command exits with that status
status()
{
	tap_expected=$1
	shift
	tap_status=0
	"$@" || tap_status=$?
	[ "$tap_status" -eq "$tap_expected" ] ||
		{ echo "# status $tap_status instead of $tap_expected: $*" >&2; return 1; }
}

# says PATTERN COMMAND...: true when the command's output (stdout or stderr) has a line like PATTERN
says()
{
	tap_pattern=$1
	shift
	tap_output=$("$@" 2>&1) || true
	printf '%s\n' "$tap_output" | grep -Eq -- "$tap_pattern" ||
		{ printf '# no /%s/ in:\n%s\n' "$tap_pattern" "$tap_output" >&2; return 1; }
}

# expect STATUS PATTERN COMMAND...: one test of both, under the pattern's name
expect()
{
	check "$2" tap_both "$@"
}

tap_both()
{
	tap_want=$1 tap_text=$2
	shift 2
	status "$tap_want" "$@" && says "$tap_text" "$@"
}

# skip NAME REASON: a test that cannot run here
skip()
{
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1 # SKIP $2"
}

# plan: the last line of every script
plan()
{
	echo "1..$tap_number"
}
