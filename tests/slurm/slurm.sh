#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A run on a Slurm cluster of three nodes, all of them on this machine, with real cases. One node dies
# in the middle of its second case; Slurm starts its task again elsewhere, which goes on. Not among
# the other tests, as it needs Slurm's daemons: `make test-slurm`.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
. tests/lab/standin.sh

release=$(cat build/kernel)
results=${CRASHLAB_TEST_RESULTS:-build/test-results}/slurm
rm -rf "$results"
mkdir -p "$results"
work=$(mktemp -d /tmp/crashlab-slurm.XXXXXX) || exit 1
pids=
# shellcheck disable=SC2317 # by the trap
clean()
{
	# jobs, slurmd, slurmctld and munged, in the turn in which they need each other
	if [ -n "${jobs-}" ]; then
		# shellcheck disable=SC2086 # one a word
		scancel $jobs
		until_true no_jobs
	fi
	for pid in $pids; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$work"
}
trap clean EXIT

for program in slurmctld slurmd sbatch munged; do
	if ! command -v $program >/dev/null; then
		skip "a Slurm cluster" "no $program (apt-get install slurmctld slurmd slurm-client munge)"
		plan
		exit 0
	fi
done

# ---- the cluster ----
base=$((20000 + $$ % 20000))
export SLURM_CONF="$work/slurm.conf"
start_cluster()
{
	chmod 755 "$work"
	mkdir -p "$work/state" "$work/munge"
	head -c 1024 /dev/urandom >"$work/munge/key"
	chmod 600 "$work/munge/key"
	munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
		--pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed" &
	pids=$!
	until_true [ -S "$work/munge/socket" ]
	cat >"$SLURM_CONF" <<-END
		ClusterName=crashlab
		SlurmctldHost=$(hostname)(127.0.0.1)
		SlurmUser=root
		SlurmctldPort=$base
		AuthInfo=socket=$work/munge/socket,cred_expire=5
		StateSaveLocation=$work/state
		SlurmctldPidFile=$work/slurmctld.pid
		SlurmctldLogFile=$work/slurmctld.log
		SlurmdSpoolDir=$work/%n
		SlurmdPidFile=$work/%n.pid
		SlurmdLogFile=$work/%n.log
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		SelectType=select/linear
		SlurmdTimeout=5
		KillWait=2
		ReturnToService=2
		MpiDefault=none
		NodeName=n[1-3] NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=[$((base + 1))-$((base + 3))] CPUs=2
		PartitionName=lab Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP
	END
	slurmctld -D -c &
	pids="$! $pids"
	until_true scontrol ping
	for node in n1 n2 n3; do
		slurmd -D -N $node &
		pids="$! $pids"
	done
	until_true nodes_are idle 3
}

no_jobs()
{
	[ -z "$(squeue -h)" ]
}

# nodes_are STATE COUNT
nodes_are()
{
	[ "$(sinfo -h -N -o '%T' | tr -d '*' | grep -c -x "$1")" = "$2" ]
}

start_cluster 2>"$work/daemons" >&2
check "three nodes are up" nodes_are idle 3
cat "$work/daemons" >&2

# ---- the run ----
list()
{
	build/bin/crashlab list "$@" 2>/dev/null | tail -n +2
}
# ended_in PART COUNT: at least so many of its cases have ended
ended_in()
{
	run=$(list --results "$results/$1" | sed -n '1s/ .*//p')
	[ -n "$run" ] && [ "$(list "$run" --results "$results/$1" | grep -c -v 'not run')" -ge "$2" ]
}
# long_until COMMAND...: as until_true, ten minutes at most
long_until()
{
	turns=0
	until "$@" || [ $turns -ge 10 ]; do
		until_true "$@"
		turns=$((turns + 1))
	done
	"$@"
}

jobs=$(scripts/slurm-array.sh 2 "$results" --nodes=1 -- smoke --vendor svm --case svm-smoke \
	--iterations 4 --kernel "$release" --timeout-factor 3)
check "the array and the job behind it are queued" [ "$(echo "$jobs" | wc -w)" = 2 ]
array=${jobs% *} merge=${jobs#* }
task()
{
	squeue -h -r -j "${array}_2" -o "%$1"
}
started_second()
{
	ended_in 2 1 && [ "$(grep -c 'svm-smoke.* strike' "$results/2.log")" -ge 2 ]
}
check "the second task is in its second case" long_until started_second
node=$(task N)

# The node loses its power: its daemon and all processes of its job end at once.
processes_of()
{
	for process in /proc/[0-9]*; do
		tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -q -x "SLURMD_NODENAME=$1" && basename "$process"
	done
}
# daemon_of PID...: the slurmstepd above them
daemon_of()
{
	for pid; do
		sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status"
	done | sort -u | while read -r pid; do
		! grep -q slurmstepd "/proc/$pid/comm" || echo "$pid"
	done
}
victims=$(processes_of "$node")
check "the node that it is on has its processes" [ -n "$victims" ]
# shellcheck disable=SC2086,SC2046 # one a word
kill -KILL "$(cat "$work/$node.pid")" $(daemon_of $victims) $victims
check "Slurm sees that the node is gone" long_until nodes_are down 1
requeued()
{
	scontrol -o show job "${array}_2" | grep -q 'Restarts=1'
}
check "and starts its task again" long_until requeued
merge_done()
{
	scontrol -o show job "$merge" | grep -q -E 'JobState=(COMPLETED|FAILED)'
}
check "the shards are merged when all have ended" long_until merge_done

# ---- what came of it ----
cat "$results"/*.log >&2
check "merging says so" grep -q ': 4 of 4 cases, 4 ended; 2 parts' "$results/merge.log"
run=$(list --results "$results/merged" | sed -n '1s/ .*//p')
check "every case is accounted for, once" [ "$(list "$run" --results "$results/merged" | grep -c PASS)" = 4 ]
check "no iteration twice" [ "$(sqlite3 "$results/merged/crashlab.db" \
	'SELECT count(DISTINCT iteration) FROM cases WHERE outcome IS NOT NULL')" = 4 ]
check "with its directory" [ "$(find "$results/merged/$run" -maxdepth 2 -name outcome.json | wc -l)" = 4 ]
check "the case that had ended before was not run again" \
	[ "$(grep -c 'svm-smoke.*start' "$results/2.log")" -eq 3 ]
check "the whole is a success" grep -q 'ExitCode=0:0' <<-END
	$(scontrol -o show job "$merge")
END

plan
