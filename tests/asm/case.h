/* The assembly tests: what a case is, where it runs, and what it leaves.
 *
 * A case is a few instructions of 32-bit user code with a known state before
 * them.  Two programs run the same pack of cases: `native` on this host's
 * processor and `kernel` as a guest.  Both print, by the same code (result.c),
 * one line for each case: how it ended and every part of the state that changed. */
#ifndef ASM_CASE_H
#define ASM_CASE_H

#include <stdint.h>

/* Linear addresses, alike in both worlds. */
enum {
	AREA = 0x20000000, /* data, then stack; readable, writable */
	AREA_SIZE = 0x20000,
	AREA_STACK = 0x20010000,
	STACK_START = 0x2001ff00,   /* ESP of a written test */
	STACK16_UPPER = 0x00100000, /* above SP, if a case starts on SEL_STACK16 */
	CODE = 0x20040000,          /* a written test is copied here; all access */
	CODE_SIZE = 0x10000,
	READONLY = 0x20060000, /* one page; holes before and after it */
	READONLY_SIZE = 0x1000,
	EDGE = 0x20070000, /* writable page, read-only page, writable page; then a hole */
	EDGE_SIZE = 0x3000,
	BATCH = 0x21000000, /* generated cases stay where the pack has them */
	BATCH_SIZE = 0x400000,

	/* What a generated case may touch: see WINDOWS. */
	WINDOW_DATA = 0x20007f00,
	WINDOW_DATA_SIZE = 0x200,
	WINDOW_STACK = 0x20017f80,
	WINDOW_STACK_SIZE = 0x100,
	WINDOW_EDGE_SIZE = 64,
	IMAGE_SIZE = WINDOW_DATA_SIZE + WINDOW_STACK_SIZE + 5 * WINDOW_EDGE_SIZE,
	FPU_SIZE = 512, /* an FXSAVE image */
};

/* Start and size.  The first three lie across a page's end, the third also where 16-bit
 * addresses wrap; the others are the writable sides of the page ends of EDGE. */
#define WINDOWS                                                                                    \
	{                                                                                          \
		{WINDOW_DATA, WINDOW_DATA_SIZE}, {WINDOW_STACK, WINDOW_STACK_SIZE},                \
			{AREA_STACK - WINDOW_EDGE_SIZE / 2, WINDOW_EDGE_SIZE},                     \
			{EDGE, WINDOW_EDGE_SIZE},                                                  \
			{EDGE + 0x1000 - WINDOW_EDGE_SIZE, WINDOW_EDGE_SIZE},                      \
			{EDGE + 0x2000, WINDOW_EDGE_SIZE},                                         \
			{EDGE + EDGE_SIZE - WINDOW_EDGE_SIZE, WINDOW_EDGE_SIZE},                   \
	}

/* Selectors: those that Linux gives to a 32-bit process, the thread-local ones
 * being ours to fill, and the LDT. */
enum {
	SEL_CODE = 0x23,
	SEL_DATA = 0x2b,
	SEL_BASED = 0x6b,    /* data, base AREA, limit 4 GiB */
	SEL_LIMITED = 0x73,  /* data, the first half of the data window */
	SEL_STACK32 = 0x07,  /* data, base AREA_STACK, 64 KiB, B = 1 */
	SEL_STACK16 = 0x0f,  /* the same with B = 0 */
	SEL_DOWN = 0x17,     /* data, base AREA, expand-down above 7fffh */
	SEL_CODE32 = 0x1f,   /* code, base CODE, 64 KiB */
	SEL_CODE16 = 0x27,   /* the same with D = 0 */
	SEL_RODATA = 0x2f,   /* data, base AREA, 64 KiB, read-only */
	SEL_ABSENT = 0x37,   /* data, not present */
	SEL_EXECONLY = 0x3f, /* code, base CODE, 64 KiB, not readable */
	SEL_EDGE = 0x47,     /* data, base EDGE, 64 KiB */
	/* The stack window with its lower and its upper half only; the latter expand down. */
	SEL_LOW32 = 0x4f,
	SEL_LOW16 = 0x57, /* B = 0 */
	SEL_HIGH32 = 0x5f,
	SEL_HIGH16 = 0x67, /* B = 0 */
	/* Ends of limits in the data window: in pages, and of those that expand down. */
	SEL_PAGES = 0x6f,
	SEL_DOWN16 = 0x77, /* B = 0 */
	SEL_DOWN_PAGES = 0x7f,
	SEL_BATCH16 = 0x87, /* and those after it: code, D = 0, 64 KiB each from BATCH on */
	BATCHES16 = BATCH_SIZE >> 16,
	LDT_SLOTS = (SEL_BATCH16 >> 3) + BATCHES16,
};

enum { ES, CS, SS, DS, FS, GS };

/* One descriptor of the list above, as both worlds install it. */
struct segment {
	uint16_t selector;
	uint32_t base, limit;               /* limit in pages if pages */
	uint8_t contents;                   /* 0 data, 1 expand-down, 2 code */
	uint8_t big, pages, locked, absent; /* locked: read-only or execute-only */
};

