// SPDX-License-Identifier: GPL-2.0-only
/* What a VMCS region says, by its format: every branch of vmcs12's rule, and of a calibration's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_intel.h"

#define expect_vmcs12(state, strength, reason)                       \
	do {                                                         \
		collect();                                           \
		expect_fact("vmcs-vmcs12", state, strength, reason); \
	} while (0)

static void collect(void)
{
	report_deinit(&report);
	ok(report_collect(&kernel, &calibrations, &report));
	ok(verdict_judge(&report, false));
}

/* ---- vmcs12 ---- */

static void make_vmcs12(void)
{
	static const uint16_t fields[][3] = {
		/* vmcs12, loaded_vmcs, bytes */
		{592, 64, 8},  {600, 72, 8},  {616, 80, 8},  {608, 88, 8},  {664, 96, 8},
		{780, 128, 4}, {768, 132, 4}, {744, 136, 4}, {748, 140, 4}, {804, 144, 4},
	};

	put(region_place(0, 0), 0x11e57ed0, 4);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		put(region_place(0, 0) + fields[i][0], 0x1000 + i, fields[i][2]);
		put(loaded_place(0, 0) + fields[i][1], 0x1000 + i, fields[i][2]);
	}
}

static void test_vmcs12_launch_state(void **state)
{
	(void)state;
	make_vmcs12();
	put(region_place(0, 0) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x40000 of CPU 0 is active (direct, vmcs-vmcs12)");
	put(region_place(0, 0) + 8, 2, 4);
	expect(true, VERDICT_INCONCLUSIVE, "launch_state 2 is neither 0 nor 1");
}

static void test_vmcs12_never_written_back(void **state)
{
	(void)state;
	put(region_place(0, 0), 0x11e57ed0, 4);
	expect_vmcs12(STATE_ON, STRENGTH_DIRECT, "never written back");
	expect(false, VERDICT_FAIL, "VMCS 0x40000 of CPU 0 is active (direct, vmcs-vmcs12)");
	put(loaded_place(0, 0) + 20, 0, 1); /* not launched: nothing may have been written into it */
	expect_vmcs12(STATE_ON, STRENGTH_INFERRED, "never written back");
	expect(false, VERDICT_INCONCLUSIVE, "VMCS 0x40000");
	expect(true, VERDICT_INCONCLUSIVE, "contradict"); /* the chain says that it was cleared */
}

static void test_vmcs12_fields(void **state)
{
	(void)state;
	make_vmcs12();
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (vmcs-vmcs12, emergency-chain)");
	expect(true, VERDICT_PASS, "rests on inference for 1 of 4");
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote them");
	put(loaded_place(0, 0) + 64, 0x9999, 8);
	expect(true, VERDICT_INCONCLUSIVE, "host_state.cr3 is not as KVM last wrote it");
	put(loaded_place(0, 0) + 72, 0x9999, 8);
	expect_vmcs12(STATE_ON, STRENGTH_INFERRED, "2 fields, host_state.cr4 among them");
	/* All of them are compared: any two will do. */
	put(loaded_place(0, 0) + 64, 0x1000, 8);
	put(loaded_place(0, 0) + 72, 0x1001, 8);
	put(loaded_place(0, 0) + 140, 0x9999, 4);
	put(loaded_place(0, 0) + 144, 0x9999, 4);
	expect_vmcs12(STATE_ON, STRENGTH_INFERRED, "2 fields, controls_shadow.secondary_exec");
}

static void test_vmcs12_without_a_record(void **state)
{
	(void)state;
	/* On no list: current_vmcs alone leads to it. */
	make_vmcs12();
	list_set(0, LIST);
	expect_vmcs12(STATE_UNKNOWN, STRENGTH_INFERRED, "no record to compare");
	/* A shadow VMCS has no host state of its own. */
	list_vmcs(0, 0);
	put(loaded_place(0, 0), FAKE_BASE + region_place(0, 1), 8);
	put(region_place(0, 1), 0x2b, 4);
	put(loaded_place(0, 0) + 8, FAKE_BASE + region_place(0, 0), 8);
	expect_vmcs12(STATE_UNKNOWN, STRENGTH_INFERRED, "no record to compare");
}

static void test_vmcs12_record_unreadable(void **state)
{
	(void)state;
	static const struct fake_member without[] = {
		{"cpuinfo_x86", "x86_vendor_id", 16, 16},
		{"tlb_state", "cr4", 24, 8},
		{"loaded_vmcs", "vmcs", 0, 8},
		{"loaded_vmcs", "shadow_vmcs", 8, 8},
		{"loaded_vmcs", "cpu", 16, 4},
		{"loaded_vmcs", "launched", 20, 1},
		{"loaded_vmcs", "loaded_vmcss_on_cpu_link", 32, 16},
		{},
	};

	make_vmcs12();
	kernel.members = without;
	expect(true, VERDICT_INCONCLUSIVE,
	       "cannot be read: struct loaded_vmcs has no member host_state.cr3");
}

static void test_vmcs12_loaded_nowhere(void **state)
{
	(void)state;
	put(VM_LIST, FAKE_BASE + KVM, 8);
	put(KVM, FAKE_BASE + VM_LIST, 8);
	put(KVM + 16, 1, 4);
	put(KVM + 32 + 8, FAKE_BASE + VCPU, 8);
	put(VCPU + 64, FAKE_BASE + region_place(0, 2), 8);
	put(VCPU + 64 + 16, UINT32_MAX, 4);
	put(region_place(0, 2), 0x11e57ed0, 4);
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "KVM has it loaded on no CPU");
	put(region_place(0, 2) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x42000 of CPU 0 is active");
}

static void set_exit(uint32_t reason, uint32_t intr_info)
{
	put(region_place(0, 0) + 812, reason, 4);
	put(region_place(0, 0) + 816, intr_info, 4);
}

/* The guest's last exit is in memory, and was one after which only the emergency path ran. */
static void test_vmcs12_reboot_ipi(void **state)
{
	(void)state;
	make_vmcs12();
	set_exit(1, 0x800000f8);
	expect_vmcs12(STATE_OFF, STRENGTH_DIRECT, "by the reboot IPI, whose handler");
	expect(false, VERDICT_PASS, "none of 2 VMCSs is active");
	for (const uint32_t *other = (const uint32_t[]){0x800000fd, 0xf8, 0x800006f8, 0}; *other;
	     other++) {
		set_exit(1, *other);
		expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	}
	set_exit(0, 0x800000f8);
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	set_exit(1, 0x800000f8);
	put(region_place(0, 0) + 8, 1, 4); /* launched again, whatever the exit was */
	expect(false, VERDICT_FAIL, "VMCS 0x40000 of CPU 0 is active");
}

static void count_nmis(unsigned cpu, unsigned count)
{
	fake_symbol(&kernel, "irq_stat", FAKE_BASE + IRQ_STAT);
	put(IRQ_STAT + cpu * FAKE_PERCPU + 4, count, 4);
}

static void test_vmcs12_shootdown_nmi(void **state)
{
	(void)state;
	make_vmcs12();
	set_exit(0, 0x80000202);
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are"); /* how many is not known */
	count_nmis(0, 1);
	expect_vmcs12(STATE_OFF, STRENGTH_DIRECT, "an NMI, and the kernel took none but");
	expect(false, VERDICT_PASS, "none of 2 VMCSs is active");
	count_nmis(1, 1); /* one too many: it may have been that one */
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	count_nmis(1, 0);
	variable("waiting_for_crash_ipi", 2, 1);
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	variable("waiting_for_crash_ipi", 2, 0);
	variable("crash_ipi_issued", 1, 0);
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	variable("crash_ipi_issued", 1, 1);
	set_exit(0, 0x8000030e); /* a page fault */
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
}

/* CPU 0 has another VMCS as its current one. */
static void make_displaced(void)
{
	make_vmcs12();
	make_vmcs(0, 1, true, 0);
	put(loaded_place(0, 0) + 32, FAKE_BASE + loaded_place(0, 1) + 32, 8);
	put(loaded_place(0, 1) + 32, FAKE_BASE + LIST, 8);
	put(CURRENT, FAKE_BASE + region_place(0, 1), 8);
}

static void test_vmcs12_displaced(void **state)
{
	(void)state;
	make_displaced();
	expect_vmcs12(STATE_OFF, STRENGTH_DIRECT, "another VMCS took its place since");
	expect(false, VERDICT_PASS, "none of 3 VMCSs is active");
	put(loaded_place(0, 0) + 72, 0x9999, 8); /* no need of them then */
	put(loaded_place(0, 0) + 80, 0x9999, 8);
	expect_vmcs12(STATE_OFF, STRENGTH_DIRECT, "another VMCS took its place since");
}

static void test_vmcs12_displaced_doubts(void **state)
{
	(void)state;
	make_displaced();
	put(CURRENT, 0, 8); /* cleared, not displaced */
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	put(CURRENT, FAKE_BASE + region_place(0, 1), 8);
	put(loaded_place(0, 0) + 20, 0, 1); /* not launched */
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	put(loaded_place(0, 0) + 20, 1, 1);
	put(ENABLED, 0, 1); /* VMPTRLD may have been one that does nothing */
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	put(ENABLED, 1, 1);
	kernel.stacks[0][1] = "vmx_vcpu_load_vmcs+0x1/0x9"; /* it may not have come to it yet */
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	kernel.stacks[0][1] = NULL;
	kernel.guessed = true;
	kernel.stacks[0][1] = "kvm_vcpu_ioctl+0x1/0x9";
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	kernel.guessed = false;
	kernel.stack_end = "stack page not in the dump";
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
	kernel.stack_end = "user mode";
	fake_forget(&kernel, "virtualization_enabled"); /* before 6.3 nothing tells */
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "its fields are as KVM last wrote");
}

