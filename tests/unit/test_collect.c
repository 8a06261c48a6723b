// SPDX-License-Identifier: GPL-2.0-only
/* From a state of memory to the verdict: what src/virt reads, and what it makes of what is odd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_intel.h"

static void test_healthy(void **state)
{
	(void)state;
	expect(false, VERDICT_PASS, "2 CPUs, and none of 2 VMCSs");
	assert_true(report.cpus[1].panic && !report.cpus[0].panic);
	assert_int_equal(report.cpu_count, 2);
	assert_int_equal(report.cpus[0].vmcs_count, 1);
	assert_true(report.cpus[0].vmcs[0].listed && report.cpus[0].vmcs[0].current);
	assert_string_equal(report.cpus[0].vmcs[0].format, "bochs");
}

static void test_vmx_left_on(void **state)
{
	(void)state;
	set_shadow(0, 0x1726f0);
	expect(false, VERDICT_FAIL, "VMX operation on CPU 0 is ON (direct, cr4-shadow)");
}

static void test_vmcs_left_active(void **state)
{
	(void)state;
	put(region_place(0, 0) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x40000 of CPU 0 is active (direct, vmcs-bochs)");
}

/* Taken off its list by a broken kernel, and not cleared: current_vmcs still names it. */
static void test_active_off_the_list_but_current(void **state)
{
	(void)state;
	list_set(0, LIST);
	put(region_place(0, 0) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x40000 of CPU 0 is active");
}

static void make_vm(unsigned vcpus)
{
	put(VM_LIST, FAKE_BASE + KVM, 8);
	put(KVM, FAKE_BASE + VM_LIST, 8);
	put(KVM + 16, vcpus, 4);
	put(KVM + 32 + 8, FAKE_BASE + VCPU, 8);
}

/* On no list and not current: only its vCPU knows it. */
static void test_active_known_to_its_vcpu_alone(void **state)
{
	(void)state;
	make_vm(1);
	put(VCPU + 64, FAKE_BASE + region_place(0, 2), 8);
	put(VCPU + 64 + 16, 0, 4);
	put(VCPU + 64 + 20, 1, 1);
	put(region_place(0, 2), 0x2b, 4);
	put(region_place(0, 2) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x42000 of CPU 0 is active");
	/* The same, cleared and unloaded in order: nothing to complain about. */
	put(region_place(0, 2) + 8, 0, 4);
	put(VCPU + 64 + 16, UINT32_MAX, 4);
	put(VCPU + 64 + 20, 0, 1);
	expect(false, VERDICT_PASS, "none of 3 VMCSs");
}

static void test_vcpus_in_an_xarray_node(void **state)
{
	(void)state;
	const uint64_t node = KVM + 0x800;

	make_vm(3);
	put(KVM + 32 + 8, FAKE_BASE + node + 2, 8);
	put(node, 0, 1);
	put(node + 40 + 2 * 8, FAKE_BASE + VCPU, 8);
	put(VCPU + 64, FAKE_BASE + region_place(1, 2), 8);
	put(VCPU + 64 + 16, 1, 4);
	put(region_place(1, 2), 0x2b, 4);
	put(region_place(1, 2) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x46000 of CPU 1 is active");
	put(KVM + 32 + 8, FAKE_BASE + node + 2, 8);
	put(node + 40 + 2 * 8, FAKE_BASE + node + 2, 8); /* the node is its own child */
	expect(true, VERDICT_INCONCLUSIVE, "too deep");
}

static void test_missing_pages_are_unknown(void **state)
{
	(void)state;
	static const uint64_t places[] = {
		TLBSTATE, TLBSTATE + 0x1000, LIST,    CURRENT,          LIST + 0x1000,
		LOADED,   LOADED + 0x1000,   REGIONS, REGIONS + 0x4000, VM_LIST};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		kernel.missing = FAKE_BASE + places[i];
		expect(true, VERDICT_INCONCLUSIVE, "page not in dump");
	}
	kernel.missing = FAKE_BASE + VARIABLES; /* direct evidence does not need the chain */
	expect(false, VERDICT_PASS, "");
}

static void test_looping_list(void **state)
{
	(void)state;
	put(loaded_place(0, 0) + 32, FAKE_BASE + loaded_place(0, 0) + 32, 8);
	expect(true, VERDICT_INCONCLUSIVE, "does not end");
	put(loaded_place(0, 0) + 32, 0xdead, 8);
	expect(true, VERDICT_INCONCLUSIVE, "is nowhere");
}

static void test_not_a_vmcs(void **state)
{
	(void)state;
	put(region_place(0, 0), 0, 4);
	expect(true, VERDICT_INCONCLUSIVE, "this is no VMCS");
	put(region_place(0, 0), 0x2b, 4);
	put(region_place(0, 0) + 8, 7, 4);
	expect(true, VERDICT_INCONCLUSIVE, "neither 0 nor 1");
}

/* Loaded again after kvm_shutdown(), when VMPTRLD does nothing: on the list, never launched. */
static void test_phantom_entry(void **state)
{
	(void)state;
	put(loaded_place(0, 0) + 20, 0, 1);
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (vmcs-bochs");
	put(ENABLED, 0, 1);
	expect(false, VERDICT_PASS, "");
	put(region_place(0, 0) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x40000");
}

static void test_unknown_silicon(void **state)
{
	(void)state;
	for (unsigned cpu = 0; cpu < 2; cpu++)
		put(region_place(cpu, 0), 0x12, 4);
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (emergency-chain)");
	expect(true, VERDICT_PASS, "rests on inference for 2 of 4");
	variable("waiting_for_crash_ipi", 2, 1);
	expect(true, VERDICT_INCONCLUSIVE, "VMCS 0x40000 of CPU 0: unknown");
}

static void test_enlightened_vmcs(void **state)
{
	(void)state;
	put(region_place(0, 0), 1, 4);
	expect(true, VERDICT_INCONCLUSIVE, "enlightened");
}

static void test_vmxon_race(void **state)
{
	(void)state;
	set_shadow(0, 0x1726f0);
	kernel.stacks[0][0] = "native_write_cr4+0x5/0x50";
	kernel.stacks[0][1] = "cr4_update_irqsoff+0x30/0x40";
	kernel.stacks[0][2] = "vmx_enable_virtualization_cpu+0x80/0x200 [kvm_intel]";
	expect(false, VERDICT_INCONCLUSIVE, "in all likelihood VMX was never on");
	kernel.stacks[0][2] = "switch_mm_irqs_off+0x80/0x200";
	expect(false, VERDICT_FAIL, "CPU 0 is ON");
	kernel.stacks[0][2] = "vmx_enable_virtualization_cpu+0x80/0x200 [kvm_intel]";
	kernel.guessed = true;
	expect(false, VERDICT_FAIL, "CPU 0 is ON");
}

static void test_vmxoff_race(void **state)
{
	const uint64_t code = 0x3000;

	(void)state;
	set_shadow(0, 0x1726f0);
	kernel.code.start = FAKE_BASE + code;
	kernel.code.place = FAKE_BASE + code + 8;
	kernel.stacks[0][0] = "loop_turn+0x0/0x4a";
	kernel.stacks[0][1] = "@";
	put(code, 0x9090909090909090, 8);
	expect(false, VERDICT_FAIL, "CPU 0 is ON");
	put(code + 5, 0xc4010f, 3); /* the last that was done */
	expect(false, VERDICT_INCONCLUSIVE, "stopped behind VMXOFF");
	kernel.code.place--; /* in the middle of it: not done */
	expect(false, VERDICT_FAIL, "CPU 0 is ON");
	kernel.code.place++;
	kernel.guessed = true;
	expect(false, VERDICT_FAIL, "CPU 0 is ON");
	kernel.guessed = false;
	kernel.code.start = FAKE_BASE + FAKE_SIZE; /* not in the dump */
	kernel.code.place = kernel.code.start + 8;
	expect(false, VERDICT_FAIL, "CPU 0 is ON");
	kernel.code.start = kernel.code.place = 0;
}

static void test_never_started_cpu_is_no_subject(void **state)
{
	(void)state;
	kernel.cpus = 4;
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.cpu_count, 2);
	fake_forget(&kernel, "cpus_booted_once_mask"); /* the CR4 shadow tells it as well */
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.cpu_count, 2);
	set_shadow(2, 0x1726f0);
	expect(false, VERDICT_FAIL, "CPU 2 is ON");
}

static void make_amd(void)
{
	memcpy(kernel.memory + BOOT_CPU_DATA + 16, "AuthenticAMD", 13);
	kernel.module = "kvm_amd";
	fake_symbol(&kernel, "svm_emergency_disable_virtualization_cpu", 0xffffffffc0001000);
}

/* 6.1.y has the callback for VMX only; with SVM the emergency path needs none. */
static void test_svm_without_callback(void **state)
{
	(void)state;
	make_amd();
	fake_forget(&kernel, "svm_emergency_disable_virtualization_cpu");
	variable("cpu_emergency_virt_callback", 0, 0);
	expect(true, VERDICT_PASS, "inference for 2 of 2");
	kernel.note[0] = false;
	expect(true, VERDICT_INCONCLUSIVE, "did not answer");
}

static void test_svm_is_inferred(void **state)
{
	(void)state;
	make_amd();
	expect(false, VERDICT_INCONCLUSIVE, "SVM (EFER.SVME) on CPU 0: off is only inferred");
	expect(true, VERDICT_PASS, "inference for 2 of 2");
	assert_int_equal(report.cpus[0].vmcs_count, 0);
}

static void test_chain_that_broke(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int index;
		uint32_t good, bad;
		const char *reason;
	} breaks[] = {
		{"crash_ipi_issued", 1, 1, 0, "not issued"},
		{"waiting_for_crash_ipi", 2, 0, 1, "waiting_for_crash_ipi is 1"},
		{"waiting_for_crash_ipi", 2, 0, -1, "waiting_for_crash_ipi is -1"},
		{"crashing_cpu", 3, 1, -1, "crashing_cpu is not set"},
		{"crashing_cpu", 3, 1, 0, "the shootdown was CPU 0's, but CPU 1 panicked"},
	};

	make_amd();
	for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++) {
		variable(breaks[i].name, breaks[i].index, breaks[i].bad);
		expect(true, VERDICT_INCONCLUSIVE, breaks[i].reason);
		variable(breaks[i].name, breaks[i].index, breaks[i].good);
	}
	kernel.note[0] = false;
	expect(true, VERDICT_INCONCLUSIVE, "did not answer");
	kernel.note[0] = true;
	kernel.note[1] = false;
	expect(true, VERDICT_INCONCLUSIVE, "did not come to save");
	kernel.note[1] = true;
	kernel.missing = FAKE_BASE + VARIABLES;
	expect(true, VERDICT_INCONCLUSIVE, "cannot be read");
}

