/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_FAKE_RECORD_H
#define CRASHLAB_TESTS_FAKE_RECORD_H

#include "lab/record.h"

/** A case of run "r1" as it is planned. What is set in it is not its own: it is not deinited. */
static inline struct record fake_record(char *name, char *id)
{
	return (struct record){.run = "r1",
			       .name = name,
			       .kernel = "6.12",
			       .iteration = 1,
			       .id = id,
			       .spec = "[case a]\n",
			       .backend = "tcg",
			       .vendor = "svm",
			       .reboot = "restart",
			       .trigger = "sysrq-c",
			       .window = "virt-off",
			       .load = "spin",
			       .broken = "none",
			       .images = "",
			       .cpus = 2,
			       .panic_cpu = 1,
			       .expected = "PASS"};
}

#endif
