#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The scenario kernels (scenarios/kernels.ini) on one kernel after another, and tables of what came of it.
#
# Usage: scripts/kernel-table.sh run RESULTS RELEASE...
#        scripts/kernel-table.sh table|list|summary RESULTS
#        scripts/kernel-table.sh update RESULTS
#   run      of each kernel that scripts/fetch-kernel.sh fetched, what RESULTS has not yet: a kernel
#            whose run is complete is passed over, one that was cut off goes on. ARGS in
#            the environment are further arguments for `crashlab run`
#   table    kernel x case, the newest result of each; list: with places and evidence, a row for each;
#            summary: a row for each kernel. Markdown
#   update   put table and list into docs/results/kernels.md, and the summary into README.md
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# Runs of the scenario; of each case of a kernel the newest that has ended.
newest="WITH ended AS (SELECT cases.*, min(cases.rowid) OVER (PARTITION BY kernel, name, iteration) AS turn, row_number() OVER (PARTITION BY kernel, name, iteration ORDER BY cases.rowid DESC) AS age
		FROM cases JOIN run USING (run) WHERE scenario LIKE '%kernels%' AND outcome IS NOT NULL),
	newest AS (SELECT * FROM ended WHERE age = 1 ORDER BY turn)"

query()
{
	sqlite3 -readonly -separator "$1" "$results/crashlab.db" "$2"
}

# shellcheck disable=SC2086 # ARGS, one a word
run_kernel()
{
	release=$1
	last=
	[ ! -e "$results/crashlab.db" ] || last=$(query ' ' "SELECT run, coalesce(ended, '') FROM run
		JOIN cases USING (run) WHERE scenario LIKE '%kernels%' AND kernel = '$release'
		AND coalesce(ended, '') = '' ORDER BY run.rowid DESC LIMIT 1")
	if [ -n "$last" ]; then
		"$build/bin/crashlab" run --resume="${last%% *}" --results "$results" $ARGS
	elif [ -e "$results/crashlab.db" ] && [ -n "$(query ' ' "SELECT 1 FROM run JOIN cases USING (run)
		WHERE scenario LIKE '%kernels%' AND kernel = '$release' LIMIT 1")" ]; then
		say "$release: done already"
	else
		"$root/scripts/build-images.sh" "$release"
		"$build/bin/crashlab" run kernels --kernel "$release" --results "$results" $ARGS
	fi
}

# What a kernel does ends no run, what the lab does ends it.
run_all()
{
	for name; do
		status=0
		run_kernel "$name" || status=$?
		[ $status -lt 3 ] || die "$name: stopped with status $status; run this again to go on"
	done
}

# by_kernel SEPARATOR: kernels in the order of their versions, the cases of each as they come
by_kernel()
{
	sort -s -t "$1" -k 1,1V
}

# A PASS has the hit; of what is none, what the dump says of it. Several of a case are counted.
print_table()
{
	query '|' "$newest SELECT kernel, name, group_concat(CASE WHEN of = 1 THEN words ELSE of || ' ' || words END, ', ')
		FROM (SELECT kernel, name, words, count(*) AS of, min(turn) AS turn FROM (SELECT kernel, name, turn, outcome ||
			CASE WHEN outcome = 'PASS' OR coalesce(hit, 'none') = 'none' THEN '' ELSE ' (' || hit || ')' END AS words
			FROM newest) GROUP BY kernel, name, words) GROUP BY kernel, name ORDER BY min(turn)" |
		by_kernel '|' | awk -F '|' '
		!($1 in known) { known[$1]; kernels[++kernel_count] = $1 }
		!($2 in listed) { listed[$2]; names[++name_count] = $2 }
		{ cell[$1, $2] = $3 }
		END {
			line = "| case |"; rule = "|---|"
			for (k = 1; k <= kernel_count; k++) { line = line " " kernels[k] " |"; rule = rule "---|" }
			print line "\n" rule
			for (i = 1; i <= name_count; i++) {
				line = "| " names[i] " |"
				for (k = 1; k <= kernel_count; k++) {
					found = cell[kernels[k], names[i]]
					line = line " " (found == "" ? "not run" : found) " |"
				}
				print line
			}
		}'
}

# Where the reboot CPU was, and by what its state is known
print_list()
{
	echo '| kernel | case | outcome | verdict | hit | where the reboot CPU was | reboot CPU | panic CPU |'
	echo '|---|---|---|---|---|---|---|---|'
	query ' | ' "$newest SELECT newest.kernel, newest.name || CASE WHEN newest.iteration > 1 THEN ' #' || newest.iteration ELSE '' END,
		outcome, coalesce(verdict ->> '\$.verdict', '-'), coalesce(hit, '-'), coalesce('\`' || replace(reboot.place, '|', '') || '\`', '-'),
		coalesce(reboot.virtualization || ', ' || reboot.strength, '-'), coalesce(panic.virtualization || ', ' || panic.strength, '-')
		FROM newest LEFT JOIN cpu AS reboot ON reboot.id = newest.id AND reboot.role = 'reboot'
		LEFT JOIN cpu AS panic ON panic.id = newest.id AND panic.role = 'panic' ORDER BY turn" | by_kernel '|' | sed 's/.*/| & |/'
}

print_summary()
{
	echo '| kernel | held strikes that hit | SVM: windows that are a PASS | SVM, virt-off | SVM, emergency | VMX, virt-off | VMX, emergency |'
	echo '|---|---|---|---|---|---|---|'
	query ' | ' "$newest SELECT kernel,
		sum(hit = 'hit') || ' of ' || sum(\"window\" <> 'none' AND expected = 'PASS' AND outcome <> 'skipped'),
		sum(vendor = 'svm' AND outcome = 'PASS') || ' of ' || sum(vendor = 'svm' AND expected = 'PASS'),
		coalesce(max(CASE WHEN name = 'svm-virt-off' THEN outcome END), 'not run'),
		coalesce(max(CASE WHEN name = 'svm-emergency' THEN outcome END), 'not run'),
		coalesce(max(CASE WHEN name = 'vmx-virt-off' THEN outcome END), 'not run'),
		coalesce(max(CASE WHEN name = 'vmx-emergency' THEN outcome END), 'not run')
		FROM newest GROUP BY kernel" | by_kernel '|' | sed 's/.*/| & |/'
}

# put FILE NAME: standard input between FILE's lines <!-- NAME: … --> and <!-- end of NAME -->
put()
{
	cat >"$work/new"
	grep -q "^<!-- $2:" "$1" || die "$1 has no place for $2"
	awk -v name="$2" -v new="$work/new" '
		index($0, "<!-- end of " name " -->") == 1 { inside = 0 }
		!inside { print }
		index($0, "<!-- " name ":") == 1 { inside = 1; print ""; while ((getline line <new) > 0) print line; print "" }
		' "$1" >"$work/file"
	cat "$work/file" >"$1"
}

[ $# -ge 2 ] || usage
: "${ARGS:=}"
job=$1 results=$2
shift 2
case $job in
run)
	[ $# -ge 1 ] || usage
	run_all "$@"
	;;
table) print_table ;;
list) print_list ;;
summary) print_summary ;;
update)
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	print_table | put "$root/docs/results/kernels.md" kernel-table
	print_list | put "$root/docs/results/kernels.md" kernel-list
	print_summary | put "$root/README.md" kernel-summary
	;;
*) usage ;;
esac