/* After kvm_shutdown() records change and the VMCS does not: no sign of staleness then. */
static void test_vmcs12_phantom(void **state)
{
	(void)state;
	make_vmcs12();
	put(loaded_place(0, 0) + 80, 0x9999, 8);
	put(loaded_place(0, 0) + 88, 0x9999, 8);
	put(loaded_place(0, 0) + 20, 0, 1);
	expect_vmcs12(STATE_ON, STRENGTH_INFERRED, "2 fields");
	put(ENABLED, 0, 1);
	expect_vmcs12(STATE_OFF, STRENGTH_INFERRED, "a phantom entry");
	put(loaded_place(0, 0) + 20, 1,
	    1); /* launched, and not cleared when KVM left: no phantom */
	expect_vmcs12(STATE_ON, STRENGTH_INFERRED, "2 fields");
	put(loaded_place(0, 0) + 20, 0, 1);
	put(region_place(0, 0) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "VMCS 0x40000 of CPU 0 is active");
}

/* ---- a calibrated CPU ---- */

#define SILICON 0x12
#define HOST_RIP 0xffffffffc0001234

/* The state is a byte at 0x200: 0x4? clear, 0x8? launched; the fields lie at 0x300. */
static const char good[] =
	"{'schema':'crashlab-calibration/1','cpu':{'vendor':'GenuineIntel','family':6,'model':85,"
	"'stepping':7,'microcode':'0x500002c'},'revision':'0x12','launch_state':{'offset':512,"
	"'width':1,'mask':'0xf0','clear':'0x40','launched':'0x80','written':'at-launch'},'fields':"
	"{'host_rip':768,'host_gs_base':776,'host_cr4':784,'host_cr3':792,'link_pointer':800}}";