static void test_stopped_by_the_reboot(void **state)
{
	(void)state;
	make_amd();
	kernel.online[0] = kernel.note[0] = false;
	expect(true, VERDICT_PASS, "");
	/* Stopped, and took the NMI all the same: its count is not another CPU's. */
	kernel.note[0] = true;
	variable("waiting_for_crash_ipi", 2, -1);
	expect(true, VERDICT_PASS, "");
}

static void test_no_callback(void **state)
{
	(void)state;
	make_amd();
	variable("cpu_emergency_virt_callback", 0, 0);
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (kvm-bookkeeping)");
}

static void test_intel_without_kvm(void **state)
{
	(void)state;
	kernel.module = NULL;
	fake_forget(&kernel, "vmcs_config");
	expect(true, VERDICT_INCONCLUSIVE, "may have further VMCSs"); /* whose callback is it? */
	variable("cpu_emergency_virt_callback", 0, 0);
	expect(false, VERDICT_PASS, "off on all of 2 CPUs");
}

static void test_capture_kernel(void **state)
{
	(void)state;
	kernel.live = true;
	expect(false, VERDICT_PASS, "");
	assert_string_equal(report.cpus[1].finding.by, "cr4-shadow, capture-kernel-booted");
	set_shadow(1, 0x1726f0);
	expect(false, VERDICT_FAIL, "contradicts itself");
	assert_int_equal(report.conflicts.count, 1);
}

