#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Where the time of a case goes, in one run on this host: medians over some cases of the seconds and of the
# emulator's CPU seconds from one mark to the next, for people who want to make it faster. The CPU seconds
# are what other work on the host disturbs less. Marks are what the machine says: events (docs/interfaces.md,
# section 3), and on its console the panic, the crash kernel's beginning and the start of its init (under
# Bochs it does not print those two).
#
# Usage: bench/phases.sh BACKEND CASES [ARGUMENT...]     of crashlab run, such as --snapshot
set -eu
cd "$(dirname "$0")/.."

backend=$1
cases=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $backend in
bochs*) vendor=vmx ;;
*) vendor=svm ;;
esac

{
	printf '[defaults]\nvendor = %s\n' "$vendor"
	printf '[case virt-off]\nreboot = restart\nwindow = virt-off\n'
	printf '[case emergency]\nreboot = sysrq-b\nwindow = emergency\n'
} >"$work/phases.ini"

# The machines that are saved for the others are made before.
case " $* " in
*--snapshot*) build/bin/crashlab run "$work/phases.ini" --backend "$backend" --case virt-off --results "$work/warm" "$@" >"$work/log" ;;
esac
mkfifo "$work/end"
python3 bench/phases.py "$work/results" <"$work/end" >"$work/marks" &
watcher=$!
exec 3>"$work/end"
for _ in $(seq $(((cases + 1) / 2))); do
	build/bin/crashlab run "$work/phases.ini" --backend "$backend" -j 1 --results "$work/results" "$@" >>"$work/log" || {
		cat "$work/log"
		exit 1
	}
done
exec 3>&-
wait $watcher

awk '
function median(list, count,    i, j, t) {
	for (i = 2; i <= count; i++)
		for (j = i; j > 1 && list[j - 1] > list[j]; j--) {
			t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
		}
	return (list[int((count + 1) / 2)] + list[int(count / 2) + 1]) / 2
}
{
	if ($1 != name) { name = $1; before = 0; cpu = 0 }
	if (!($2 in count)) order[++marks] = $2
	n = ++count[$2]
	seconds[$2, n] = $3 - before; used[$2, n] = $4 - cpu
	before = $3; cpu = $4
}
END {
	printf "%-10s %8s %8s\n", "UNTIL", "SECONDS", "CPU"
	for (m = 1; m <= marks; m++) {
		mark = order[m]
		for (n = 1; n <= count[mark]; n++) { a[n] = seconds[mark, n]; b[n] = used[mark, n] }
		s = median(a, count[mark]); c = median(b, count[mark])
		printf "%-10s %8.2f %8.2f\n", mark, s, c
		all += s; all_cpu += c
	}
	printf "%-10s %8.2f %8.2f\n", "together", all, all_cpu
}' "$work/marks"