/** Read @text, in which ' stands for ", with @from replaced by @to (NULL: as it is). */
static struct error *calibrate(const char *from, const char *to)
{
	char text[2048], *at;

	strcpy(text, good);
	if (from) {
		at = strstr(text, from);
		assert_non_null(at);
		memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
		memcpy(at, to, strlen(to));
	}
	for (at = text; *at; at++) {
		if (*at == '\'')
			*at = '"';
	}
	calibrations_deinit(&calibrations);
	return calibrations_add(&calibrations, "cal", text);
}

static void make_silicon(unsigned cpu, uint8_t launch_state)
{
	uint64_t region = region_place(cpu, 0);

	put(region, SILICON, 4);
	put(region + 8, 0x77777777, 4); /* nothing of Bochs' */
	put(region + 512, launch_state, 1);
	put(region + 768, HOST_RIP, 8);
	put(region + 776, FAKE_PERCPU, 8); /* that of CPU 1 */
	put(region + 784, 0x3726f0, 8);
	put(region + 792, 0x123456000, 8);
	put(region + 800, UINT64_MAX, 8);
}

static int silicon(void **state)
{
	healthy(state);
	put(BOOT_CPU_DATA, 6 | 85 << 8 | 7 << 16, 4);
	put(BOOT_CPU_DATA + 4, 0x500002c, 4);
	fake_symbol(&kernel, "vmx_vmexit", HOST_RIP);
	make_silicon(0, 0x41);
	make_silicon(1, 0x4f);
	ok(calibrate(NULL, NULL));
	return 0;
}

