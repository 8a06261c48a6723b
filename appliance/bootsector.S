/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot sector of a raw IDE disk made by bootdisk: loads what the table in sector 1 lists into memory
 * and enters the kernel at its PVH entry (32 bits, no paging, %ebx = hvm_start_info). No boot loader,
 * no real-mode kernel setup and no decompressor run, which under emulation saves most of the boot.
 *
 * Assembled with gcc -m32, linked at 0x7c00. The addresses are src/bootdisk.c's too.
 */
#define TABLE		0x8000	/* one sector: {destination, first sector, sectors}… 0, entry */
#define START_INFO	0x9000	/* struct hvm_start_info, modules, command line: from the disk */
#define MEMMAP_ENTRIES	48	/* offsetof(struct hvm_start_info, memmap_entries) */
#define MEMMAP		0xa000	/* struct hvm_memmap_table_entry[], from the BIOS */
#define MEMMAP_STRIDE	24

#define ATA		0x1f0
#define ATA_CONTROL	0x3f6
#define COM1		0x3f8

	.code16
	.globl _start
_start:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp

	/* The BIOS memory map (INT 15h, E820h) has 20 of PVH's 24 bytes per entry, the last 4 are 0. */
	xorl	%ebx, %ebx
	xorl	%ebp, %ebp
	movw	$MEMMAP, %di
1:	movl	$0xe820, %eax
	movl	$0x534d4150, %edx
	movl	$20, %ecx
	int	$0x15
	jc	2f
	movl	$0, 20(%di)
	addw	$MEMMAP_STRIDE, %di
	incl	%ebp
	testl	%ebx, %ebx
	jnz	1b
2:	cli

	inb	$0x92, %al
	orb	$2, %al		/* A20 */
	outb	%al, $0x92
	lgdt	gdt_pointer
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmp	$8, $protected

	.code32
protected:
	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$0x7c00, %esp
	pushl	%ebp

	movw	$ATA_CONTROL, %dx
	movb	$2, %al		/* no interrupts */
	outb	%al, %dx
	movl	$TABLE, %edi
	movl	$1, %ebx
	movl	$1, %ebp
	call	read_sectors
	movl	$TABLE, %esi
3:	lodsl
	testl	%eax, %eax
	jz	4f
	movl	%eax, %edi
	lodsl
	movl	%eax, %ebx
	lodsl
	movl	%eax, %ebp
	call	read_sectors
	jmp	3b
4:	lodsl
	movl	$START_INFO, %ebx
	popl	MEMMAP_ENTRIES(%ebx)
	jmp	*%eax

/* read_sectors: %ebp sectors from %ebx on (LBA28, PIO) to %edi */
read_sectors:
	testl	%ebp, %ebp
	jz	9f
	movl	$255, %ecx
	cmpl	%ecx, %ebp
	jae	1f
	movl	%ebp, %ecx
1:	movw	$ATA + 2, %dx
	movb	%cl, %al
	outb	%al, %dx
	movl	%ebx, %eax
	incl	%edx
	outb	%al, %dx
	shrl	$8, %eax
	incl	%edx
	outb	%al, %dx
	shrl	$8, %eax
	incl	%edx
	outb	%al, %dx
	shrl	$8, %eax
	orb	$0xe0, %al	/* LBA, master */
	incl	%edx
	outb	%al, %dx
	incl	%edx
	movb	$0x20, %al	/* READ SECTORS */
	outb	%al, %dx
	addl	%ecx, %ebx
	subl	%ecx, %ebp
2:	movw	$ATA + 7, %dx
3:	inb	%dx, %al
	testb	$0x80, %al	/* BSY */
	jnz	3b
	testb	$0x21, %al	/* DF, ERR */
	jnz	failed
	testb	$0x08, %al	/* DRQ */
	jz	3b
	pushl	%ecx
	movl	$256, %ecx
	movw	$ATA, %dx
	rep insw		/* what Bochs does in one go; insl it does one by one */
	popl	%ecx
	loop	2b
	jmp	read_sectors
9:	ret

failed:
	movw	$COM1, %dx
	movb	$'!', %al
	outb	%al, %dx
5:	hlt
	jmp	5b

	.p2align 3
gdt:	.quad	0
	.quad	0x00cf9a000000ffff
	.quad	0x00cf92000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	/* The disk signature and the partition table are bootdisk's. */
	.org	440
	.org	510
	.byte	0x55, 0xaa
