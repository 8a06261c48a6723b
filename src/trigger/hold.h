/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_HOLD_H
#define CRASHLAB_TRIGGER_HOLD_H

/*
 * How far the BPF programs that hold a CPU can count. A turn takes 20 ns and more, so either way
 * there is room for HOLD_MAX_US; hold_copy() has less on a fast machine.
 */
#define HOLD_LOOP_TURNS (1 << 23) /* the most bpf_loop() takes: BPF_MAX_LOOPS */
#define HOLD_LOOPS 64
#define HOLD_EACH_TURNS 256 /* turns per element of hold_turns */
#define HOLD_EACH_ELEMENTS (1 << 20)
#define HOLD_COPY_SIZE (1 << 20) /* bytes that hold_copy reads in a turn: 0.1 ms and more */
#define HOLD_COPIES 4096 /* its turns; the verifier goes through each */

#define HOLD_MAX_US 5000000
#define HOLD_CODE_SIZE 256 /* bytes of code that are read at once */

#endif