static void test_calibrated(void **state)
{
	(void)state;
	expect(false, VERDICT_PASS, "none of 2 VMCSs is active");
	assert_string_equal(report.cpus[0].vmcs[0].format, "calibrated");
	assert_string_equal(report.cpus[0].vmcs[0].finding.by, "vmcs-calibrated");
	put(region_place(1, 0) + 512, 0x8f, 1);
	expect(false, VERDICT_FAIL, "VMCS 0x44000 of CPU 1 is active (direct, vmcs-calibrated)");
	put(region_place(1, 0) + 512, 0xcf, 1);
	expect(true, VERDICT_INCONCLUSIVE, "is 0xc0, neither clear nor launched");
	calibrations_deinit(&calibrations); /* without one, only the chain speaks */
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (emergency-chain)");
}

/* Each of these makes it an inference, either way; none makes FAIL of PASS or PASS of FAIL. */
static void test_calibrated_doubts(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *why;
	} doubts[] = {
		{"'model':85", "'model':86", "another CPU model or microcode"},
		{"0x500002c", "0x500002d", "another CPU model or microcode"},
		{"'stepping':7", "'stepping':6", "another CPU model or microcode"},
		{"GenuineIntel", "CentaurHauls", "another CPU model or microcode"},
		{"'host_rip':768,'host_gs_base':776,", "", "no field shows that the layout"},
	};

	for (size_t i = 0; i < sizeof(doubts) / sizeof(*doubts); i++) {
		put(region_place(0, 0) + 512, 0x40, 1);
		ok(calibrate(doubts[i].from, doubts[i].to));
		expect(false, VERDICT_INCONCLUSIVE, "only inferred (vmcs-calibrated");
		expect_fact("vmcs-calibrated", STATE_OFF, STRENGTH_INFERRED, doubts[i].why);
		put(region_place(0, 0) + 512, 0x80, 1);
		expect(false, VERDICT_INCONCLUSIVE, "");
		expect_fact("vmcs-calibrated", STATE_ON, STRENGTH_INFERRED, doubts[i].why);
	}
}

/* Where the CPU keeps the launch to itself, "clear" in memory may be old; "launched" is not. */
static void test_calibrated_written_later(void **state)
{
	(void)state;
	ok(calibrate("at-launch", "later"));
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (vmcs-calibrated, emergency-chain)");
	expect(true, VERDICT_PASS, "inference for 2 of 4");
	put(region_place(0, 0) + 512, 0x80, 1);
	expect(false, VERDICT_FAIL, "VMCS 0x40000 of CPU 0 is active (direct, vmcs-calibrated)");
}

