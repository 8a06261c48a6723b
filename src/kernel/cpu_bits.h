/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_CPU_BITS_H
#define CRASHLAB_KERNEL_CPU_BITS_H

/* arch/x86/include/uapi/asm/processor-flags.h, msr-index.h; SDM 3A 2.5, APM 2 3.1.7 */
#define X86_CR4_VMXE (1ull << 13)
#define MSR_IA32_VMX_BASIC 0x480
#define MSR_EFER 0xc0000080
#define EFER_SVME (1ull << 12)

#endif
