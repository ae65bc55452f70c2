/* native IMAGE [wide]: runs a program of bench/real, assembled with -DNATIVE, as 16-bit code of this
 * process or, with -DWIDE too, as 32-bit code, and prints its checksum: what the processor itself
 * takes for it. */
#include <asm/ldt.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	AREA = 0x10000000, /* the code's 64 KiB, then the data's: bench.inc */
	SIZE = 0x10000,
	BACK = 16,
	CODE16 = 7, /* selectors of the LDT, of privilege 3 */
	DATA16 = 15,
	CODE32 = 0x23, /* the kernel's */
	DATA32 = 0x2b,
};

struct far {
	uint32_t offset;
	uint16_t selector;
};

/* Runs what is at the entry, until it jumps by what is put at back; its EAX. */
uint32_t run(uint32_t stack, uint16_t data, const struct far *entry, struct far *back);
__asm__("	.globl run\n"
        "run:	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "	mov %rsp, saved(%rip)\n"
        "	movl $1f, (%rcx)\n"
        "	mov %cs, 4(%rcx)\n"
        "	mov %esi, %ds\n"
        "	mov %esi, %es\n"
        "	mov %esi, %ss\n"
        "	mov %edi, %esp\n"
        "	ljmp *(%rdx)\n"
        "1:	mov $0x2b, %ecx\n"
        "	mov %ecx, %ds\n"
        "	mov %ecx, %es\n"
        "	mov %ecx, %ss\n"
        "	mov saved(%rip), %rsp\n"
        "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "	ret\n"
        "	.lcomm saved, 8\n");

static int install(unsigned selector, uint32_t base, unsigned contents)
{
	struct user_desc d = {
		.entry_number = selector >> 3,
		.base_addr = base,
		.limit = SIZE - 1,
		.contents = contents,
		.useable = 1,
	};
	/* The kernel's result is an int, whose upper half may be lost. */
	return (int)syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
}

int main(int argc, char **argv)
{
	static const struct far entry16 = {0, CODE16}, entry32 = {AREA, CODE32};
	uint8_t *area = mmap((void *)AREA, 2 * SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
	                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int fd = argc >= 2 ? open(argv[1], O_RDONLY) : -1;
	uint32_t sum;

	if (area != (void *)AREA || fd < 0 || read(fd, area, SIZE) <= BACK ||
	    install(CODE16, AREA, MODIFY_LDT_CONTENTS_CODE) ||
	    install(DATA16, AREA + SIZE, MODIFY_LDT_CONTENTS_DATA)) {
		perror("native");
		return 2;
	}
	if (argc == 3)
		sum = run(AREA + SIZE + 0xf000, DATA32, &entry32, (struct far *)(area + BACK));
	else
		sum = run(0xf000, DATA16, &entry16, (struct far *)(area + BACK));
	printf("%04x\n", sum & 0xffff);
	return 0;
}
