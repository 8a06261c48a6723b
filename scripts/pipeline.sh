#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What a pipeline runs: a scenario with one kernel, and the reports that such things collect.
#
# Usage: scripts/pipeline.sh KERNEL OUTPUT [SCENARIO] [RUN-ARGUMENT...]
#   KERNEL        as `crashlab run --kernel` takes it
#   OUTPUT        a directory for junit.xml, results.ktap, report.html, and the results themselves
#   RUN-ARGUMENT  of `crashlab run`
#
# Exit status: 0 every case ended as expected; 1 some did not; 77 none failed, but it cannot be told of
# all (inconclusive, missed, or skipped); 3 the lab itself broke; 64 bad usage.
set -eu

. "$(dirname "$0")/lib.sh"

[ $# -ge 2 ] || usage
kernel=$1 output=$2
shift 2
crashlab=$build/bin/crashlab
mkdir -p "$output"
status=0
"$crashlab" run "$@" --kernel "$kernel" --results "$output/results" || status=$?
[ $status != 64 ] || exit 64
for format in junit:junit.xml ktap:results.ktap html:report.html; do
	"$crashlab" report --format "${format%%:*}" --output "$output/${format#*:}" \
		--results "$output/results" || status=3
done
[ $status != 2 ] || status=77
exit $status
