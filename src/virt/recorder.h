/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_RECORDER_H
#define CRASHLAB_VIRT_RECORDER_H

#include <stddef.h>

#include "kernel/recorder.h"
#include "virt/evidence.h"

/**
 * What the recorder of one CPU says of EFER.SVME there, with the reason in words into @why.
 * Unknown when one of its programs was interrupted and nothing newer was seen; when the CPU was
 * taken offline with SVME set, as the tracepoints are silent on an offline CPU (TP_CONDITION
 * cpu_online(), include/linux/tracepoint.h); and when EFER was never seen.
 */
enum evidence_state recorder_svme(const struct recorder_cpu *recorder, bool online, char *why,
				  size_t size);

#endif
