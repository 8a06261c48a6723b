#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# How often a panic lands in the window that is meant, held there and blind (scenarios/hit-rate.ini), on
# one kernel after another. Held: what the verdict says. Blind: whether the function that held strikes of
# the same kernel are held in is on the reboot CPU's stack. Only strikes count: a machine that came to none
# says nothing.
#
# Usage: bench/hitrate.sh run RESULTS ROUNDS RELEASE...
#        bench/hitrate.sh table RESULTS...
#   run    the scenario ROUNDS times on each kernel; what RESULTS has already is not run again, and what was
#          cut off goes on. ARGS in the environment are further arguments for `crashlab run`
#   table  rates with their 95 % intervals (Wilson's, as src/lab/stats.c), Markdown. Held strikes of other
#          scenarios in RESULTS count as well
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../scripts/lib.sh"

hit_rate="FROM run JOIN cases USING (run) WHERE scenario LIKE '%hit-rate%'"

query()
{
	[ ! -e "$1/crashlab.db" ] || sqlite3 -readonly -separator '|' "$1/crashlab.db" "$2"
}

# rounds_of RELEASE: complete ones
rounds_of()
{
	found=$(query "$results" "SELECT count(DISTINCT run) $hit_rate AND kernel = '$1' AND ended IS NOT NULL")
	echo "${found:-0}"
}

# The kernel with the fewest rounds comes next, so that an early end leaves them alike.
# shellcheck disable=SC2086 # ARGS, one a word
run_all()
{
	while :; do
		least=$rounds next=
		for release; do
			[ "$(rounds_of "$release")" -ge "$least" ] || least=$(rounds_of "$release") next=$release
		done
		[ -n "$next" ] || return 0
		cut=$(query "$results" "SELECT DISTINCT run $hit_rate AND ended IS NULL ORDER BY run LIMIT 1")
		status=0
		if [ -n "$cut" ]; then
			"$build/bin/crashlab" run --resume="$cut" --results "$results" $ARGS || status=$?
		else
			"$build/bin/crashlab" run hit-rate --kernel "$next" --results "$results" $ARGS || status=$?
		fi
		[ $status -lt 3 ] || exit $status
	done
}

# Blind strikes with the recorder count for nothing: its programs widen what it records.
# A row for each strike: kernel, vendor, reboot, window, hit, function held in, functions on the reboot CPU's stack
list_strikes()
{
	for directory; do
		query "$directory" "SELECT kernel, vendor, reboot, \"window\", coalesce(hit = 'hit', 0),
			coalesce(substr(verdict ->> '\$.case.probe', 1, instr(verdict ->> '\$.case.probe', '+') - 1), ''),
			coalesce((SELECT group_concat(substr(frame.value ->> '\$.symbol', 1, instr(frame.value ->> '\$.symbol', '+') - 1), ' ')
				FROM json_each(verdict, '\$.cpus') AS c, json_each(c.value, '\$.stack') AS frame WHERE c.value ->> '\$.role' = 'reboot'), '')
			FROM cases WHERE stage IN ('strike', 'capture', 'verdict', 'saved', 'done') AND break = 'none'
			AND ((expected = 'PASS' AND \"window\" IN ('notifiers', 'devices', 'migration', 'virt-off', 'off-guests-alive',
				'stop-cpus', 'after-stop', 'emergency')) OR (\"window\" = 'none' AND trigger = 'crash-kexec' AND spec LIKE '%record = no%'))"
	done
}

print_table()
{
	echo '| kernel | vendor | window | held | blind |'
	echo '|---|---|---|---|---|'
	list_strikes "$@" | sort -V | awk -F '|' '
	function root(x) { return x > 0 ? sqrt(x) : 0 }
	function words(hits, of,    p, z, half, middle, low, high) {
		if (!of) return "none struck"
		z = 1.959964; p = hits / of
		middle = p + z * z / (2 * of)
		half = z * root(p * (1 - p) / of + z * z / (4 * of * of))
		low = hits ? (middle - half) / (1 + z * z / of) : 0
		high = hits < of ? (middle + half) / (1 + z * z / of) : 1
		return sprintf("%d of %d (%.0f %%, %.0f to %.0f %%)", hits, of, 100 * p, 100 * low, 100 * high)
	}
	$4 == "none" { blind[$1, $2, $3, ++blinds[$1, $2, $3]] = " " $7 " "; next }
	{
		key = $1 SUBSEP $2 SUBSEP $4
		if (!(key in held)) { order[++count] = key; reboot[key] = $3 }
		held[key]++; hits[key] += $5; all++; all_hits += $5
		if ($6 != "") place[key] = $6
	}
	END {
		for (i = 1; i <= count; i++) {
			split(order[i], part, SUBSEP)
			of = blinds[part[1], part[2], reboot[order[i]]] + 0
			landed = 0
			for (b = 1; b <= of; b++)
				landed += index(blind[part[1], part[2], reboot[order[i]], b], " " place[order[i]] " ") > 0
			printf "| %s | %s | %s | %s | %s |\n", part[1], part[2], part[3], words(hits[order[i]], held[order[i]]), words(landed, of)
			blind_all += of; blind_hits += landed
		}
		printf "| all | | | %s | %s |\n", words(all_hits, all), words(blind_hits, blind_all)
	}'
}

[ $# -ge 2 ] || usage
: "${ARGS:=}"
job=$1
shift
case $job in
run)
	[ $# -ge 3 ] || usage
	results=$1 rounds=$2
	shift 2
	run_all "$@"
	;;
table) print_table "$@" ;;
*) usage ;;
esac
