/* Random programs: several blocks that call, loop and branch; programs that
 * rewrite themselves; programs that load segment registers. */
#include <string.h>

#include "gen.h"

static void patch(struct gen *g, unsigned at, uint32_t value)
{
	memcpy(g->code + at, &value, 4);
}

/* A register that a program may change. */
static unsigned spare(struct gen *g)
{
	static const uint8_t registers[] = {EAX, ECX, EDX, EBX, EDI};

	return registers[below(g, 5)];
}

/* MOV register, immediate; returns the immediate's address. */
static uint32_t put_load(struct gen *g)
{
	put8(g, 0xb8 + spare(g));
	put_value(g, corner(g), 4);
	return g->base + g->size - 4;
}

/* An instruction that changes the one at an address: the immediate of a load. */
static void put_change(struct gen *g, uint32_t at)
{
	switch (below(g, 5)) {
	case 0: /* add dword [], imm8 */
		put_code(g, "83 05");
		put_value(g, at, 4);
		put8(g, any(g));
		break;
	case 1: /* mov byte [], imm8 */
		put_code(g, "c6 05");
		put_value(g, at + below(g, 4), 4);
		put8(g, any(g));
		break;
	case 2: /* mov [], reg */
		put_code(g, "89");
		put8(g, spare(g) << 3 | 5);
		put_value(g, at, 4);
		break;
	case 3: /* lock xadd [], reg */
		put_code(g, "f0 0f c1");
		put8(g, spare(g) << 3 | 5);
		put_value(g, at, 4);
		break;
	default: /* the opcode: MOV EAX <-> MOV ECX, by xor byte [], 1 */
		g->code[at - g->base - 1] = 0xb8 | (g->code[at - g->base - 1] & 1);
		put_code(g, "80 35");
		put_value(g, at - 1, 4);
		put8(g, 1);
	}
}

/* A few instructions; with self, some that change a function, or one further
 * on in the block. */
static void put_block(struct gen *g, int self, const uint32_t *loads, unsigned count)
{
	if (self && count && one_in(g, 2))
		put_change(g, loads[below(g, count)]);
	if (self && one_in(g, 2)) { /* add dword [below], n */
		unsigned hole = g->size + 2;

		put_code(g, "83 05");
		put_value(g, 0, 4);
		put8(g, any(g));
		for (unsigned n = below(g, 3); n--;)
			put_filler(g);
		patch(g, hole, put_load(g));
	}
	for (unsigned n = 1 + below(g, 4); n--;)
		put_filler(g);
}

/* Blocks joined by branches, calls, loops and indirect jumps. All forward
 * branches go to the next block but one; a loop repeats its own block. */
