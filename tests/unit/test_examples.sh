#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What examples/ has for pipelines can be read, and what it calls there is.
# shellcheck source=tests/tap.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

if /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
	for file in examples/*.yml examples/tmt/plans/*.fmf examples/tmt/tests/*.fmf; do
		check "$file is YAML" /usr/bin/python3 -c \
			'import sys, yaml; assert isinstance(yaml.safe_load(open(sys.argv[1])), dict)' "$file"
	done
else
	skip "the examples are YAML" "no python3-yaml"
fi

# The lines with a shard, as the job would have them; --list runs nothing.
# shards FILE
shards()
{
	sed -n 's/^ *- \(run: \)\{0,1\}\(build\/bin\/crashlab run .*\) || true$/\2/p' "$1" |
		sed 's/\${{ matrix.shard }}/2/g;s/"$(cat build\/kernel)"/6.12/'
}
for file in examples/github.yml examples/gitlab-ci.yml; do
	line=$(shards "$file")
	check "$file runs shards" [ -n "$line" ]
	check "that can be" says '^[23] cases, ' sh -c "CI_NODE_INDEX=2 CI_NODE_TOTAL=4; $line --list"
done
for script in examples/autopkgtest/debian/tests/panic-during-reboot examples/tmt/tests/*.sh; do
	check "$script is a script" sh -n "$script"
done
expect 64 'Usage: scripts/pipeline.sh KERNEL OUTPUT' scripts/pipeline.sh
expect 255 'Usage: scripts/bisect.sh' scripts/bisect.sh --tries x --
expect 64 'Usage: scripts/slurm-array.sh SHARDS RESULTS' scripts/slurm-array.sh
check "a task of a shard must be told where" status 64 scripts/slurm-array.sh 3 /tmp

plan
