// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only: breaks the emergency path on one CPU, so that the analyzer has something real to find.
 *
 *   mode=vmx-on       CPU @cpu does not run VMX's emergency disable: VMX stays on, its VMCSs active
 *   mode=svm-on       the same for SVM: EFER.SVME stays set
 *   mode=vmcs-active  CPU @cpu finds its list of loaded VMCSs empty: VMXOFF without VMCLEAR
 *
 * The kernel's own functions do all the rest; nothing is faked in the dump. It hooks them by
 * ftrace, not by a kprobe: the CPU may be held in crashtrigger's kprobe when the NMI comes, and a
 * kprobe inside a kprobe's handler is not run (kprobe_ftrace_handler(),
 * arch/x86/kernel/kprobes/ftrace.c).
 */
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/string.h>

#ifndef ftrace_regs_set_instruction_pointer /* before 6.2 */
#define ftrace_regs_set_instruction_pointer ftrace_instruction_pointer_set
#endif

static char *mode = "";
module_param(mode, charp, 0);
MODULE_PARM_DESC(mode, "vmx-on, svm-on or vmcs-active");

static int cpu = -1;
module_param(cpu, int, 0);
MODULE_PARM_DESC(cpu, "the CPU to break");

static struct list_head __percpu *list;

/* Entered in place of the hooked function. */
static notrace void do_nothing(void)
{
}

static notrace void skip_function(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				  struct ftrace_regs *regs)
{
	if (raw_smp_processor_id() == cpu)
		ftrace_regs_set_instruction_pointer(regs, (unsigned long)do_nothing);
}

static notrace void forget_loaded_vmcss(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	if (raw_smp_processor_id() == cpu)
		INIT_LIST_HEAD(per_cpu_ptr(list, cpu));
}

/* vmx_emergency_disable_virtualization_cpu: 6.12; vmx_emergency_disable: 6.6, and 6.1.y since .149
 */
static const struct {
	const char *mode;
	ftrace_func_t hook;
	const char *symbols[3];
} breakages[] = {
	{"vmx-on",
	 skip_function,
	 {"vmx_emergency_disable_virtualization_cpu", "vmx_emergency_disable"}},
	{"svm-on",
	 skip_function,
	 {"svm_emergency_disable_virtualization_cpu", "svm_emergency_disable"}},
	{"vmcs-active",
	 forget_loaded_vmcss,
	 {"vmx_emergency_disable_virtualization_cpu", "vmx_emergency_disable"}},
};

static struct ftrace_ops ops = {
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

static int hook_first_of(const char *const *symbols)
{
	char name[KSYM_NAME_LEN];

	for (; *symbols; symbols++) {
		strscpy(name, *symbols, sizeof(name));
		if (!ftrace_set_filter(&ops, name, strlen(name), 1))
			return register_ftrace_function(&ops);
	}
	return -ENOENT;
}

/*
 * kallsyms_lookup_name() is not exported; a probe finds where it is. (Reading /proc/kallsyms in
 * user space takes half a minute under Bochs.)
 */
static int __init find_list(void)
{
	struct kprobe finder = {.symbol_name = "kallsyms_lookup_name"};
	unsigned long (*lookup)(const char *name);
	int err = register_kprobe(&finder);

	if (err)
		return err;
	lookup = (void *)finder.addr;
	unregister_kprobe(&finder);
	list = (struct list_head __percpu __force *)lookup("kvm_intel:loaded_vmcss_on_cpu");
	return list ? 0 : -ENOENT;
}

static int __init crashlab_break_init(void)
{
	int i, err;

	if (cpu < 0)
		return -EINVAL;
	err = strcmp(mode, "vmcs-active") ? 0 : find_list();
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(breakages); i++) {
		if (strcmp(mode, breakages[i].mode))
			continue;
		ops.func = breakages[i].hook;
		return hook_first_of(breakages[i].symbols);
	}
	return -EINVAL;
}

static void __exit crashlab_break_exit(void)
{
	unregister_ftrace_function(&ops);
}

module_init(crashlab_break_init);
module_exit(crashlab_break_exit);
MODULE_DESCRIPTION("crashlab: break the emergency path on purpose");
MODULE_LICENSE("GPL");
