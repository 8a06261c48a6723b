// SPDX-License-Identifier: GPL-2.0-only
/*
 * The structures of Debian's kvm_intel 5.10.0-46 as far as the search for VMCSs needs them, where
 * its debug package has them (linux-image-5.10.0-46-amd64-dbg): compiled with -g this stands for
 * that package's kvm-intel.ko, which is 10 MB.
 */
struct list_head {
	struct list_head *next, *prev;
};

struct vmcs;

struct loaded_vmcs {
	struct vmcs *vmcs, *shadow_vmcs;
	int cpu;
	_Bool launched;
	char pad1[35];
	struct list_head loaded_vmcss_on_cpu_link;
	char pad2[80];
} an_l;

struct kvm_vcpu {
	char pad1[32];
	int cpu;
	char pad2[10220];
} a_v;

struct kvm {
	char pad1[64];
	struct kvm_vcpu *vcpus[288];
	struct {
		int counter;
	} online_vcpus;
	char pad2[12];
	struct list_head vm_list;
} a_k;

struct vcpu_vmx {
	struct kvm_vcpu vcpu;
	struct loaded_vmcs vmcs01;
	char pad1[984];
	struct {
		char pad2[64];
		struct loaded_vmcs vmcs02;
	} nested;
} an_x;
