/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_KERNEL_H
#define CRASHLAB_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dump/dump.h"
#include "util/text.h"

/**
 * What the crashed kernel's memory tells about itself, without debuginfo: symbols (kallsyms), types
 * (BTF), modules, per-cpu areas, the CPUs' notes.
 */
struct kernel;

/** Files that tell what a dump may not have in it. All zeroes: none. */
struct kernel_files {
	const char *symbols_path;
	char *symbols; /* text of a System.map or /proc/kallsyms; NULL: none */
	struct type_file *types; /* kernel/type_file.h */
	size_t type_count;
};

/**
 * What the dump has itself is preferred, @files (NULL: none) are for what it has not: the kernel's
 * symbols (modules' are always the dump's), its types and its modules' types. A file that is not of
 * this kernel is refused whether or not it is needed: ERROR_USAGE.
 * ERROR_UNSUPPORTED: the kernel does not tell where its symbols are (before 6.0) and they were not
 * found, or it has no BTF, and no file stands in.
 * @dump and @files must outlive the kernel and stay the caller's.
 */
struct error *kernel_open(struct dump *dump, const struct kernel_files *files, struct kernel **ret);
void kernel_close(struct kernel *kernel);

/**
 * Modules' BTF goes to libbpf through an unnamed file in memory, which that opens by a path. Makes
 * the file, if there is none yet, and gives the path: nothing else is opened once the dump's file
 * is, and it is opened by this very string, so that a seccomp filter can tell it by its address.
 */
struct error *kernel_open_scratch(const char **ret);
struct dump *kernel_dump(const struct kernel *kernel);

/** What was made of the files, a line for each. */
const struct text_list *kernel_notes(const struct kernel *kernel);

/** "6.12.117+deb12-amd64", from VMCOREINFO's OSRELEASE. */
const char *kernel_release(const struct kernel *kernel);

/* ---- symbols ---- */

/**
 * The address of symbol @name, in the kernel image or in module @module (NULL: the image; "*": the
 * image first, then every module). For a per-cpu symbol this is the value that
 * kernel_percpu_address() wants. ERROR_NOT_FOUND when there is none.
 */
struct error *kernel_symbol(struct kernel *kernel, const char *module, const char *name,
			    uint64_t *ret);

/**
 * Name the code address @address: "name+0x1f/0x80 [module]" or "0xffff…" into @buffer. Generated
 * code is named as the kernel does it: "bpf_prog_TAG_NAME+0x22/0x59 [bpf]", "ftrace_trampoline+…
 * [__builtin__ftrace]". Of a return address ask for address - 1: the call may be the last
 * instruction of its function.
 */
void kernel_symbolize(struct kernel *kernel, uint64_t address, char *buffer, size_t size);

/**
 * The symbol that contains the code address: name (into @name), start, and end of its extent.
 * ERROR_NOT_FOUND when it is no code; of a return address ask for address - 1.
 */
struct error *kernel_symbol_at(struct kernel *kernel, uint64_t address, char *name, size_t size,
			       uint64_t *start, uint64_t *end);

/**
 * True when module @name ("kvm_intel") was loaded; false is certain, for kernel_open() fails when
 * it cannot read the list of modules to its end.
 */
bool kernel_has_module(struct kernel *kernel, const char *name);

/* ---- types ---- */

struct kernel_field {
	uint64_t offset; /* bytes from the start of the structure */
	uint64_t size; /* bytes; of one element times count for an array */
	unsigned bit_offset; /* for a bit-field: bits into the @size bytes at offset */
	unsigned bit_size; /* 0 when it is no bit-field */
};

/**
 * Where a member lies: @path is "member" or "member.inner"; anonymous structs and unions are looked
 * through; of an array of structs "array.inner" is that of its first element. Types are sought in
 * module @module's BTF over vmlinux's (NULL: vmlinux's alone). ERROR_NOT_FOUND when the structure
 * or the member does not exist; the message names it.
 */
struct error *kernel_member(struct kernel *kernel, const char *module, const char *type,
			    const char *path, struct kernel_field *ret);

/** The size of "struct NAME" in bytes. */
struct error *kernel_type_size(struct kernel *kernel, const char *module, const char *type,
			       uint64_t *ret);

/** Read the unsigned integer member (1, 2, 4, 8 bytes, or a bit-field) of the object at @object. */
struct error *kernel_read_member(struct kernel *kernel, const char *module, const char *type,
				 const char *path, uint64_t object, uint64_t *ret);

/** Read an unsigned little-endian integer of 1, 2, 4 or 8 bytes at kernel virtual @address. */
struct error *kernel_read_uint(struct kernel *kernel, uint64_t address, size_t size, uint64_t *ret);

/* ---- CPUs ---- */