static void test_capture_kernel_efer(void **state)
{
	(void)state;
	make_amd();
	kernel.live = true;
	expect(false, VERDICT_INCONCLUSIVE, "only inferred");
	kernel.has_live_efer = true;
	kernel.live_efer = 0xd01;
	expect(false, VERDICT_INCONCLUSIVE, "only inferred");
	assert_string_equal(report.cpus[1].finding.by, "capture-efer");
	assert_int_equal(report.cpus[1].finding.strength, STRENGTH_DIRECT);
	kernel.live_efer = 0x1d01;
	expect(false, VERDICT_FAIL, "SVM (EFER.SVME) on CPU 1 is ON");
}

static void expect_hit(const struct marker *marker, enum hit_state state)
{
	kernel.marker = marker;
	expect(false, VERDICT_PASS, "");
	if (report.hit.state != state)
		fail_msg("%s: %s", hit_name(report.hit.state), report.hit.reason);
}

static void test_hit(void **state)
{
	(void)state;
	struct marker marker = make_marker();

	expect_hit(&marker, HIT_MISSED);
	kernel.stacks[0][1] = "bpf_trampoline+0x5/0x50";
	kernel.stacks[0][2] = "kvm_disable_virtualization_cpu+0x5/0x60 [kvm]";
	expect_hit(&marker, HIT_HIT);
	assert_true(report.has_case && report.cpus[0].reboot && !report.cpus[1].reboot);
	assert_string_equal(report.hit.frame, kernel.stacks[0][2]);
	marker.t_end = 2000;
	expect_hit(&marker, HIT_UNKNOWN);
	marker.t_end = marker.t_hit = 0;
	expect_hit(&marker, HIT_UNKNOWN);
	marker.t_hit = 1000;
	kernel.guessed = true;
	expect_hit(&marker, HIT_UNKNOWN);
	kernel.guessed = false;
	kernel.stacks[0][2] = "kvm_disable_virtualization_cpu_not+0x5/0x60 [kvm]";
	expect_hit(&marker, HIT_MISSED);
	kernel.stack_end = "page not in dump";
	expect_hit(&marker, HIT_UNKNOWN);
	strcpy(marker.window, "none");
	expect_hit(&marker, HIT_NONE);
}

