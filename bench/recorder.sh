#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the flight recorder costs on the path that it watches. Two measurements, both on QEMU's TCG:
# what one of its programs adds to the read of an MSR, warm and over and over, with and without the
# recorder in one run of one machine (crashtrigger --record-cost); and how long the emergency path took
# in cases that were recorded, from the events in their dumps, which has all that is cold about it.
#
# Usage: bench/recorder.sh RELEASE [RESULTS...]
#   RELEASE   of the kernel; the full flavour of its images is made when it is not there
#   RESULTS   of runs with recorded cases of the window `emergency`
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../scripts/lib.sh"

# Of a case: events that a CPU recorded from crash_nmi_callback() to the end of its disable, and the time.
path_query="SELECT kernel, count(*), avg(events), min(took), avg(took), max(took) FROM (
	SELECT kernel, count(*) AS events, (max(t) - min(t)) / 1000.0 AS took FROM (
		SELECT cases.id AS id, kernel, e.value ->> '\$.t_ns' AS t, e.value ->> '\$.cpu' AS cpu,
			(SELECT max(b.value ->> '\$.t_ns') FROM json_each(verdict, '\$.timeline') AS b
				WHERE b.value ->> '\$.function' = 'crash_nmi_callback') AS begin, reboot_cpu
		FROM cases, json_each(verdict, '\$.timeline') AS e
		WHERE \"window\" = 'emergency' AND vendor = 'svm' AND hit = 'hit')
	WHERE cpu = reboot_cpu AND t >= begin GROUP BY id)
	GROUP BY kernel"

[ $# -ge 1 ] || usage
release=$1
shift
"$root/scripts/build-images.sh" "$release" --flavour full >/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/recorder.XXXXXX")
trap 'rm -rf "$work"' EXIT
cat >"$work/lab" <<'END'
modprobe msr
for run in 1 2 3; do crashtrigger --record-cost; done >cost.txt 2>&1
END
"$root/scripts/nested.sh" "$release" "$work" || die "$(cat "$work/out/cost.txt")"
echo '| reading EFER, ns | with the recorder | times | the program alone |'
echo '|---|---|---|---|'
sed -n 's/^without=\(.*\) with=\(.*\) program=\(.*\) runs=.*/\1 \2 \3/p' "$work/out/cost.txt" |
	awk '{ printf "| %d | %d | %.2f | %d |\n", $1, $2, $2 / $1, $3 }
		END { exit !NR }' || die "$(cat "$work/out/cost.txt")"
for results; do
	sqlite3 -readonly -separator ' ' "$results/crashlab.db" "$path_query" |
		awk '{ printf "%s: %d cases, %.1f events from the NMI to the end of the disable, in %.0f us (%.0f to %.0f)\n",
			$1, $2, $3, $5, $4, $6 }'
done
