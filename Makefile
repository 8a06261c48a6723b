# SPDX-License-Identifier: GPL-2.0-only
#
# make            install what is missing (apt), build the programs into build/bin/
# make run        the main job: fetch a kernel, build the appliance, crash it, print the verdicts
# make image      what a real machine boots: disk, ISO, netboot (docs/stick.md)
# make test       everything that is tested, lab cases included; ends with "N passed, N failed"
# make test-nested  of that only KVM one level down: the backend `kvm`, and VMX under KVM
# make test-slurm  a run on a Slurm cluster of three nodes, all on this machine (not part of test)
# make test-bochs27  a case on the machine's own Bochs, as where no newer one can be had (not part of test)
# make test-pipelines  git bisect and autopkgtest, with real cases (not part of test)
# make check      only what needs no lab case: seconds instead of minutes
# make install    the programs, their man pages and completion, below $(DESTDIR)$(prefix)
# make clean      remove what was built; fetched kernels stay (make distclean removes them too)
#
# KERNEL=KERNEL   another kernel than the newest 6.12: a package, a version, a file, a directory (docs/kernels.md)
# ARGS=...        further arguments for `crashlab run`

B := build
CC := gcc
CLANG := clang
CFLAGS := -O2 -g
WARNINGS := -std=gnu11 -Wall -Wextra -Werror
INCLUDES = -Isrc -I$(B)/gen $(call pkg,cflags,smartcols)
KERNEL :=
ARGS :=

pkg = $(shell pkg-config --$(1) $(2))