/** nr_cpu_ids: possible CPU numbers are below it. */
unsigned kernel_cpu_limit(struct kernel *kernel);
bool kernel_cpu_possible(struct kernel *kernel, unsigned cpu);
bool kernel_cpu_online(struct kernel *kernel, unsigned cpu); /* as the mask stood at the crash */

/** Address of per-cpu symbol value @symbol (from kernel_symbol()) on @cpu. */
struct error *kernel_percpu_address(struct kernel *kernel, uint64_t symbol, unsigned cpu,
				    uint64_t *ret);

/** Integer variable @name (vmlinux or module), and the same per CPU. */
struct error *kernel_read_variable(struct kernel *kernel, const char *module, const char *name,
				   size_t size, uint64_t *ret);
struct error *kernel_read_percpu(struct kernel *kernel, const char *module, const char *name,
				 unsigned cpu, size_t size, uint64_t *ret);

/** x86-64 user_regs_struct as in an ELF PRSTATUS note (Linux arch/x86/include/asm/user_64.h). */
struct cpu_registers {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
	uint64_t rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

/**
 * The registers the CPU saved in its own crash_notes (crash_save_cpu(), kernel/crash_core.c; read
 * per CPU because the order of the ELF notes is not the CPU number). ERROR_NOT_FOUND when the CPU
 * left no note.
 */
struct error *kernel_cpu_registers(struct kernel *kernel, unsigned cpu, struct cpu_registers *ret);

/** Where a virtual CPU was when the dump was written. */
enum vcpu_place {
	VCPU_UNKNOWN, /* the page tables that it used are not in the dump */
	VCPU_KERNEL, /* in this kernel, or in a process of it */
	VCPU_CRASH_KERNEL, /* in the memory that is reserved for the crash kernel */
	VCPU_RESET, /* not in protected mode with paging: reset, or not started since */
	VCPU_ELSEWHERE, /* in another kernel, firmware, a guest */
};

struct kernel_vcpu {
	enum vcpu_place place;
	uint64_t cr4;
	bool has_registers;
	struct cpu_registers registers;
};

/**
 * The virtual CPU that is the kernel's CPU @cpu: the one whose GS base is that CPU's per-cpu area
 * (cpu_kernelmode_gs_base(), arch/x86/kernel/cpu/common.c). Of one that is not in this kernel the
 * base tells nothing: there the n-th is CPU n, unless one that tells is out of that order.
 * ERROR_NOT_FOUND: none is known to be it.
 */
struct error *kernel_vcpu(struct kernel *kernel, unsigned cpu, struct kernel_vcpu *ret);

/* ---- stacks ---- */

enum frame_kind {
	FRAME_NORMAL,
	FRAME_GENERATED, /* code made at run time: BPF, ftrace trampoline, kprobe detour */
	FRAME_ENTRY, /* pt_regs of an exception or interrupt lie under this frame */
};

struct frame {
	uint64_t address; /* instruction pointer; a return address unless is_pc */
	bool is_pc; /* exact instruction pointer (first frame, or below an exception; for an int3 or
		     * jump-optimized kprobe one byte behind the probe) */
	bool reliable; /* reached by ORC data, saved registers, and the frames that BPF programs and
			* kprobe detours are known to make; nothing was guessed */
	enum frame_kind kind;
	uint64_t stack; /* stack pointer in this frame */
};

struct backtrace {
	struct frame *frames;
	size_t count;
	const char *stop; /* why it ends: "user mode" and "end of stack" are whole; anything else
			   * ("stack page not in the dump", …) is not. A static string. */
};

/**
 * Unwind from @registers, at most 128 frames, by the ORC tables in the dump, as the kernel's own
 * unwinder does (arch/x86/kernel/unwind_orc.c, 6.12). Whatever ends the trace is in ret->stop;
 * errors are ERROR_UNSUPPORTED (a kernel without ORC data) and ERROR_NO_MEMORY. The panic CPU's
 * trace is reliable in its first frame only: __crash_kexec() has no ORC data
 * (STACK_FRAME_NON_STANDARD).
 */
struct error *kernel_unwind(struct kernel *kernel, const struct cpu_registers *registers,
			    struct backtrace *ret);
void backtrace_deinit(struct backtrace *backtrace);

/* ---- BPF maps ---- */

/** The values of a BPF array map, one after the other. */
struct bpf_values {
	uint64_t address; /* kernel virtual, of the first */
	uint64_t stride; /* bytes from one to the next */
	uint64_t count;
};

/**
 * Find the BPF array map called @name (map_idr in kernel/bpf/syscall.c; of several the youngest),
 * whose values have at least @size bytes. ERROR_NOT_FOUND when there is no such map, ERROR_FORMAT
 * when its values are smaller, another error when it cannot be told because a part of the tree is
 * missing.
 */
struct error *kernel_bpf_array(struct kernel *kernel, const char *name, size_t size,
			       struct bpf_values *ret);

#endif
