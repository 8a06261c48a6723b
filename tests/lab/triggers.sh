#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Some of the ways to die and to reboot (scenarios/triggers.ini has all): the held CPU that dies by
# itself, a CPU that goes offline, an NMI that the host sends, and the capture kernel that the reboot's vector stops.
# shellcheck source=tests/lab/lib.sh
cd "$(dirname "$0")/../.." || exit 1
. tests/lab/lib.sh
lab_start triggers

check "the held CPU dies by itself, in three places" status 0 lab_run --case 'die-crash-self*'

need_case die-crash-self-after-stop

last=$(case_of die-crash-self-after-stop)
check "after the stop: panic CPU and reboot CPU are one" \
	says '^0 +panic\+reboot +SVM off' cat "$last/verdict.txt"
check "after the stop: the other CPU was stopped by the reboot" \
	says '^1 +bystander +SVM off' cat "$last/verdict.txt"
check "after the stop: it died where it was held" \
	says 'window after-stop hit at lapic_shutdown' cat "$last/verdict.txt"

check "a CPU that goes offline" status 0 lab_run --case reboot-cpu-hotplug
check "what no machine here can do is skipped" status 0 lab_run --case die-hard-lockup
check "and says why" grep -q 'needs a PMU' "$(case_of die-hard-lockup)/outcome.json"

check "an NMI from outside: a panic, none, not of that CPU" status 0 lab_run --case 'die-host-nmi*'
nmi=$(case_of die-host-nmi)
check "the kernel panics of it in the NMI, on CPU 0" \
	says 'unknown_nmi_error|default_do_nmi' cat "$nmi/verdict.json"
check "and the other CPU was held meanwhile" says 'window virt-off hit at' cat "$nmi/verdict.txt"
check "the same NMI with unknown_nmi_panic off is no panic" \
	grep -q 'NMI received for unknown reason .* on CPU 0' "$(case_of die-host-nmi-off)/console.log"
check "which CPU it cannot reach is said" \
	grep -q 'reaches CPU 0 alone' "$(case_of die-host-nmi-elsewhere)/outcome.json"
check "Bochs can be sent none" status 0 lab_run --case vmx-host-nmi

lab_start reboot-vector
check "the reboot's vector stops the capture kernel" \
	status 0 lab_run --case svm-overtaken --timeout-factor 0.4

plan
