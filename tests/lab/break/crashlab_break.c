// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only: breaks the emergency path on one CPU, so that the analyzer has something real to find.
 *
 *   mode=vmx-on       CPU @cpu does not run VMX's emergency disable: VMX stays on, its VMCSs active
 *   mode=svm-on       the same for SVM: EFER.SVME stays set
 *   mode=vmcs-active  CPU @cpu finds its list of loaded VMCSs empty: VMXOFF without VMCLEAR
 *
 * The kernel's own functions do all the rest; nothing is faked in the dump.
 */
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/percpu.h>

static char *mode = "";
module_param(mode, charp, 0);
MODULE_PARM_DESC(mode, "vmx-on, svm-on or vmcs-active");

static int cpu = -1;
module_param(cpu, int, 0);
MODULE_PARM_DESC(cpu, "the CPU to break");

static unsigned long list;
module_param(list, ulong, 0);
MODULE_PARM_DESC(list, "per-cpu address of loaded_vmcss_on_cpu, for vmcs-active");

/* Leave the probed function before its first instruction. */
static int skip_function(struct kprobe *p, struct pt_regs *regs)
{
	if (raw_smp_processor_id() != cpu)
		return 0;
	regs->ip = *(unsigned long *)regs->sp;
	regs->sp += sizeof(unsigned long);
	return 1;
}

static int forget_loaded_vmcss(struct kprobe *p, struct pt_regs *regs)
{
	if (raw_smp_processor_id() == cpu)
		INIT_LIST_HEAD(per_cpu_ptr((struct list_head __percpu __force *)list, cpu));
	return 0;
}

/* vmx_emergency_disable_virtualization_cpu: 6.12; vmx_emergency_disable: 6.6, and 6.1.y since .149 */
static const struct {
	const char *mode;
	kprobe_pre_handler_t handler;
	const char *symbols[3];
} breakages[] = {
	{"vmx-on", skip_function,
	 {"vmx_emergency_disable_virtualization_cpu", "vmx_emergency_disable"}},
	{"svm-on", skip_function,
	 {"svm_emergency_disable_virtualization_cpu", "svm_emergency_disable"}},
	{"vmcs-active", forget_loaded_vmcss,
	 {"vmx_emergency_disable_virtualization_cpu", "vmx_emergency_disable"}},
};

static struct kprobe probe;

static int __init crashlab_break_init(void)
{
	int i, j;

	if (cpu < 0 || (!strcmp(mode, "vmcs-active") && !list))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(breakages); i++) {
		if (strcmp(mode, breakages[i].mode))
			continue;
		for (j = 0; breakages[i].symbols[j]; j++) {
			memset(&probe, 0, sizeof(probe));
			probe.symbol_name = breakages[i].symbols[j];
			probe.pre_handler = breakages[i].handler;
			if (!register_kprobe(&probe))
				return 0;
		}
		return -ENOENT;
	}
	return -EINVAL;
}

static void __exit crashlab_break_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(crashlab_break_init);
module_exit(crashlab_break_exit);
MODULE_DESCRIPTION("crashlab: break the emergency path on purpose");
MODULE_LICENSE("GPL");
