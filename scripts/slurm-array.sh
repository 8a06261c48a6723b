#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A run on the nodes of a Slurm cluster: a job array with a task for each shard, and a job that puts
# together what they found. A task that Slurm starts again, as its node died, goes on where the first
# one stopped; so the results must lie where all nodes see them. Prints the ids of both jobs.
#
# Usage: scripts/slurm-array.sh SHARDS RESULTS [SBATCH-OPTION...] -- [SCENARIO] [RUN-ARGUMENT...]
#   SHARDS        how many tasks; one shard's results are in RESULTS/<number>, what it says in
#                 RESULTS/<number>.log, all cases in RESULTS/merged, what merging said in RESULTS/merge.log
#   SBATCH-OPTION as --partition=lab --cpus-per-task=4
#   RUN-ARGUMENT  of `crashlab run`. Name the kernel: the newest may not be the same everywhere
#
#   scripts/slurm-array.sh 40 /shared/night --cpus-per-task=4 -- windows --kernel 6.12.117+deb12-amd64
set -eu

. "$(dirname "$0")/lib.sh"

crashlab=$build/bin/crashlab

# quote WORD...: as a shell reads them
quote()
{
	for word; do
		printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
	done
}

# What a task does: the whole shard, or what an earlier try has left of it.
run_shard()
{
	count=$1 results=$2/$SLURM_ARRAY_TASK_ID
	shift 2
	if "$crashlab" list --results "$results" 2>/dev/null | tail -n +2 | grep -q .; then
		exec "$crashlab" run --resume --results "$results"
	fi
	exec "$crashlab" run "$@" --seed "$SLURM_ARRAY_JOB_ID" --results "$results" \
		--shard "$SLURM_ARRAY_TASK_ID/$count"
}

merge_shards()
{
	for directory in "$1"/[0-9]*/; do
		set -- "$@" "$directory"
	done
	results=$1
	shift
	exec "$crashlab" merge "$@" --results "$results/merged"
}

submit()
{
	[ $# -ge 2 ] || usage
	count=$1 results=$2
	shift 2
	options=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options="$options$(quote "$1")"
		shift
	done
	[ "${1-}" = -- ] || usage
	shift
	mkdir -p "$results"
	results=$(absolute "$results")
	self=$(quote "$root/scripts/slurm-array.sh")
	array=$(eval sbatch --parsable --job-name=crashlab "--array=1-$count" --requeue --open-mode=append \
		"$(quote "--output=$results/%a.log")" "$options" \
		"$(quote "--wrap=exec$self shard $count$(quote "$results" "$@")")")
	array=${array%%;*}
	merge=$(eval sbatch --parsable --job-name=crashlab-merge --requeue "--dependency=afterany:$array" \
		"$(quote "--output=$results/merge.log")" "$options" \
		"$(quote "--wrap=exec$self merge$(quote "$results")")")
	echo "$array ${merge%%;*}"
}

case ${1-} in
shard | merge)
	job=$1
	shift
	if [ "$job" = shard ]; then run_shard "$@"; else merge_shards "$@"; fi
	;;
*) submit "$@" ;;
esac
