// SPDX-License-Identifier: GPL-2.0-only
/* --host-regs: the text that QEMU really prints, what the lab adds for Bochs, and garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "virt/host_regs.h"
#include "virt/verdict.h"

/* QEMU 7.2, info registers -a, two vCPUs; general registers and vectors cut down. */
static const char qemu[] =
	"\r\nCPU#0\r\n"
	"RAX=0000000000000000 RBX=ffffffff82a1a040 RCX=0000000000000001 RDX=0000000000000000\r\n"
	"RIP=ffffffff81e9d6cb RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
	"ES =0000 0000000000000000 ffffffff 00c00000\r\n"
	"TR =0040 fffffe0000003000 00004087 00008b00 DPL=0 TSS64-busy\r\n"
	"GDT=     fffffe0000001000 0000007f\r\n"
	"CR0=80050033 CR2=00007f2ba9b3a0c8 CR3=0000000004e10000 CR4=000006f0\r\n"
	"DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000\r\n"
	"DR6=00000000ffff0ff0 DR7=0000000000000400\r\n"
	"EFER=0000000000001d01\r\n"
	"FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\r\n"
	"FPR0=0000000000000000 0000 FPR1=0000000000000000 0000\r\n"
	"XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000\r\n"
	"\r\nCPU#1\r\n"
	"CR0=80050033 CR2=0000000000000000 CR3=000000001a006000 CR4=000026f0\r\n"
	"CCS=0000000000000000 CCD=0000000000000000 CCO=EFLAGS\r\n"
	"EFER=0000000000000d01\r\n";

static void ok(struct error *err)
{
	if (err)
		print_message("%s\n", err->message);
	assert_null(err);
}

static void test_qemu_text(void **state)
{
	(void)state;
	struct host_regs regs;

	ok(host_regs_parse(qemu, &regs));
	assert_int_equal(regs.count, 2);
	assert_int_equal(regs.cpus[0].cpu, 0);
	assert_int_equal(regs.cpus[0].cr4, 0x6f0);
	assert_int_equal(regs.cpus[0].efer, 0x1d01);
	assert_false(regs.cpus[0].has_vmx);
	assert_int_equal(regs.cpus[1].cpu, 1);
	assert_int_equal(regs.cpus[1].cr4, 0x26f0);
	assert_int_equal(regs.cpus[1].efer, 0xd01);
	host_regs_deinit(&regs);
}

static void test_bochs_text(void **state)
{
	(void)state;
	struct host_regs regs;

	ok(host_regs_parse("CPU#0\nCR4=1706f0\nVMX=0\nCPU#3 CR4=1726f0 VMX=1", &regs));
	assert_int_equal(regs.count, 2);
	assert_true(regs.cpus[0].has_vmx && !regs.cpus[0].vmx && !regs.cpus[0].has_efer);
	assert_int_equal(regs.cpus[1].cpu, 3);
	assert_true(regs.cpus[1].has_vmx && regs.cpus[1].vmx);
	host_regs_deinit(&regs);
}

static void test_same_again_is_fine(void **state)
{
	(void)state;
	struct host_regs regs;

	ok(host_regs_parse("CPU#0\nCR4=6f0\nCPU#1\nCR4=6f0\nCPU#0\nCR4=6f0\nVMX=0\n", &regs));
	assert_int_equal(regs.count, 2);
	host_regs_deinit(&regs);
}

static void test_garbage_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"\n\n",
		"CR4=6f0 EFER=d01", /* of no CPU */
		"CPU#\nCR4=6f0",
		"CPU#x\n",
		"CPU#-1\nCR4=6f0",
		"CPU#99999999999999999999\n",
		"CPU#0\nCR4=",
		"CPU#0\nCR4=hello",
		"CPU#0\nCR4=6f0zz",
		"CPU#0\nCR4=-6f0",
		"CPU#0\nCR4=10000000000000000", /* beyond 64 bits */
		"CPU#0\nVMX=2",
		"CPU#0\nVMX=yes",
		"CPU#0\nCR4=6f0\nCPU#0\nCR4=26f0", /* which? */
		"CPU#0\nVMX=0\nVMX=1",
		"\177ELF\2\1\1",
		"{\"schema\": \"crashlab-verdict/1\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct host_regs regs = {};
		struct error *err = host_regs_parse(texts[i], &regs);

		if (!error_is(err, ERROR_USAGE))
			fail_msg("taken for registers: \"%s\"", texts[i]);
		error_free(err);
	}
}

