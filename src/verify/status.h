/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VERIFY_STATUS_H
#define CRASHLAB_VERIFY_STATUS_H

/** What verify_vmcs exits with. */
enum status {
	STATUS_PASS = 0,
	STATUS_FAIL = 1,
	STATUS_INCONCLUSIVE = 2,
	STATUS_CANNOT = 3,
	STATUS_USAGE = 64,
};

#endif