/* A timed strike at a window: no probe in the marker, so the one that would have been taken. */
static void test_hit_without_probe(void **state)
{
	(void)state;
	struct marker marker = make_marker();

	marker.probe[0] = '\0';
	marker.t_hit = 0;
	strcpy(marker.window, "emergency");
	fake_symbol(&kernel, "native_machine_emergency_restart", 0xffffffff81000000);
	kernel.stacks[0][1] = "native_machine_emergency_restart+0x5/0x60";
	expect_hit(&marker, HIT_HIT);
	fake_symbol(&kernel, "vmx_emergency_disable_virtualization_cpu", 0xffffffffc0000000);
	expect_hit(&marker, HIT_MISSED);
	kernel.stacks[0][0] = "vmx_emergency_disable_virtualization_cpu+0x5/0x60 [kvm_intel]";
	expect_hit(&marker, HIT_HIT);
	strcpy(marker.window, "some_function+0x17");
	expect_hit(&marker, HIT_MISSED);
	kernel.stacks[0][0] = "some_function+0x18/0x60";
	expect_hit(&marker, HIT_HIT);
}

/* A dump of an older crashtrigger: what comes after its marker is not the marker's. */
static void test_old_marker(void **state)
{
	(void)state;
	struct marker marker = make_marker();

	kernel.stacks[0][1] = marker.probe;
	marker.version = 1;
	marker.size = MARKER_SIZE_1;
	marker.seed = 7;
	expect_hit(&marker, HIT_HIT);
	assert_int_equal(report.marker.seed, 0);
	marker.size = sizeof(marker);
	expect_hit(&marker, HIT_NONE);
	assert_false(report.has_case);
	marker.version = MARKER_VERSION + 1;
	expect_hit(&marker, HIT_NONE);
	assert_false(report.has_case);
}

