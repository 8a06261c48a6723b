#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What scripts/bisect.sh tells git, whatever the cases end with. A stand-in for crashlab keeps outcomes
# that are made up, one line for each run. (tests/pipelines has a bisection with real cases.)
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export CRASHLAB_BUILD="$work"
mkdir "$work/bin"
cat >"$work/bin/crashlab" <<'END'
#!/bin/sh
[ "$1" != build ] || { echo 6.1; exit; }
work=$CRASHLAB_BUILD
run=$(sqlite3 "$work/crashlab.db" 'CREATE TABLE IF NOT EXISTS run (run); INSERT INTO run VALUES (NULL);
	CREATE TABLE IF NOT EXISTS cases (run, name, outcome, as_expected);
	UPDATE run SET run = rowid; SELECT max(rowid) FROM run')
for case in $(sed -n "${run}p" "$work/outcomes"); do
	outcome=${case#*:}
	sqlite3 "$work/crashlab.db" "INSERT INTO cases VALUES ($run, '${case%:*}', '$outcome', '$outcome' = 'PASS')"
done
echo "$*" >>"$work/runs"
END
chmod +x "$work/bin/crashlab"

# outcome STATUS RUNS OUTCOMES [OPTION...]: OUTCOMES has a line for each run, NAME:OUTCOME a word
outcome()
{
	rm -f "$work/crashlab.db" "$work/runs"
	printf '%b' "$3" >"$work/outcomes"
	wanted=$1 runs=$2
	shift 3
	status "$wanted" scripts/bisect.sh --kernel 6.1 --results "$work" "$@" -- main &&
		[ "$(wc -l <"$work/runs")" -eq "$runs" ]
}

check "all as expected: good" outcome 0 1 'a:PASS b:PASS\n'
check "a FAIL: bad" outcome 1 1 'a:PASS b:FAIL\n'
check "whatever else there is" outcome 1 1 'a:race-missed b:FAIL c:PASS\n'
check "missed once, then hit: good" outcome 0 2 'a:PASS b:race-missed\nb:PASS\n'
check "missed once, then FAIL: bad" outcome 1 2 'a:PASS b:race-missed\nb:FAIL\n'
check "each of two is tried again" outcome 0 3 'a:race-missed b:INCONCLUSIVE\na:PASS\nb:PASS\n'
check "and only those that it cannot be told of" outcome 0 4 'a:timeout b:timeout\na:PASS\nb:timeout\nb:PASS\n'
check "never told: skip" outcome 125 3 'a:timeout\na:lab-broken\na:INCONCLUSIVE\n'
check "after as many tries as were asked for" outcome 125 1 'a:no-dump\n' --tries 1
check "what else is bad can be said" outcome 1 1 'a:no-dump\n' --bad FAIL,no-dump --tries 1
check "a part of its name is not it" outcome 125 1 'a:no-dump\n' --bad dump,no --tries 1
check "the case that is tried again is named" grep -q -e '--kernel 6.1' "$work/runs"

plan
