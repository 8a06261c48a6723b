#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Whatever a kernel comes as: packages, one or several, a directory. The files are a real kernel's, of
# which the packages are made here. (tests/lab/kernels.sh has those from apt, and a build tree.)
# shellcheck source=tests/kernels.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/kernels.sh
kernels_start
crashlab=build/bin/crashlab

# is_kernel NAME: it has all parts, and none of them outside
is_kernel()
{
	at=$CRASHLAB_BUILD/kernels/$1
	[ -s "$at/boot/vmlinuz-$release" ] && [ -s "$at/boot/config-$release" ] &&
		[ -s "$at/lib/modules/$release/modules.dep" ] && [ -s "$at/hash" ] &&
		grep -q kvm-amd "$at/lib/modules/$release/modules.dep"
}

# named NAME: made of the release and of a hash
named()
{
	echo "$1" | grep -q -x -E "$(printf '%s' "$release" | sed 's/[.+]/[&]/g')\.[0-9a-f]{8}"
}

make_directory "$work/dir"

# ---- a directory ----
name=$(fetch "$work/dir")
check "a directory with boot/ and lib/modules/" is_kernel "$name"
check "is named by its release and its hash" named "$name"
check "and has all that the lab needs" [ -z "$(scripts/kernel-needs.sh "$name")" ]
check "the same again is the same kernel" [ "$(fetch "$work/dir")" = "$name" ]
check "a kernel is known by that name" [ "$(fetch "$name")" = "$name" ]
cp -a "$work/dir/lib/modules/$release" "$work/one.$release"
cp "$work/dir/boot/vmlinuz-$release" "$work/one.$release/vmlinuz"
cp "$work/dir/boot/config-$release" "$work/one.$release/config"
check "a directory like /lib/modules/RELEASE" is_kernel "$(fetch "$work/one.$release")"

# ---- packages ----
make_deb "$work/dir" "$work/mine.deb"
deb=$(fetch "$work/mine.deb")
check "a .deb" is_kernel "$deb"
check "is known by its hash" [ "$(fetch "$work/mine.deb")" = "$deb" ]
if command -v rpmbuild >/dev/null && command -v rpm2archive >/dev/null; then
	# Fedora's way: the kernel lies with its modules, which are in another package
	mkdir -p "$work/core/lib/modules/$release" "$work/modules" "$work/rpms"
	cp "$work/dir/boot/vmlinuz-$release" "$work/core/lib/modules/$release/vmlinuz"
	cp "$work/dir/boot/config-$release" "$work/core/lib/modules/$release/config"
	cp -a "$work/dir/lib" "$work/modules/"
	make_rpm "$work/core" core "$work/rpms/core.rpm"
	make_rpm "$work/modules" modules "$work/rpms/modules.rpm"
	make_rpm "$work/dir" all "$work/all.rpm"
	check "an .rpm" is_kernel "$(fetch "$work/all.rpm")"
	check "a directory of packages" is_kernel "$(fetch "$work/rpms")"
	expect 1 'core.rpm: no modules of .* in it: is a part missing' fetch "$work/rpms/core.rpm"
else
	skip "an .rpm" "no rpmbuild, or no rpm2archive"
fi

# ---- a package with a link out of itself ----
mkdir -p "$work/evil/boot" "$work/evils" "$work/outside"
ln -s "$work/outside" "$work/evil/lib"
make_deb "$work/evil" "$work/evils/a.deb"
cp "$work/mine.deb" "$work/evils/b.deb"
check "a package without a kernel is refused" status 1 fetch "$work/evils/a.deb"
check "and leaves nothing" [ -z "$(find "$CRASHLAB_BUILD/kernels" -name '.new*')" ]
check "its link leads no other package out" is_kernel "$(fetch "$work/evils")"
check "nothing came out" [ -z "$(ls "$work/outside")" ]

# ---- what it lacks ----
cp -al "$work/dir" "$work/less"
config=$work/less/boot/config-$release
sed '/^CONFIG_KVM_INTEL=/d;/^CONFIG_KPROBES=/d;/^CONFIG_DEBUG_INFO_BTF=/d
	s/^CONFIG_CRASH_DUMP=y/# CONFIG_CRASH_DUMP is not set/' "$config" >"$work/config"
echo CONFIG_MODULE_SIG_FORCE=y >>"$work/config"
rm "$config"
cp "$work/config" "$config"
rm "$work/less/lib/modules/$release/kernel/arch/x86/kvm/"kvm-amd.ko*
check "what a kernel lacks is told when it is fetched" \
	says 'no KVM_INTEL: no guests on Intel.s CPUs \(vmx\)' fetch "$work/less"
less=$(fetch "$work/less" 2>/dev/null)
needs()
{
	scripts/kernel-needs.sh "$less"
}
check "no crash dump" says '^any	no CRASH_DUMP: ' needs
check "a module that is not there" says '^svm	no module kvm_amd: ' needs
check "no kprobes" says '^window	no KPROBES: ' needs
check "an option that is in the way" says '^bochs	has MODULE_SIG_FORCE: ' needs
check "no BTF is told to the analysis, too" says '^analysis	no DEBUG_INFO_BTF: ' needs
check "what is there is not told of" status 1 says 'no KVM:|KEXEC' needs
rm "$config"
less=$(fetch "$work/less" 2>/dev/null)
check "without a configuration, that is said" says '^analysis	its configuration is not there' needs
check "and the modules are looked at" says '^svm	no kvm_amd: ' needs
check "but no more is said than that" says '^2$' sh -c "scripts/kernel-needs.sh '$less' | grep -c ."

# ---- what is none ----
expect 1 'no such file or directory' fetch "$work/no-such.deb"
expect 1 'no vmlinuz, no package and no built kernel' fetch "$work/modules/lib/modules/$release/kernel"
cp -al "$work/dir" "$work/two"
older=$(printf '%s' "$release" | tr '0-9' '1-90')
sed "s/$(printf '%s' "$release" | sed 's/[.+]/[&]/g')/$older/" "$work/dir/boot/vmlinuz-$release" >"$work/two/boot/vmlinuz-$older"
expect 1 'has several kernels' fetch "$work/two"
head -c 100000 /dev/urandom >"$work/noise.deb"
expect 1 'noise.deb: cannot be unpacked' fetch "$work/noise.deb"
mkdir "$work/bare"
cp "$work/dir/boot/vmlinuz-$release" "$work/bare/"
expect 1 'no modules of .* in it' fetch "$work/bare"

# ---- the list ----
check "kernels are listed with their hash" says "^[^ ]*${deb##*.} +local +mine.deb +[0-9a-f]{12}" $crashlab kernels --local
check "in JSON, with what they lack" says '"what": ?"no kvm_amd: ' $crashlab kernels --local --json
check "a suite that is none" status 3 $crashlab kernels no-such-suite

plan
