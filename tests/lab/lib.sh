# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the scripts that run a scenario, in the top directory: lab_start SCENARIO first.

# shellcheck source=tests/tap.sh
. tests/tap.sh

# lab_start SCENARIO: where its results go, and the programs that look at them
lab_start()
{
	scenario=$1
	release=$(cat build/kernel)
	results=${CRASHLAB_TEST_RESULTS:-build/test-results}/$scenario
	# shellcheck disable=SC2034 # for the sourcing script
	verify=build/san/bin/verify_vmcs
	rm -rf "$results"
}

# lab_run [ARGUMENT...]: run the scenario; nothing else can be tested when it leaves no case
lab_run()
{
	build/bin/crashlab run "$scenario" --kernel "$release" --results "$results" "$@"
}

# case_of NAME: the directory of the case
case_of()
{
	for directory in "$results"/*/"$1".*; do
		echo "$directory"
	done
}

# need_case NAME: end here, as a failure, when the case is not there
need_case()
{
	[ -d "$(case_of "$1")" ] && return
	plan
	exit 1
}
