/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_GUEST_CODE_H
#define CRASHLAB_GUEST_CODE_H

/**
 * GUEST_ASM(NAME, MODE, TEXT): guest code, in assembler, as the bytes from NAME up to NAME_end.
 * MODE is the directive for the CPU mode that runs it (.code16, .code32). It may stand anywhere.
 */
#define GUEST_ASM(name, mode, text)                                        \
	asm(".pushsection .rodata\n" #name ":\n" mode "\n" text "\n" #name \
	    "_end:\n.code64\n.popsection");                                \
	extern const char name[], name##_end[]

/** The value of a macro, for TEXT; $ makes it an immediate operand. */
#define GUEST_VALUE(macro) GUEST_TEXT(macro)
#define GUEST_TEXT(text) #text

/** The guest-physical address of @label in the code that begins at NAME, for TEXT. */
#define GUEST_LABEL(name, label) GUEST_VALUE(GUEST_CODE) " + (" #label " - " #name ")"

#define GUEST_ASM_SIZE(name) ((size_t)(name##_end - name))

#endif