static void test_foreign_marker(void **state)
{
	(void)state;
	struct marker marker = make_marker();

	marker.size--;
	expect_hit(&marker, HIT_NONE);
	assert_false(report.has_case);
	marker = make_marker();
	memset(marker.case_id, 'x', sizeof(marker.case_id)); /* does not end */
	expect_hit(&marker, HIT_NONE);
	assert_false(report.has_case);
	marker = make_marker();
	marker.window[0] = '\033';
	expect_hit(&marker, HIT_NONE);
	assert_false(report.has_case);
}

static void test_roles_without_marker(void **state)
{
	(void)state;
	kernel.stacks[0][1] = "kernel_restart+0x5/0x60";
	expect(false, VERDICT_PASS, "");
	assert_string_equal(role_name(&report.cpus[0]), "reboot");
	assert_string_equal(role_name(&report.cpus[1]), "panic");
	variable("panic_cpu", 4, 0);
	variable("crashing_cpu", 3, 0);
	expect(false, VERDICT_PASS, "");
	assert_string_equal(role_name(&report.cpus[0]), "panic+reboot");
}

/* sysrq-b's shootdown sets crashing_cpu, too, and nobody panicked. */
static void test_roles_of_a_restart(void **state)
{
	(void)state;
	variable("panic_cpu", 4, UINT32_MAX);
	expect(true, VERDICT_PASS, "");
	assert_string_equal(role_name(&report.cpus[0]), "bystander");
	assert_string_equal(role_name(&report.cpus[1]), "reboot");
	expect_fact("emergency-chain", STATE_UNKNOWN, STRENGTH_INFERRED,
		    "a restart's, by CPU 1: none panicked");
	fake_forget(&kernel, "panic_cpu"); /* then crashing_cpu is the best guess */
	expect(true, VERDICT_PASS, "");
	assert_string_equal(role_name(&report.cpus[1]), "panic");
}

#define collect_test(name) cmocka_unit_test_setup_teardown(name, healthy, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		collect_test(test_healthy),
		collect_test(test_vmx_left_on),
		collect_test(test_vmcs_left_active),
		collect_test(test_active_off_the_list_but_current),
		collect_test(test_active_known_to_its_vcpu_alone),
		collect_test(test_vcpus_in_an_xarray_node),
		collect_test(test_missing_pages_are_unknown),
		collect_test(test_looping_list),
		collect_test(test_not_a_vmcs),
		collect_test(test_phantom_entry),
		collect_test(test_unknown_silicon),
		collect_test(test_enlightened_vmcs),
		collect_test(test_vmxon_race),
		collect_test(test_vmxoff_race),
		collect_test(test_never_started_cpu_is_no_subject),
		collect_test(test_svm_is_inferred),
		collect_test(test_svm_without_callback),
		collect_test(test_chain_that_broke),
		collect_test(test_stopped_by_the_reboot),
		collect_test(test_no_callback),
		collect_test(test_intel_without_kvm),
		collect_test(test_capture_kernel),
		collect_test(test_capture_kernel_efer),
		collect_test(test_hit),
		collect_test(test_hit_without_probe),
		collect_test(test_old_marker),
		collect_test(test_foreign_marker),
		collect_test(test_roles_without_marker),
		collect_test(test_roles_of_a_restart),
	};

	return cmocka_run_group_tests_name("collect", tests, NULL, NULL);
}
