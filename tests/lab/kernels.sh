#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel from a suite that is not this machine's, and one out of a build tree, which a case is run
# with. The tree is laid out here, of a real kernel's own files: Debian's headers have kbuild, and so
# the `make modules_install` of that kernel; its modules, bzImage and configuration are its package's.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
. tests/kernels.sh
lab_start smoke
work=$(mktemp -d) || exit 1
made=
# shellcheck disable=SC2317 # by the trap
clean()
{
	rm -rf "$work"
	[ -z "$made" ] || rm -rf "build/kernels/$made" "build/images/$made"
}
trap clean EXIT

# ---- apt ----
# elsewhere KERNEL: into a build directory of its own
elsewhere()
{
	CRASHLAB_BUILD=$work/build scripts/fetch-kernel.sh "$@"
}
name=$(elsewhere bullseye-security/5.10)
check "SUITE/VERSION gets the newest of that suite" [ "${name#5.10.0-}" != "$name" ]
check "with its configuration" [ -s "$work/build/kernels/$name/boot/config-$name" ]
check "what is there is not fetched again" \
	status 1 says 'fetching linux-image' elsewhere bullseye-security/5.10
expect 1 "no kernel package for '99.1' in bullseye-security" elsewhere bullseye-security/99.1

# ---- a build tree ----
kernel=$PWD/build/kernels/$release
tree=$work/headers/build
lay_out_tree()
{
	scripts/fetch-kernel.sh --headers "$release" >&2
	cp -a "$kernel/headers" "$work/headers"
	make_directory "$work/dir"
	(cd "$work/dir/lib/modules/$release" && find kernel -name '*.ko*') | while read -r file; do
		out=$tree/${file#kernel/}
		out=${out%.ko*}.ko
		mkdir -p "$(dirname "$out")"
		case $file in
		*.xz) xz -dc "$kernel/lib/modules/$release/$file" >"$out" ;;
		*) cp "$kernel/lib/modules/$release/$file" "$out" ;;
		esac
		echo "${out#"$tree/"}" | sed 's/\.ko$/.o/'
	done >"$work/order"
	mv "$work/order" "$tree/modules.order"
	cp "$kernel/lib/modules/$release/"modules.builtin* "$tree/"
	cp "$kernel/boot/config-$release" "$tree/.config"
	# Debian's key is Debian's alone.
	sed -i '/^CONFIG_MODULE_SIG_ALL=/d' "$tree/include/config/auto.conf"
	mkdir -p "$tree/arch/x86/boot"
	cp -L "$kernel/boot/vmlinuz-$release" "$tree/arch/x86/boot/bzImage"
}
lay_out_tree

run_tree()
{
	build/bin/crashlab run smoke --case svm-smoke --kernel "$tree" --results "$results"
}
check "a case with a kernel out of its build tree is a PASS" status 0 run_tree
need_case svm-smoke
made=$(sed -n 's/.*"kernel": *"\(.*\)",/\1/p' "$(case_of svm-smoke)/outcome.json")
check "its name is the release and a hash" [ "${made%.*}" = "$release" ]
check "the modules are what the tree had" \
	[ "$(find "build/kernels/$made/lib/modules/" -name '*.ko*' | wc -l)" -eq "$(wc -l <"$tree/modules.order")" ]
check "the dump is of that release" grep -q "\"release\": *\"$release\"" "$(case_of svm-smoke)/verdict.json"

# ---- what a kernel lacks ----
mkdir -p "$work/images"
cp -al "build/images/$made" "$work/images/less"
sed -i '$ilacks=svm no KVM_AMD: no guests on AMD'"'"'s CPUs' "$work/images/less/manifest"
run_less()
{
	build/bin/crashlab run smoke --case "$1" --images "$work/images" --kernel less --results "$work/results"
}
check "a case that its kernel cannot run is skipped, and why is said" \
	says 'svm-smoke .*skipped.* no KVM_AMD: no guests' run_less svm-smoke
check "nothing was booted" [ -z "$(find "$work/results" -name console.log)" ]
check "which is no success" status 2 run_less svm-smoke
check "no other case is touched by it" says 'vmx-smoke' build/bin/crashlab run smoke \
	--case vmx-smoke --images "$work/images" --kernel less --results "$work/results" --dry-run

plan
