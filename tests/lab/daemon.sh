# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by what needs the libvirt of another host: one of its own, which sees no file of the lab.
# In the top directory, as root: daemon_make, daemon_start, daemon_end. $uri connects to it.

# daemon_lacks: why it cannot be here; nothing when it can
daemon_lacks()
{
	for daemon_needs in libvirtd virsh virt-admin unshare; do
		command -v $daemon_needs >/dev/null || { echo "no $daemon_needs"; return; }
	done
	unshare -m true 2>/dev/null || echo "cannot make a mount namespace"
}

# daemon_make HIDDEN: its host, $host; it will see neither the directory HIDDEN nor this one
daemon_make()
{
	hidden=$1
	host=$(mktemp -d) || exit 1
	uri="qemu+unix:///system?socket=$host/sock/libvirt-sock"
	for daemon_part in etc var run cache sock pool small qemu; do
		mkdir "$host/$daemon_part"
	done
	cat >"$host/libvirtd.conf" <<END
unix_sock_dir = "$host/sock"
auth_unix_rw = "none"
log_outputs = "3:file:$host/libvirtd.log"
END
	# as src/lab/embed.c has it for root
	cat >"$host/etc/qemu.conf" <<END
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
security_driver = "none"
stdio_handler = "file"
END
	printf '#!/bin/sh\nexec "%s/qemu/qemu-system-x86_64" "$@"\n' "$host" >"$host/emulator"
	chmod 755 "$host" "$host/sock" "$host/emulator"
	cat >"$host/enter" <<'END'
# enter HOST HIDDEN: the daemon, in a mount namespace that has what that host has
set -e
for part in etc:/etc/libvirt var:/var/lib/libvirt run:/run/libvirt cache:/var/cache/libvirt; do
	mkdir -p "${part#*:}"
	mount --bind "$1/${part%%:*}" "${part#*:}"
done
mount --bind build/qemu "$1/qemu"
[ ! -d build/qemu/root ] || mount --bind "$1/emulator" /usr/bin/qemu-system-x86_64
mount -t tmpfs tmpfs "$2"
mount -t tmpfs tmpfs "$PWD"
cd /
exec libvirtd -f "$1/libvirtd.conf" -p "$1/pid"
END
}

# daemon_start: its process is $daemon
daemon_start()
{
	unshare -m sh "$host/enter" "$host" "$hidden" >"$host/out" 2>&1 &
	daemon=$!
	daemon_tries=0
	until virsh -q -c "$uri" list >/dev/null 2>&1 || [ $daemon_tries -gt 300 ]; do
		sleep 0.1
		daemon_tries=$((daemon_tries + 1))
	done
	for daemon_pool in pool:default small:small; do
		virsh -q -c "$uri" pool-info "${daemon_pool#*:}" >/dev/null 2>&1 ||
			virsh -q -c "$uri" pool-create-as "${daemon_pool#*:}" dir \
				--target "$host/${daemon_pool%%:*}" >&2
	done
}

# daemon_kill: it has no time to end anything
daemon_kill()
{
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null
}

# daemon_end: and all that it started
daemon_end()
{
	kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
	for daemon_pid in "$host"/run/qemu/*.pid; do
		[ ! -s "$daemon_pid" ] || [ "$(basename "$daemon_pid")" = driver.pid ] ||
			kill -KILL "$(cat "$daemon_pid")" 2>/dev/null
	done
	umount "$host/small" 2>/dev/null
	rm -rf "$host"
}