void generate_program(struct gen *g, int self)
{
	enum { BLOCKS = 8, LEAVES = 3 };
	struct {
		unsigned at;    /* four bytes to be filled in: */
		int absolute;   /* an address or a distance */
		unsigned block; /* of the start of this one */
	} holes[BLOCKS * 2];
	unsigned count = 0, start[BLOCKS + 2], leaf[LEAVES], loaded = 0;
	uint32_t loads[LEAVES];

	start_case(g);
	g->program = 1;
	for (int i = 0; i < 6; i++)
		g->c.seg[i] = i == CS ? SEL_CODE : SEL_DATA;
	set_stack(g, 0);
	g->c.gpr[ESI] = WINDOW_DATA + WINDOW_DATA_SIZE / 2 + below(g, 16);
	g->c.gpr[EBP] = WINDOW_DATA + WINDOW_DATA_SIZE / 2 + below(g, 16);
	/* Three functions first, jumped over. */
	put_code(g, "e9");
	put_value(g, 0, 4);
	for (int i = 0; i < LEAVES; i++) {
		leaf[i] = g->size;
		if (self)
			loads[loaded++] = put_load(g);
		put_block(g, self, NULL, 0);
		if (i && one_in(g, 2)) {
			put_code(g, "e8");
			put_value(g, leaf[i - 1] - (g->size + 4), 4);
			put_block(g, self, loads, loaded);
		}
		put_code(g, "c3");
	}
	patch(g, 1, g->size - 5);
	for (int i = 0; i < BLOCKS; i++) {
		unsigned body, kind = below(g, 8);

		start[i] = g->size;
		if (kind == 0) { /* a loop: mov byte [counter], n ... dec byte [counter]; jnz */
			uint32_t counter = AREA + 16 + i;

			put_code(g, "c6 05");
			put_value(g, counter, 4);
			put8(g, 1 + below(g, 5));
			body = g->size;
			put_block(g, self, loads, loaded);
			put_code(g, "fe 0d");
			put_value(g, counter, 4);
			put_code(g, "0f 85");
			put_value(g, body - (g->size + 4), 4);
			continue;
		}
		put_block(g, self, loads, loaded);
		switch (kind) {
		case 1: /* call a function */
			put_code(g, "e8");
			put_value(g, leaf[below(g, LEAVES)] - (g->size + 4), 4);
			break;
		case 2: /* mov edi, function; call edi */
			put_code(g, "bf");
			put_value(g, g->base + leaf[below(g, LEAVES)], 4);
			put_code(g, "ff d7");
			break;
		case 3: /* mov edi, block; jmp edi; or push block; ret */
			put8(g, one_in(g, 2) ? 0xbf : 0x68);
			holes[count].at = g->size, holes[count].absolute = 1;
			holes[count++].block = i + 2;
			put_value(g, 0, 4);
			if (g->code[g->size - 5] == 0x68)
				put_code(g, "c3");
			else
				put_code(g, "ff e7");
			break;
		case 4: /* jmp */
			put_code(g, "e9");
			holes[count].at = g->size, holes[count].absolute = 0;
			holes[count++].block = i + 2;
			put_value(g, 0, 4);
			break;
		default: /* a conditional branch */
			put_code(g, "0f");
			put8(g, 0x80 + below(g, 16));
			holes[count].at = g->size, holes[count].absolute = 0;
			holes[count++].block = i + 2;
			put_value(g, 0, 4);
		}
	}
	start[BLOCKS] = g->size;
	put_block(g, self, loads, loaded);
	start[BLOCKS + 1] = g->size;
	while (count--) {
		uint32_t target = start[holes[count].block];

		patch(g, holes[count].at,
		      holes[count].absolute ? g->base + target : target - (holes[count].at + 4));
	}
}

/* An access through a segment register, at an offset near its borders; changes nothing if
 * it only loads. */
