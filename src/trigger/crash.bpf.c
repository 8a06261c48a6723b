// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts the crash kernel from where it runs: no panic(), nothing printed. An object of its own,
 * because a kernel that does not let it call the function takes none of the object's programs.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/*
 * A destructive kfunc since 6.1, for programs of this type since 6.12 (kernel/bpf/helpers.c,
 * common_btf_ids and generic_btf_ids; register_btf_kfunc_id_set() names the types).
 */
extern void crash_kexec(struct pt_regs *regs) __ksym;

/* The registers for the dump are those of the thread's system call: BPF has none of its own. */
SEC("syscall")
int crash(void *ctx)
{
	crash_kexec((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()));
	return 0;
}