static void test_calibrated_never_launched(void **state)
{
	(void)state;
	put(loaded_place(0, 0) + 20, 0, 1);
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (vmcs-calibrated");
	put(ENABLED, 0, 1); /* a phantom */
	expect(false, VERDICT_PASS, "");
}

/* A layout that the dump contradicts says nothing, whatever its launch state would be. */
static void test_calibration_that_does_not_fit(void **state)
{
	(void)state;
	static const struct {
		unsigned offset;
		uint64_t value;
		const char *field;
	} wrong[] = {
		{768, HOST_RIP + 1, "host_rip"}, {776, 0x77, "host_gs_base"},
		{784, 0x3706f0, "host_cr4"},     {792, 1ull << 60, "host_cr3"},
		{800, 0x1001, "link_pointer"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		make_silicon(0, 0x80);
		put(region_place(0, 0) + wrong[i].offset, wrong[i].value, 8);
		expect(true, VERDICT_INCONCLUSIVE, "cal does not fit");
		assert_true(says(&report.reasons, wrong[i].field));
		put(region_place(0, 0) + 512, 0x40, 1);
		expect(true, VERDICT_INCONCLUSIVE, "cal does not fit");
	}
}

static void test_calibrated_never_written_back(void **state)
{
	(void)state;
	for (unsigned offset = 768; offset <= 800; offset += 8)
		put(region_place(0, 0) + offset, 0, 8);
	expect(true, VERDICT_INCONCLUSIVE, "it may be in the CPU alone");
	put(region_place(0, 0) + 512, 0x80, 1);
	expect(false, VERDICT_INCONCLUSIVE, "");
	expect_fact("vmcs-calibrated", STATE_ON, STRENGTH_INFERRED, "no field shows");
}

/* Of another revision it is not used, and that is said. */
static void test_calibration_of_another_revision(void **state)
{
	(void)state;
	ok(calibrate("0x12", "0x13"));
	expect(false, VERDICT_INCONCLUSIVE, "only inferred (emergency-chain)");
	assert_true(says(&report.notes,
			 "cal: not used, no VMCS that the kernel knows has its revision 0x13"));
	ok(calibrate(NULL, NULL));
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.notes.count, 0);
}

/* A format that is built in speaks as well; a calibration that contradicts it is no way to PASS. */
static void test_calibration_against_a_format(void **state)
{
	(void)state;
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		put(region_place(cpu, 0), 0x2b, 4);
		put(region_place(cpu, 0) + 8, 0, 4);
	}
	ok(calibrate("0x12", "0x2b"));
	expect(false, VERDICT_PASS, "");
	assert_string_equal(report.cpus[0].vmcs[0].finding.by, "vmcs-bochs, vmcs-calibrated");
	put(region_place(0, 0) + 8, 1, 4);
	expect(false, VERDICT_FAIL, "contradicts itself");
	assert_true(says(&report.conflicts, "vmcs-bochs says active"));
	assert_true(says(&report.conflicts, "vmcs-calibrated says clear"));
	put(region_place(0, 0) + 8, 0, 4);
	put(region_place(0, 0) + 512, 0x80, 1);
	expect(false, VERDICT_FAIL, "contradicts itself");
}

