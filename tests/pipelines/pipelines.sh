#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The ways into pipelines, each with its real tool and real cases: `git bisect run` finds the commit
# that was planted in a small history, autopkgtest runs the example. Not among the other tests, for the
# time it takes: `make test-pipelines`.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh

top=$PWD
release=$(cat build/kernel)
results=${CRASHLAB_TEST_RESULTS:-build/test-results}/pipelines
rm -rf "$results"
mkdir -p "$results"
results=$(readlink -f "$results")
work=$(mktemp -d) || exit 1
# shellcheck disable=SC2317 # by the trap
clean()
{
	rm -rf "$work" "build/images/$release-bisect"
}
trap clean EXIT

# ---- git bisect ----
# A history of what is in an appliance and of the kernel that it has. What breaks it is a real module
# (tests/lab/break), which one commit switches on.
tests/lab/break/build.sh "$release" >&2
overlay=$top/build/break/$release/overlay
repository=$work/repository
git_in()
{
	git -C "$repository" -c user.name=Nobody -c user.email=nobody@example.org -c advice.detachedHead=false "$@"
}
# commit NUMBER: the state of the repository as it is
commit()
{
	echo "$1" >"$repository/number"
	git_in add -A
	git_in commit -q -m "Number $1"
}
step()
{
	"$top/scripts/bisect.sh" --kernel-in kernel --overlay overlay --results "$results/bisect" "$@"
}
in_repository()
{
	(cd "$repository" && "$@")
}

git init -q "$repository"
mkdir -p "$repository/overlay/crashlab"
cp "$overlay/crashlab/crashlab_break.ko" "$repository/overlay/crashlab/"
printf '#!/bin/sh\nexit 0\n' >"$repository/overlay/crashlab/break"
chmod +x "$repository/overlay/crashlab/break"
echo "$release" >"$repository/kernel"
cat >"$repository/cases.ini" <<END
[case svm]
vendor = svm
reboot = restart
window = virt-off
images = bisect
break = svm-on
END
for number in 1 2 3 4; do
	commit $number
done
cp "$overlay/crashlab/break" "$repository/overlay/crashlab/break"
for number in 5 6 7 8; do
	commit $number
done
planted=$(git_in log --format=%H --grep='Number 5')

git_in bisect start HEAD HEAD~7 >&2
check "git bisect run ends" in_repository git bisect run "$top/scripts/bisect.sh" --kernel-in kernel \
	--overlay overlay --results "$results/bisect" -- cases.ini
check "with the planted commit" [ "$(git_in rev-parse refs/bisect/bad)" = "$planted" ]
runs=$(sqlite3 "$results/bisect/crashlab.db" 'SELECT count(*) FROM run')
check "in no more steps than 7 commits need" [ "$runs" -le 3 ]
check "a bad commit is one that failed" [ "$(sqlite3 "$results/bisect/crashlab.db" \
	"SELECT count(*) FROM cases WHERE outcome = 'FAIL'")" -ge 1 ]
git_in bisect reset >&2

# ---- what it makes of other commits ----
echo ./no-such.deb >"$repository/kernel"
check "a kernel that cannot be had is skipped" in_repository status 125 step -- cases.ini
check "so is a commit that cannot be built" in_repository status 125 step --build false -- cases.ini
rm "$repository/kernel"
check "and one that names none" in_repository status 125 step -- cases.ini
echo "$release" >"$repository/kernel"
check "bad usage ends a bisection" in_repository status 255 step --no-such x -- cases.ini
check "so does a scenario that is none" in_repository status 255 step -- no-such
# a window that this reboot never passes is refused: neither bad nor good, however often
sed 's/restart/sysrq-b/;s/^break = .*//' "$repository/cases.ini" >"$repository/elsewhere.ini"
check "what cannot be told is tried again, and skipped" \
	in_repository status 125 step --tries 2 -- elsewhere.ini
check "as often as was asked" [ "$(sqlite3 "$results/bisect/crashlab.db" 'SELECT count(*) FROM run')" -eq \
	$((runs + 2)) ]

# ---- autopkgtest ----
if command -v autopkgtest >/dev/null; then
	check "autopkgtest runs the example" status 0 autopkgtest --no-built-binaries \
		--env="CRASHLAB=$top" --env="KERNEL=$release" --env='ARGS=--case svm-smoke' \
		--output-dir="$results/autopkgtest" examples/autopkgtest -- null
	check "and has its JUnit report" grep -q '<testcase' "$results/autopkgtest/artifacts/junit.xml"
	check "its KTAP" grep -q '^KTAP version 1' "$results/autopkgtest/artifacts/results.ktap"
	check "its page" grep -q '</html>' "$results/autopkgtest/artifacts/report.html"
	cat "$results/autopkgtest/log" >&2
else
	skip "autopkgtest runs the example" "no autopkgtest"
fi

plan
