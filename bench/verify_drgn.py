# SPDX-License-Identifier: GPL-2.0-only
# Of bench/verify.sh: each CPU's CR4 shadow and stack. Arguments: vmlinux with debuginfo, dump.
import sys

import drgn
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.percpu import per_cpu

prog = drgn.Program()
prog.set_core_dump(sys.argv[2])
prog.load_debug_info([sys.argv[1]])
for cpu in for_each_online_cpu(prog):
    print(cpu, hex(per_cpu(prog["cpu_tlbstate"], cpu).cr4))
    try:
        print(prog.stack_trace(per_cpu(prog["runqueues"], cpu).curr))
    except Exception as error:
        print(error)
