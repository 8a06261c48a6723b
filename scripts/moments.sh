#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What Bochs knew at the moments on the way to the crash kernel (`crashlab run --truth=moments`), as a
# Markdown table: of each CPU its VMX operation, and beside it what the flight recorder had noted last of it
# since the strike.
#
# Usage: scripts/moments.sh RESULTS     a results directory, with its case directories
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || usage
[ -f "$1/crashlab.db" ] || die "no $1/crashlab.db"
echo '| case | outcome, truth | moment, on CPU | each CPU: VMX operation, the last that was recorded | launched |'
echo '|---|---|---|---|---|'
cd "$1"
sqlite3 -readonly crashlab.db "
	WITH moments AS (
		SELECT cases.name AS name, outcome, truth, verdict, cases.rowid AS number, each.key AS place,
			json_extract(each.value, '\$.moment') AS moment, json_extract(each.value, '\$.cpu') AS at_cpu,
			json_extract(each.value, '\$.cpus') AS cpus,
			json_array_length(each.value, '\$.launched') AS launched,
			(SELECT min(json_extract(event.value, '\$.t_ns')) FROM json_each(verdict, '\$.timeline') AS event
			 WHERE json_extract(event.value, '\$.function') = json_extract(each.value, '\$.function') AND
			       json_extract(event.value, '\$.cpu') = json_extract(each.value, '\$.cpu')) AS t_ns
		FROM cases, json_each(CAST(readfile(run || '/' || cases.id || '/moments.json') AS TEXT), '\$.moments') AS each
		WHERE verdict IS NOT NULL)
	SELECT '| ' || name || ' | ' || outcome || ', ' || truth || ' | ' || moment || ', ' || at_cpu || ' | ' ||
		(SELECT group_concat(json_extract(cpu.value, '\$.cpu') || ': ' ||
			CASE json_extract(cpu.value, '\$.vmx') WHEN 1 THEN 'on' ELSE 'off' END || ', ' || coalesce(
			(SELECT json_extract(event.value, '\$.event') || ' \`' || json_extract(event.value, '\$.function') || '\`'
			 FROM json_each(verdict, '\$.timeline') AS event
			 WHERE json_extract(event.value, '\$.cpu') = json_extract(cpu.value, '\$.cpu') AND
			       json_extract(event.value, '\$.t_ns') < t_ns AND
			       json_extract(event.value, '\$.t_ns') >= json_extract(verdict, '\$.case.t_armed') AND
			       json_extract(event.value, '\$.event') IN ('enter', 'leave')
			 ORDER BY json_extract(event.value, '\$.t_ns') DESC LIMIT 1), 'nothing'), '; ')
		 FROM json_each(cpus) AS cpu) || ' | ' || launched || ' |'
	FROM moments ORDER BY number, place"
