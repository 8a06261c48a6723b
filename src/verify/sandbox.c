// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "verify/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"

/* ---- capabilities ---- */

static struct error *drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_errno(errno, "no_new_privs");
	/* Without CAP_SETPCAP, or behind the last one: what is not dropped is out of reach all the
	 * same, by no_new_privs. */
	for (unsigned long capability = 0; capability < 64; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	if (syscall(SYS_capset, &header, none))
		return error_errno(errno, "capset");
	return NULL;
}

/* ---- Landlock ---- */

/* A set of rules that handles every right there is and has no rule. */
static struct error *forbid_files(void)
{
	struct landlock_ruleset_attr rules = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (version < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? NULL
							      : error_errno(errno, "Landlock");
	if (version >= 2)
		rules.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	_cleanup_close_ int fd =
		(int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0))
		return error_errno(errno, "Landlock");
	return NULL;
}

/* ---- seccomp ---- */

struct rule {
	int call;
	uint32_t action;
	unsigned count;
	struct scmp_arg_cmp conditions[2];
};

/* What is not here kills the process. */
static const struct rule rules[] = {
	/* what is open already */
	{SCMP_SYS(read), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(pread64), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(write), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(writev), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(pwrite64), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(lseek), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(fstat), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(newfstatat), SCMP_ACT_ALLOW, 1, {SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH)}},
	{SCMP_SYS(ftruncate), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(close), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(fcntl), SCMP_ACT_ALLOW, 1, {SCMP_A1(SCMP_CMP_EQ, F_GETFL)}},
	{SCMP_SYS(ioctl), SCMP_ACT_ALLOW, 1, {SCMP_A1(SCMP_CMP_EQ, TCGETS)}},
	/* memory, never executable */
	{SCMP_SYS(brk), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(mmap), SCMP_ACT_ALLOW, 1, {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
	{SCMP_SYS(mprotect), SCMP_ACT_ALLOW, 1, {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
	{SCMP_SYS(munmap), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(mremap), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(madvise), SCMP_ACT_ALLOW, 0, {}},
	/* threads, no processes; without clone3(), whose flags cannot be seen, glibc takes clone()
	 */
	{SCMP_SYS(clone),
	 SCMP_ACT_ALLOW,
	 1,
	 {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)}},
	{SCMP_SYS(clone3), SCMP_ACT_ERRNO(ENOSYS), 0, {}},
	{SCMP_SYS(futex), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(set_robust_list), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(rseq), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(sched_getaffinity), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(sched_yield), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(exit), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(exit_group), SCMP_ACT_ALLOW, 0, {}},
	/* signals, for abort() and pthread_create() */
	{SCMP_SYS(rt_sigaction), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(rt_sigprocmask), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(rt_sigreturn), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(restart_syscall), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(getpid), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(gettid), SCMP_ACT_ALLOW, 0, {}},
	/* what libraries ask for on the side */
	{SCMP_SYS(getrandom), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(clock_gettime), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(gettimeofday), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(time), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(sysinfo), SCMP_ACT_ALLOW, 0, {}},
	{SCMP_SYS(open), SCMP_ACT_ERRNO(EACCES), 0, {}},
	{SCMP_SYS(access), SCMP_ACT_ERRNO(EACCES), 0, {}},
	{SCMP_SYS(readlink), SCMP_ACT_ERRNO(EACCES), 0, {}},
};

static int add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
	return seccomp_rule_add_array(filter, rule->action, rule->call, rule->count,
				      rule->conditions);
}

static int add_rules(scmp_filter_ctx filter, const char *path)
{
	uint64_t address = (uintptr_t)path;
	const struct rule own[] = {
		{SCMP_SYS(openat),
		 SCMP_ACT_ALLOW,
		 2,
		 {SCMP_A1(SCMP_CMP_EQ, address),
		  SCMP_A2(SCMP_CMP_MASKED_EQ, ~(uint64_t)O_CLOEXEC, O_RDONLY)}},
		{SCMP_SYS(openat), SCMP_ACT_ERRNO(EACCES), 1, {SCMP_A1(SCMP_CMP_NE, address)}},
		{SCMP_SYS(tgkill), SCMP_ACT_ALLOW, 1, {SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid())}},
	};
	int status = 0;

	for (size_t i = 0; !status && i < sizeof(rules) / sizeof(*rules); i++)
		status = add_rule(filter, &rules[i]);
	for (size_t i = 0; !status && i < sizeof(own) / sizeof(*own); i++)
		status = add_rule(filter, &own[i]);
	return status;
}

static struct error *forbid_system_calls(const char *path)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (!filter)
		return error_new(ERROR_SYSTEM, "seccomp is not to be had");
	int status = add_rules(filter, path);

	if (!status)
		status = seccomp_load(filter);
	seccomp_release(filter);
	return status ? error_errno(-status, "seccomp") : NULL;
}

struct error *sandbox_enter(const char *path)
{
#ifdef __SANITIZE_ADDRESS__
	(void)path, (void)drop_capabilities, (void)forbid_files, (void)forbid_system_calls;
	return NULL;
#else
	try(drop_capabilities());
	struct error *files = forbid_files();
	struct error *calls = forbid_system_calls(path);

	/* The second says more, when both fail. */
	if (files && calls)
		error_clear(&files);
	return calls ? calls : files;
#endif
}