/* clang-format off */
#define SEGMENTS { \
	{ SEL_BASED, AREA, 0xfffff, 0, 1, 1, 0, 0 }, \
	{ SEL_LIMITED, WINDOW_DATA, WINDOW_DATA_SIZE / 2 - 1, 0, 1, 0, 0, 0 }, \
	{ SEL_STACK32, AREA_STACK, 0xffff, 0, 1, 0, 0, 0 }, \
	{ SEL_STACK16, AREA_STACK, 0xffff, 0, 0, 0, 0, 0 }, \
	{ SEL_DOWN, AREA, 0x7fff, 1, 1, 0, 0, 0 }, \
	{ SEL_CODE32, CODE, 0xffff, 2, 1, 0, 0, 0 }, \
	{ SEL_CODE16, CODE, 0xffff, 2, 0, 0, 0, 0 }, \
	{ SEL_RODATA, AREA, 0xffff, 0, 1, 0, 1, 0 }, \
	{ SEL_ABSENT, AREA, 0xffff, 0, 1, 0, 0, 1 }, \
	{ SEL_EXECONLY, CODE, 0xffff, 2, 1, 0, 1, 0 }, \
	{ SEL_EDGE, EDGE, 0xffff, 0, 1, 0, 0, 0 }, \
	{ SEL_LOW32, AREA_STACK, 0x7fff, 0, 1, 0, 0, 0 }, \
	{ SEL_LOW16, AREA_STACK, 0x7fff, 0, 0, 0, 0, 0 }, \
	{ SEL_HIGH32, AREA_STACK, 0x7fff, 1, 1, 0, 0, 0 }, \
	{ SEL_HIGH16, AREA_STACK, 0x7fff, 1, 0, 0, 0, 0 }, \
	{ SEL_PAGES, AREA, 7, 0, 1, 1, 0, 0 }, \
	{ SEL_DOWN16, AREA, 0x7fff, 1, 0, 0, 0, 0 }, \
	{ SEL_DOWN_PAGES, AREA, 7, 1, 1, 1, 0, 0 }, \
}
#define SEGMENT_BATCH16(n) \
	(struct segment){ SEL_BATCH16 + 8 * (n), BATCH + ((n) << 16), 0xffff, 2, 0, 0, 0, 0 }
/* clang-format on */

enum {
	CASE_WRITTEN = 1 << 0, /* copied to CODE; the whole area is reset and watched */
};

struct asm_case {
	uint32_t name;         /* of the text section; likewise: */
	uint32_t expect;       /* the expected line, or 0 */
	uint32_t code;         /* EIP of the first instruction */
	uint32_t source, size; /* its bytes in the code section */
	uint32_t gpr[8];       /* EAX ECX EDX EBX ESP EBP ESI EDI */
	uint32_t eflags;
	uint32_t undefined; /* flags that the manual leaves undefined at the end */
	uint16_t seg[6];
	uint16_t fpu, data; /* indices of the images before it */
	uint32_t kind;
};

#define PACK_MAGIC 0x4d534155 /* "UASM" */

/* All offsets from the header, which begins the file; code at a page. */
struct asm_pack {
	uint32_t magic;
	uint32_t cases, case_offset;
	uint32_t fpu_offset;
	uint32_t data_offset;
	uint32_t code_offset, code_size;
	uint32_t text_offset;
	uint32_t ldt; /* whether any case wants the LDT */
};

/* Where the two ranges of memory are found. */
struct asm_memory {
	uint8_t *area, *edge;
};

struct asm_result {
	uint32_t gpr[8];
	uint32_t eip, eflags;
	uint32_t trap, error, cr2;
	uint16_t seg[6];
	const uint8_t *fpu;       /* FXSAVE image */
	struct asm_memory memory; /* as it was left */
};

static inline const struct asm_case *pack_case(const struct asm_pack *pack, uint32_t i)
{
	return (const struct asm_case *)((const uint8_t *)pack + pack->case_offset) + i;
}

/* Whether it is 16-bit code. */
static inline int case_narrow(const struct asm_case *c)
{
	return c->seg[CS] & 4 && c->seg[CS] >= SEL_BATCH16;
}

static inline const uint8_t *pack_fpu(const struct asm_pack *pack, const struct asm_case *c)
{
	return (const uint8_t *)pack + pack->fpu_offset + c->fpu * FPU_SIZE;
}

static inline const uint8_t *pack_code(const struct asm_pack *pack, const struct asm_case *c)
{
	return (const uint8_t *)pack + pack->code_offset + c->source;
}

static inline const char *pack_text(const struct asm_pack *pack, uint32_t offset)
{
	return (const char *)pack + pack->text_offset + offset;
}

/* Puts the memory of a case back to its start: the area, and for a written
 * test its code, followed by INT3 to the end of the code area. */
void case_prepare(const struct asm_pack *pack, const struct asm_case *c,
                  const struct asm_memory *memory, uint8_t *code);

/* The line of a case, by put(): its number, `trap` and `eip`, then every part of
 * the state that is not as it was at the start. */
void result_print(void (*put)(char), const struct asm_pack *pack, uint32_t number,
                  const struct asm_result *result);

/* The last line, with a checksum of the memory: no case wrote beyond its windows. */
void result_print_end(void (*put)(char), const struct asm_memory *memory);

#endif