util := $(wildcard src/util/*.c)
dump := $(wildcard src/dump/*.c)
kernel := $(wildcard src/kernel/*.c)
virt := $(wildcard src/virt/*.c)
verify := $(wildcard src/verify/*.c)
lab := $(wildcard src/lab/*.c)
trigger := $(wildcard src/trigger/*.c)
trigger := $(filter-out %.bpf.c,$(trigger))
guest := $(wildcard src/guest/*.c)
stick := $(wildcard src/stick/*.c)
# What a stick needs of the lab: cases, outcomes, database, reports; no host, no emulator.
stick_lab := $(addsuffix .c,$(addprefix src/lab/,case_file case_record conclude crash_words db event fields files html \
	outcome record report report_case report_charts report_html report_tap report_timeline results_json \
	scenario scenario_expand signature space stats table truth verdict_file))
calibrate := $(filter-out %.bpf.c,$(wildcard src/calibrate/*.c))
bpf := $(wildcard src/trigger/*.bpf.c src/calibrate/*.bpf.c)
skeletons := $(patsubst %.bpf.c,$(B)/gen/%.skel.h,$(notdir $(bpf)))
vpath %.bpf.c src/trigger src/calibrate

programs := verify_vmcs crashtrigger guestload calibrate_vmcs crashlab bootdisk crashstick
sources_verify_vmcs := src/verify_vmcs.c $(verify) $(virt) $(kernel) $(dump) $(util)
sources_crashtrigger := src/crashtrigger.c $(trigger) src/kernel/windows.c src/kernel/recorder.c \
	$(util)
sources_guestload := src/guestload.c $(guest) $(util)
sources_calibrate_vmcs := src/calibrate_vmcs.c $(calibrate) src/guest/vm.c src/virt/calibration.c \
	src/virt/json_get.c $(util)
sources_crashlab := src/crashlab.c $(lab) $(util)
sources_crashstick := src/crashstick.c $(stick) $(stick_lab) $(util)
sources_bootdisk := src/bootdisk.c $(util)
libraries_verify_vmcs = $(call pkg,libs,libkdumpfile libbpf json-c libelf libdw libseccomp)
libraries_crashtrigger = -lZydis $(call pkg,libs,libbpf libelf smartcols) -lpthread -lm
libraries_guestload = -lpthread
libraries_calibrate_vmcs = $(call pkg,libs,libbpf json-c)
libraries_crashlab = $(call pkg,libs,libvirt libvirt-qemu json-c inih smartcols sqlite3) -lm -lpthread
libraries_crashstick = $(call pkg,libs,json-c inih smartcols sqlite3) -lm
libraries_bootdisk = $(call pkg,libs,libelf)

.SECONDARY:
.PHONY: all programs run test test-nested test-slurm test-bochs27 test-pipelines check images image install clean distclean
all: programs

# Nothing is compiled before the machine has what it takes.
$(B)/.setup: scripts/setup.sh scripts/packages.txt
	@mkdir -p $(B)
	@scripts/setup.sh
	@touch $@

# The page's style sheet is put into the program.
$(B)/obj/src/lab/report_html.o $(B)/san/obj/src/lab/report_html.o: src/lab/report.css

objects = $(patsubst %.c,$(1)/%.o,$(2))

# $(call program_rules,DIR,NAME,FLAGS): DIR/bin/NAME out of DIR/obj
define program_rules
$(1)/bin/$(2): $(call objects,$(1)/obj,$(sources_$(2)))
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	@$$(CC) $(CFLAGS) $(3) -o $$@.tmp $$^ $$(libraries_$(2)) && mv $$@.tmp $$@
endef

# $(call object_rules,DIR,FLAGS)
define object_rules
$(1)/obj/%.o: %.c | $(B)/.setup
	@mkdir -p $$(@D)
	@echo "  CC    $$<"
	@$(CC) $(WARNINGS) $(CFLAGS) $(2) $$(INCLUDES) -MMD -MP -c -o $$@ $$<
$(1)/obj/src/crashtrigger.o $(call objects,$(1)/obj,$(trigger) $(calibrate)): | $(skeletons)
endef

SANITIZE := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
$(eval $(call object_rules,$(B),))
$(eval $(call object_rules,$(B)/san,$(SANITIZE)))
$(foreach p,$(programs),$(eval $(call program_rules,$(B),$(p),)))
$(foreach p,$(programs),$(eval $(call program_rules,$(B)/san,$(p),$(SANITIZE))))

programs: $(addprefix $(B)/bin/,$(programs))

$(B)/gen/%.bpf.o: %.bpf.c src/kernel/look_up.bpf.h src/kernel/marker.h src/kernel/recorder.h src/kernel/cpu_bits.h \
		$(wildcard src/trigger/*.h src/calibrate/*.h) | $(B)/.setup
	@mkdir -p $(@D)
	@echo "  BPF   $<"
	@$(CLANG) -O2 -g -Wall -Werror -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Isrc \
		-I/usr/include/x86_64-linux-gnu -c -o $@ $<

$(B)/gen/%.skel.h: $(B)/gen/%.bpf.o
	@PATH=$$PATH:/usr/sbin bpftool gen skeleton $< name $* > $@.tmp && mv $@.tmp $@

# ---- the main job ----

images: programs
	@release=$$(scripts/fetch-kernel.sh $(KERNEL)) && scripts/fetch-bochs.sh && \
		scripts/fetch-qemu.sh && scripts/build-images.sh "$$release" && \
		echo "$$release" > $(B)/kernel

image: programs
	@release=$$(scripts/fetch-kernel.sh $(KERNEL)) && scripts/build-stick.sh "$$release"

run: images
	@$(B)/bin/crashlab run main --kernel "$$(cat $(B)/kernel)" $(ARGS)

# ---- tests ----

unit := $(patsubst tests/unit/%.c,$(B)/san/tests/%,$(wildcard tests/unit/test_*.c))

# Every unit test links with the whole of the libraries but no program's main.
library := $(util) $(dump) $(kernel) $(virt) $(lab) $(trigger) $(guest) $(calibrate) $(stick)
$(B)/san/tests/libcrashlab.a: $(call objects,$(B)/san/obj,$(library))
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

$(B)/san/tests/%: tests/unit/%.c $(B)/san/tests/libcrashlab.a
	@echo "  TEST  $@"
	@$(CC) $(WARNINGS) $(CFLAGS) $(SANITIZE) $(INCLUDES) -MMD -MP -o $@ $< \
		$(B)/san/tests/libcrashlab.a $(sort $(libraries_verify_vmcs) \
		$(libraries_crashtrigger) $(libraries_crashlab)) \
		$(call pkg,libs,cmocka zlib lzo2 libzstd) -lsnappy

# What sanitizers would get in the way of.
plain := $(patsubst tests/plain/%.c,$(B)/tests/%,$(wildcard tests/plain/test_*.c))

$(B)/tests/%: tests/plain/%.c $(call objects,$(B)/obj,$(verify) $(virt) $(kernel) $(dump) $(util))
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	@$(CC) $(WARNINGS) $(CFLAGS) $(INCLUDES) -o $@ $^ $(libraries_verify_vmcs) $(call pkg,libs,cmocka)

# libFuzzer targets, with all that they reach built for it.
fuzzers := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzzed := $(util) $(dump) $(kernel) $(virt)
FUZZ := -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

$(B)/fuzz/obj/%.o: %.c | $(B)/.setup
	@mkdir -p $(@D)
	@echo "  FUZZ  $<"
	@$(CLANG) $(WARNINGS) $(FUZZ) $(INCLUDES) -MMD -MP -c -o $@ $<

$(B)/fuzz/fuzz_%: $(B)/fuzz/obj/tests/fuzz/fuzz_%.o $(call objects,$(B)/fuzz/obj,$(fuzzed))
	@$(CLANG) $(FUZZ) -fsanitize=fuzzer -o $@ $^ $(libraries_verify_vmcs)

check: programs $(unit) $(plain) $(fuzzers) $(addprefix $(B)/san/bin/,verify_vmcs)
	@tests/run.sh --no-lab

test: images $(unit) $(plain) $(fuzzers) $(addprefix $(B)/san/bin/,verify_vmcs)
	@tests/run.sh

test-nested: images
	@tests/run.sh tests/lab/nested.sh tests/lab/nested_vmx.sh

test-slurm: images
	@tests/slurm/slurm.sh

test-bochs27: images
	@tests/run.sh tests/bochs27/bochs27.sh

test-pipelines: images
	@tests/pipelines/pipelines.sh

# ---- installing ----

# A program NAME has its man page in docs/man/NAME.1 and its completion in completion/NAME.bash; what lists
# its options in --help needs no file of its own there.
prefix := /usr/local
installed := verify_vmcs crashtrigger guestload calibrate_vmcs crashlab
pages := $(wildcard docs/man/*.[1-8])
completions := $(DESTDIR)$(prefix)/share/bash-completion/completions

install: programs
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/share/man $(completions)
	install $(addprefix $(B)/bin/,$(installed)) $(DESTDIR)$(prefix)/bin
	$(foreach p,$(pages),install -D -m 644 -t $(DESTDIR)$(prefix)/share/man/man$(subst .,,$(suffix $(p))) $(p) &&) true
	$(foreach p,$(installed),install -m 644 $(firstword $(wildcard completion/$(p).bash) completion/argp.bash) $(completions)/$(p) &&) true

clean:
	rm -rf $(B)/bin $(B)/tests $(B)/obj $(B)/gen $(B)/san $(B)/fuzz $(B)/images

distclean:
	rm -rf $(B)

-include $(shell find $(B)/obj $(B)/san $(B)/fuzz -type f -name '*.d' 2>/dev/null)