static void put_access(struct gen *g, int seg, int loads)
{
	static const uint8_t prefix[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	static const uint32_t offsets[] = {0x7f20, 0x7f20,  0x7f20,    0x8010, 0xfc,
	                                   0xfd,   0x100,   0xfffc,    0xfffd, 0x10000,
	                                   0x7ffc, 0x1fffc, 0xfffffffc};
	uint32_t offset = offsets[below(g, sizeof(offsets) / sizeof(*offsets))];
	int reg = below(g, 4);

	unsigned form = below(g, 6);

	put8(g, prefix[seg]);
	switch (loads ? 4 + (form & 1) : form) {
	case 0: /* mov reg, [disp32] */
		put_code(g, "8b");
		put8(g, reg << 3 | 5);
		put_value(g, offset, 4);
		break;
	case 1: /* mov reg8, [disp32] */
		put_code(g, "8a");
		put8(g, reg << 3 | 5);
		put_value(g, offset, 4);
		break;
	case 2: /* add [disp32], reg */
		put_code(g, "01");
		put8(g, reg << 3 | 5);
		put_value(g, offset, 4);
		break;
	case 3: /* push dword [disp32] */
		put_code(g, "ff 35");
		put_value(g, offset, 4);
		break;
	case 4: /* movq mm0, [disp32] */
		put_code(g, "0f 6f 05");
		put_value(g, offset == 0xfffffffc ? 0xfffffff8 : offset, 4); /* no wrap */
		break;
	default: /* cmp byte [disp16], imm8 */
		put_code(g, "67 80 3e");
		put_value(g, offset & 0xffff, 2);
		put8(g, any(g));
	}
}

/* Loads a segment register in one of the ways there are. */
static void put_segment_load(struct gen *g, int seg, uint16_t selector)
{
	static const uint8_t pops[][2] = {{0x07}, {0}, {0x17}, {0x1f}, {0x0f, 0xa1}, {0x0f, 0xa9}};
	static const uint8_t far[][2] = {{0xc4}, {0},          {0x0f, 0xb2},
	                                 {0xc5}, {0x0f, 0xb4}, {0x0f, 0xb5}};

	switch (seg == SS ? 0 : below(g, 4)) {
	case 0: /* mov ax, selector; mov seg, ax */
		put_code(g, "66 b8");
		put_value(g, selector, 2);
		put_code(g, "8e");
		put8(g, 0xc0 | seg << 3);
		break;
	case 1: /* push selector; pop seg */
		put_code(g, "68");
		put_value(g, selector, 4);
		put8(g, pops[seg][0]);
		if (pops[seg][1])
			put8(g, pops[seg][1]);
		break;
	default: /* push selector; push offset; lxs edx, [esp] */
		put_code(g, "68");
		put_value(g, selector, 4);
		put_code(g, "68");
		put_value(g, corner(g), 4);
		put8(g, far[seg][0]);
		if (far[seg][1])
			put8(g, far[seg][1]);
		put_code(g, "14 24");
		put_code(g, "58 58");
	}
}

void generate_segments(struct gen *g)
{
	static const uint16_t selectors[] = {
		SEL_DATA,       SEL_BASED,  SEL_BASED,    SEL_LIMITED, SEL_STACK32, SEL_STACK16,
		SEL_DOWN,       SEL_RODATA, SEL_CODE,     SEL_CODE32,  0,           3,
		SEL_BASED & ~3, SEL_ABSENT, SEL_EXECONLY, 0x10,        0x18,        0xfff8};
	enum { GOOD = 8, SELECTORS = sizeof(selectors) / sizeof(*selectors) };
	static const int segs[] = {ES, ES, DS, FS, GS};

	start_case(g);
	for (int i = 0; i < 6; i++)
		g->c.seg[i] = i == CS ? SEL_CODE : SEL_DATA;
	set_stack(g, 0);
	g->program = 1;
	if (one_in(g, 4)) { /* one site, several selectors: in a loop over pushed ones */
		int seg = segs[below(g, 5)];
		unsigned body, count = 3 + below(g, 4);

		for (unsigned i = 0; i < count; i++) {
			put_code(g, "68");
			put_value(g, selectors[below(g, GOOD)], 4);
		}
		put_code(g, "b9");
		put_value(g, count, 4);
		body = g->size;
		put_code(g, "58"); /* pop eax */
		put_code(g, "8e"); /* mov seg, ax */
		put8(g, 0xc0 | seg << 3);
		put_access(g, seg, 1); /* what is pushed stays a selector of ours */
		put_code(g, "e2");
		put8(g, body - (g->size + 1));
	}
	for (unsigned n = 1 + below(g, 3); n--;) {
		int seg = one_in(g, 12) ? SS : segs[below(g, 5)];
		uint16_t selector = selectors[below(g, one_in(g, 4) ? SELECTORS : GOOD)];

		if (seg == SS) /* only those that leave the stack where it is, or fail */
			selector = one_in(g, 2) ? SEL_DATA
			                        : selectors[GOOD + below(g, SELECTORS - GOOD)];
		put_segment_load(g, seg, selector);
		put_access(g, seg, 0);
		if (one_in(g, 2))
			put_access(g, seg, 0);
	}
}
