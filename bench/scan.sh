#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the search for lost VMCSs costs: `verify_vmcs --scan', less what it takes without, against only
# decompressing every page of the same dump on as many CPUs (bench/decompress.c). Prints a line a dump,
# the best of some runs, in wall time and in CPU time, which a busy machine leaves alone.
#
# Usage: bench/scan.sh DUMP...     in makedumpfile's format
set -eu

here=$(cd "$(dirname "$0")" && pwd)
verify=${VERIFY_VMCS:-$here/../build/bin/verify_vmcs}
runs=${BENCH_RUNS:-9}

[ $# -gt 0 ] || { sed -n 's/^# Usage/Usage/p' "$0" >&2; exit 64; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2046 # flags
gcc -O2 -std=gnu11 -I"$here/../src" -o "$work/decompress" "$here/decompress.c" \
	"$here"/../src/dump/kdump_file.c "$here"/../src/dump/elf_file.c "$here"/../src/util/error.c \
	$(pkg-config --libs zlib libzstd) -llzo2 -lsnappy -lpthread

# best COMMAND...: the least wall time and the least CPU time, in seconds
best()
{
	for _ in $(seq "$runs"); do
		/usr/bin/time -q -o "$work/time" -f '%e %U %S' "$@" >/dev/null || [ $? -le 2 ]
		cat "$work/time"
	done | awk 'NR == 1 || $1 < wall { wall = $1 } NR == 1 || $2 + $3 < cpu { cpu = $2 + $3 }
		END { print wall, cpu }'
}

for dump in "$@"; do
	decompress=$(best "$work/decompress" "$dump")
	plain=$(best "$verify" "$dump")
	scan=$(best "$verify" --scan "$dump")
	echo "$(basename "$dump") $decompress $plain $scan" | awk '{
		printf "%s: decompress %.2f s (%.2f s CPU), scan %.2f s (%.2f s CPU): %.2f times, %.2f in CPU time\n",
			$1, $2, $3, $6 - $4, $7 - $5, ($6 - $4) / $2, ($7 - $5) / $3 }'
done