static void test_bad_calibrations(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *why;
	} bad[] = {
		{"calibration/1", "calibration/2", "is not crashlab-calibration/1"},
		{"'cpu'", "'CPU'", "\"cpu\" is missing"},
		{"GenuineIntel", "GenuineIntelGenuineIntel", "\"vendor\""},
		{"'family':6", "'family':-6", "\"family\""},
		{"'0x500002c'", "'0x100000000'", "\"microcode\""},
		{"'revision':'0x12'", "'revision':'0x0'", "\"revision\""},
		{"'revision':'0x12'", "'revision':'0x80000012'", "\"revision\""},
		{"'offset':512", "'offset':4", "\"offset\""},
		{"'offset':512", "'offset':4096", "\"offset\""},
		{"'width':1", "'width':3", "\"width\""},
		{"'0xf0'", "'0x1f0'", "\"mask\""},
		{"'0x80'", "'0x40'", "two values under"},
		{"'0x80'", "'0x08'", "two values under"},
		{"at-launch", "soon", "\"written\""},
		{"'host_rip':768", "'host_rip':4090", "\"host_rip\""},
		{"'host_rip':768", "'host_rip':'0x300'", "\"host_rip\""},
		{"'fields':{", "'fields':[{", "not JSON"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error *err = calibrate(bad[i].from, bad[i].to);

		if (!err || !strstr(err->message, bad[i].why))
			fail_msg("%s: %s", bad[i].to, err ? err->message : "taken");
		error_free(err);
		assert_int_equal(calibrations.count, 0);
	}
	ok(calibrate(NULL, NULL));
	_cleanup_free_ char *again = strdup(good);

	for (char *c = again; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	struct error *err = calibrations_add(&calibrations, "cal", again);

	assert_non_null(strstr(err->message, "0x12 was calibrated before"));
	error_free(err);
}

/* ---- VMXON regions ---- */

static void test_vmxon_regions(void **state)
{
	(void)state;
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		put(VMXAREA + cpu * FAKE_PERCPU, FAKE_BASE + region_place(cpu, 3), 8);
		put(region_place(cpu, 3), 0x2b, 4);
	}
	expect(false, VERDICT_PASS, "");
	assert_false(report.cpus[0].vmxon.known);
	fake_symbol(&kernel, "vmxarea", FAKE_BASE + VMXAREA);
	variable("vmcs_config", 5, 0x00da10000000002b);
	expect(false, VERDICT_PASS, "");
	assert_true(report.cpus[1].vmxon.known && report.cpus[1].vmxon.readable);
	assert_int_equal(report.cpus[1].vmxon.physical, region_place(1, 3));
	assert_false(report.cpus[1].vmxon.wrong);
	assert_int_equal(report.notes.count, 0);
	put(region_place(1, 3), 0x2c, 4);
	expect(false, VERDICT_PASS, ""); /* it decides nothing */
	assert_true(report.cpus[1].vmxon.wrong && !report.cpus[0].vmxon.wrong);
	assert_true(says(&report.notes, "of CPU 1 has revision 0x2c where the CPU wants 0x2b"));
	kernel.missing = FAKE_BASE + region_place(0, 3);
	expect(false, VERDICT_PASS, "");
	assert_true(report.cpus[0].vmxon.known && !report.cpus[0].vmxon.readable);
	fake_forget(&kernel, "vmxarea");
	fake_symbol(&kernel, "root_vmcs", FAKE_BASE + VMXAREA); /* 7.x */
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.cpus[1].vmxon.physical, region_place(1, 3));
}

#define intel_test(name) cmocka_unit_test_setup_teardown(name, healthy, done)
#define silicon_test(name) cmocka_unit_test_setup_teardown(name, silicon, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		intel_test(test_vmcs12_launch_state),
		intel_test(test_vmcs12_never_written_back),
		intel_test(test_vmcs12_fields),
		intel_test(test_vmcs12_without_a_record),
		intel_test(test_vmcs12_record_unreadable),
		intel_test(test_vmcs12_loaded_nowhere),
		intel_test(test_vmcs12_reboot_ipi),
		intel_test(test_vmcs12_shootdown_nmi),
		intel_test(test_vmcs12_displaced),
		intel_test(test_vmcs12_displaced_doubts),
		intel_test(test_vmcs12_phantom),
		silicon_test(test_calibrated),
		silicon_test(test_calibrated_doubts),
		silicon_test(test_calibrated_written_later),
		silicon_test(test_calibrated_never_launched),
		silicon_test(test_calibration_that_does_not_fit),
		silicon_test(test_calibrated_never_written_back),
		silicon_test(test_calibration_of_another_revision),
		silicon_test(test_calibration_against_a_format),
		silicon_test(test_bad_calibrations),
		intel_test(test_vmxon_regions),
	};

	return cmocka_run_group_tests_name("vmcs-formats", tests, NULL, NULL);
}