static void add_cpus(struct report *report, unsigned count, enum evidence_property property)
{
	for (unsigned i = 0; i < count; i++) {
		struct cpu_finding *cpu;

		ok(report_add_cpu(report, i, &cpu));
		cpu->properties = 1u << property;
		cpu->vmcs_complete = true;
	}
}

static enum verdict judge(struct report *report, const char *text)
{
	struct host_regs regs;

	ok(host_regs_parse(text, &regs));
	ok(host_regs_apply(&regs, report));
	ok(verdict_judge(report, false));
	host_regs_deinit(&regs);
	return report->verdict;
}

static void test_efer_decides_on_svm(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 2, PROPERTY_SVM);
	assert_int_equal(judge(&report, qemu), VERDICT_FAIL);
	assert_int_equal(report.cpus[0].finding.state, STATE_ON);
	assert_int_equal(report.cpus[1].finding.state, STATE_OFF);
	/* New registers replace the old ones: no conflict of the host with itself. */
	assert_int_equal(judge(&report, "CPU#0\nEFER=d01\nCPU#1\nEFER=d01\n"), VERDICT_PASS);
	assert_int_equal(report.evidence.count, 2);
	assert_int_equal(judge(&report, "CPU#0\nEFER=d01\n"), VERDICT_INCONCLUSIVE);
	report_deinit(&report);
}

static void test_cr4_decides_on_vmx(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 2, PROPERTY_VMX);
	assert_int_equal(judge(&report, qemu), VERDICT_FAIL);
	assert_int_equal(report.cpus[0].finding.state, STATE_OFF);
	assert_int_equal(report.cpus[1].finding.state, STATE_ON);
	report_deinit(&report);
}

/* VMXOFF done, CR4 not yet cleared: harmless, and the host that knows says so. */
static void test_vmx_operation_beats_vmxe(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 1, PROPERTY_VMX);
	assert_int_equal(judge(&report, "CPU#0\nCR4=26f0\nVMX=0\n"), VERDICT_PASS);
	assert_int_equal(judge(&report, "CPU#0\nCR4=26f0\nVMX=1\n"), VERDICT_FAIL);
	assert_int_equal(report.conflicts.count, 0);
	/* This cannot be: VMX operation needs VMXE. */
	assert_int_equal(judge(&report, "CPU#0\nCR4=6f0\nVMX=1\n"), VERDICT_FAIL);
	assert_int_equal(report.conflicts.count, 1);
	report_deinit(&report);
}

static void test_another_machine_is_refused(void **state)
{
	(void)state;
	struct report report = {};
	struct host_regs regs;

	add_cpus(&report, 1, PROPERTY_VMX);
	ok(host_regs_parse("CPU#5\nCR4=6f0\n", &regs));
	struct error *err = host_regs_apply(&regs, &report);

	assert_true(error_is(err, ERROR_USAGE));
	error_free(err);
	host_regs_deinit(&regs);
	report_deinit(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu_text),
		cmocka_unit_test(test_bochs_text),
		cmocka_unit_test(test_same_again_is_fine),
		cmocka_unit_test(test_garbage_is_refused),
		cmocka_unit_test(test_efer_decides_on_svm),
		cmocka_unit_test(test_cr4_decides_on_vmx),
		cmocka_unit_test(test_vmx_operation_beats_vmxe),
		cmocka_unit_test(test_another_machine_is_refused),
	};

	return cmocka_run_group_tests_name("host-regs", tests, NULL, NULL);
}
