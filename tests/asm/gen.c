/* Random cases: instructions of the table below in random forms, from random
 * states, with memory operands aimed at the windows.  The seed decides all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

/* One row: an encoding, its habits, the flags that it leaves undefined.
 *
 * encoding: hex bytes; E = ModRM, any; M = its memory forms; R = its register
 *   forms; E3 = the digit in reg; E* = any digit; +r = low bits are a register;
 *   ib iw iz id = immediate; j1 = a distance of 1 of operand size; p = far pointer
 *   to the instruction's end; moffs; F = ENTER's frame; a byte with ~N stands for N bytes
 *   from there on.
 * habits:
 *   o 66 allowed                l LOCK allowed              r REP or REPNE allowed
 *   7 67 allowed without memory a aligned to 16             A flags as the ALU group
 *   d dividend made small       t bit string by register    s ESI and EDI in the data window
 *   n EDI with the source's segment                         x EBX + AL in the data window
 *   b EBP in the stack window   e ENTER                     f x87: FWAIT may follow
 *   S fit for a filler          8 ~N in steps of 8          2, 3 for 16-bit, 32-bit code only
 *   w not at the end of 64 KiB: processors differ in where a second part goes on
 *   L no LOCK: AMD processors take MOV CR0 with it for MOV CR8
 *   u one prefix of a kind: not all processors decode the ModRM byte of UD0 and UD1
 *   v nothing follows: what it leaves in a register is partly the processor's
 *   q not in a sequence: IRET with NT is #GP in IA-32e mode; POPA, RET, LSS move pointers; what a
 *   push of a selector leaves in the upper half of its slot is the processor's */
struct row {
	const char *encoding, *habits;
	uint32_t undefined;
};

static const struct row rows[] = {
#include "gen_rows.inc"
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

void put8(struct gen *g, uint8_t byte)
{
	g->code[g->size++] = byte;
}

void put_value(struct gen *g, uint32_t value, int size)
{
	while (size--) {
		put8(g, value);
		value >>= 8;
	}
}

static int stack_segment(uint16_t selector)
{
	return selector == SEL_STACK16 || selector == SEL_STACK32 ||
	       (selector >= SEL_LOW32 && selector <= SEL_HIGH16);
}

static int stack_narrow(uint16_t selector)
{
	return selector == SEL_STACK16 || selector == SEL_LOW16 || selector == SEL_HIGH16;
}

static uint32_t seg_base(const struct gen *g, int seg)
{
	uint16_t selector = g->c.seg[seg];

	switch (selector) {
	case SEL_BASED:
	case SEL_DOWN:
	case SEL_RODATA:
	case SEL_PAGES:
	case SEL_DOWN16:
	case SEL_DOWN_PAGES:
		return AREA;
	case SEL_LIMITED:
		return WINDOW_DATA;
	case SEL_EDGE:
		return EDGE;
	default:
		return stack_segment(selector) ? AREA_STACK : 0;
	}
}

/* An address shortly before the end of a page where the next one is missing, or
 * read-only, or writable after either. */
static uint32_t pick_edge(struct gen *g)
{
	static const uint32_t edges[] = {EDGE,          EDGE + 0x1000,    EDGE + 0x1000,
	                                 EDGE + 0x2000, EDGE + EDGE_SIZE, EDGE + EDGE_SIZE};

	return edges[below(g, 6)] - 1 - below(g, 2 << below(g, 4));
}

/* Where (linear) an operand in a segment shall lie; narrow: by 16-bit addresses. */
static uint32_t pick_target(struct gen *g, int seg, int aligned, int narrow, int wrap)
{
	uint16_t selector = g->c.seg[seg];
	int whole = selector == SEL_DATA || selector == SEL_BASED;
	uint32_t target = WINDOW_DATA + 48 + below(g, WINDOW_DATA_SIZE - 128);

	if (stack_segment(selector))
		target = WINDOW_STACK + 16 + below(g, WINDOW_STACK_SIZE - 64);
	else if (selector == SEL_EDGE)
		target = pick_edge(g) + (wrap ? 0 : 0x1000);
	else if (one_in(g, 6)) /* near the end of a page */
		target = (WINDOW_DATA | 0xfff) + 1 - below(g, 18);
	else if (one_in(g, 30) && narrow && whole && wrap) /* near the end of 64 KiB */
		target = AREA_STACK - 1 - below(g, 4);
	else if (one_in(g, 4) && !narrow && whole)
		target = pick_edge(g);
	else if (one_in(g, 60) && !narrow && whole)
		target = READONLY + READONLY_SIZE - 1 - below(g, 16);
	else if (one_in(g, 60) && !narrow && whole) /* near the end of 4 GiB */
		target = seg_base(g, seg) - 1 - below(g, 16);
	if (aligned && !one_in(g, 10))
		target &= ~15u;
	return target;
}

static int free_register(struct gen *g)
{
	int r;

	do
		r = below(g, 8);
	while (r == ESP || g->pinned >> r & 1);
	return r;
}

/* A 32-bit memory operand (ModRM with `reg`); seg < 0: the default one. */
static void put_memory32(struct gen *g, int reg, int seg, int aligned)
{
	uint32_t target, scale = below(g, 4), displacement;
	int base = free_register(g), index = one_in(g, 2) ? free_register(g) : -1;
	int mod = below(g, 3), disp_only = one_in(g, 8), sib = index >= 0 || one_in(g, 8);
	uint32_t *gpr = g->c.gpr;

	if (one_in(g, 6) && !disp_only) { /* on the stack: ESP is what it is */
		displacement = mod == 0 ? 0 : (int)below(g, 96) - 48;
		if (aligned && mod)
			displacement = (displacement & ~15u) - (gpr[ESP] & 15);
		if (mod == 1 && (int)displacement < -128)
			mod = 2;
		put8(g, mod << 6 | reg << 3 | 4);
		put8(g, scale << 6 | (index < 0 ? 4 : index) << 3 | ESP);
		if (index >= 0)
			gpr[index] = below(g, 4) * (aligned ? 16 : 1);
		if (mod)
			put_value(g, displacement, mod == 1 ? 1 : 4);
		return;
	}
	if (seg < 0)
		seg = !disp_only && base == EBP ? SS : DS;
	target = pick_target(g, seg, aligned, 0, 1) - seg_base(g, seg);
	if (disp_only && index < 0 && one_in(g, 2)) {
		put8(g, reg << 3 | 5);
		put_value(g, target, 4);
		return;
	}
	if (disp_only) { /* SIB without a base */
		if (index >= 0 && !one_in(g, 3))
			gpr[index] = any(g);
		put8(g, reg << 3 | 4);
		put8(g, scale << 6 | (index < 0 ? 4 : index) << 3 | 5);
		put_value(g, target - (index < 0 ? 0 : gpr[index] << scale), 4);
		return;
	}
	if (base == EBP && mod == 0)
		mod = 1;
	if (base == index)
		mod = 2;
	displacement = mod == 0 ? 0 : mod == 1 ? (uint32_t)(int8_t)any(g) : any(g);
	if (base == index)
		displacement = target - gpr[base] - (gpr[base] << scale);
	else
		gpr[base] = target - displacement - (index < 0 ? 0 : gpr[index] << scale);
	if (sib) {
		put8(g, mod << 6 | reg << 3 | 4);
		put8(g, scale << 6 | (index < 0 ? 4 : index) << 3 | base);
	} else {
		put8(g, mod << 6 | reg << 3 | base);
	}
	if (mod)
		put_value(g, displacement, mod == 1 ? 1 : 4);
}

/* A 16-bit one; seg < 0: the default segment. Its base is AREA, or the stack's. */
static void put_memory16(struct gen *g, int reg, int seg, int aligned, int wrap)
{
	static const int8_t first[] = {EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX};
	static const int8_t second[] = {ESI, EDI, ESI, EDI, -1, -1, -1, -1};
	int mod = below(g, 3), rm = below(g, 8);
	int frame = rm == 2 || rm == 3 || (rm == 6 && mod);
	int segment = seg < 0 ? (frame ? SS : DS) : seg;
	uint32_t offset =
		(pick_target(g, segment, aligned, 1, wrap) - seg_base(g, segment)) & 0xffff;
	uint32_t displacement = mod == 0   ? 0
	                        : mod == 1 ? (uint32_t)(int8_t)any(g)
	                                   : any(g) & 0xffff;
	uint32_t *adjusted = &g->c.gpr[first[rm]];

	put8(g, mod << 6 | reg << 3 | rm);
	if (mod == 0 && rm == 6) {
		put_value(g, offset, 2);
		return;
	}
	if (second[rm] >= 0)
		offset -= g->c.gpr[second[rm]];
	*adjusted = (*adjusted & 0xffff0000) | ((offset - displacement) & 0xffff);
	if (mod)
		put_value(g, displacement, mod == 1 ? 1 : 2);
}

/* The operands of a program: [ESI or EBP + displacement], or [SI or BP + it]. */
static void put_memory_program(struct gen *g, int reg, int aligned)
{
	static const uint8_t rm[2][2] = {{4, 6}, {6, 5}};
	int displacement = (int)below(g, 160) - 80;

	if (aligned)
		displacement &= ~15;
	put8(g, 0x40 | reg << 3 | rm[g->wide][one_in(g, 3)]);
	put8(g, displacement);
}

/* A register to be written, by its number in ModRM. */
static int pick_register(struct gen *g)
{
	static const uint8_t allowed[] = {0, 1, 2, 3, 7};

	return g->program ? allowed[below(g, 5)] : below(g, 8);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void put_code(struct gen *g, const char *bytes)
{
	for (; *bytes; bytes += bytes[2] ? 3 : 2)
		put8(g, hex(*bytes) << 4 | hex(bytes[1]));
}

/* An offset for a string operation. */
static uint32_t pick_string(struct gen *g, int seg, int narrow, int wrap, int edge)
{
	uint16_t selector = g->c.seg[seg];
	uint32_t target = WINDOW_DATA + 128 + below(g, 256);

	if (selector == SEL_EDGE)
		target = pick_edge(g) + (wrap ? 0 : 0x1000);
	else if (!narrow && selector != SEL_LIMITED && (edge || one_in(g, 6)))
		target = pick_edge(g);
	else if (narrow && wrap && selector == SEL_BASED && one_in(g, 8))
		target = AREA_STACK - below(g, 24);
	target -= seg_base(g, seg);
	return narrow ? (target & 0xffff) | (any(g) & 0xffff0000) : target;
}

/* Sets up what the row's implicit operands want; seg: of the source, narrow: 16-bit
 * addresses. */
static void pin(struct gen *g, const struct row *row, int repeated, int seg, int narrow)
{
	uint32_t *gpr = g->c.gpr;

	if (strchr(row->habits, 's')) {
		/* Processors differ in where masked stores beyond 64 KiB go. */
		int masked = strchr(row->habits, 'n') != NULL;
		int edges = one_in(g, 12); /* both may fault */

		gpr[ESI] = pick_string(g, seg, narrow, 1, edges);
		gpr[EDI] = pick_string(g, masked ? seg : ES, narrow, !masked, edges);
		g->pinned |= 1 << ESI | 1 << EDI;
	}
	if (repeated) {
		gpr[ECX] = below(g, 20) | (narrow ? any(g) & 0xffff0000 : 0);
		g->pinned |= 1 << ECX;
	}
	if (strchr(row->habits, 'd')) {
		int kind = below(g, 4);

		if (kind == 1)
			gpr[EDX] = (int32_t)gpr[EAX] >> 31;
		else if (kind)
			gpr[EDX] = kind == 2 ? 0 : below(g, 16);
		if (one_in(g, 2))
			gpr[EAX] &= 0xff;
		g->pinned |= 1 << EDX | 1 << EAX;
	}
	if (strchr(row->habits, 'x')) {
		gpr[EBX] = pick_target(g, seg, 0, narrow, 1) - (gpr[EAX] & 0xff) - seg_base(g, seg);
		if (narrow)
			gpr[EBX] = (gpr[EBX] & 0xffff) | (any(g) & 0xffff0000);
		g->pinned |= 1 << EBX;
	}
	if (strchr(row->habits, 'b')) {
		gpr[EBP] = gpr[ESP] + (int)below(g, 64) - 32;
		g->pinned |= 1 << EBP;
	}
}

/* A frame of any size, or one that ends near a page's end: ENTER tries a write at the new top.
 * That is aligned, as the manuals tell neither its size nor whether its alignment is checked. */
static uint32_t pick_frame(struct gen *g)
{
	uint32_t frame = one_in(g, 2) ? corner(g) : below(g, 32),
		 top = g->c.gpr[ESP] + seg_base(g, SS);

	if (one_in(g, 2))
		frame = top - pick_edge(g) - below(g, 32);
	return frame + ((top - frame) & 3);
}

static void put_instruction(struct gen *g, const struct row *row)
{
	static const uint8_t seg_prefix[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	const char *habits = row->habits, *p = row->encoding;
	int prefix66 = strchr(habits, 'o') && one_in(g, 4);
	int wide = g->wide ^ prefix66;
	int modrm = strchr(p, 'M') ? 'M' : strchr(p, 'R') ? 'R' : strchr(p, 'E') ? 'E' : 0;
	int memory = modrm == 'M' || (modrm == 'E' && !g->register_only && !one_in(g, 3));
	int offset = strstr(p, "moffs") != NULL;
	int implicit = strchr(habits, 's') || strchr(habits, 'x') || offset;
	int repeated = strchr(habits, 'r') && !one_in(g, 3);
	int narrow67 = 0, seg = -1;
	/* 66 beside a mandatory F2 or F3, which selects the form: 1 before it, 2 behind it. */
	int beside = *p == 'f' && p[2] == ' ' && p[3] == '0' && one_in(g, 6) ? 1 + below(g, 2) : 0;
	unsigned operation = 0;
	int bytes = 0;
	/* Repeated up to 15 bytes and beyond. */
	int often = one_in(g, 100) && !strchr(habits, 'u') ? 1 + below(g, 13) : 1;

	/* Processors differ in what comes first, a part's alignment or the limit of the next. */
	if (strchr(habits, 'w'))
		g->c.eflags &= ~AC;
	if (one_in(g, 150) && !g->program && !strchr(habits, 'L')) /* #UD but where 'l' stands */
		put8(g, 0xf0);
	/* REP means nothing to one-byte opcodes but LOOP, where it is unpredictable. */
	if (one_in(g, 60) && !repeated && strncmp(p, "0f", 2) && strncmp(p, "66", 2) && *p != 'f' &&
	    !strchr(habits, '7'))
		put8(g, 0xf2 + below(g, 2));
	for (int n = prefix66 ? often : 0; n--;)
		put8(g, 0x66);
	if ((memory || implicit) && one_in(g, 5) && !g->program)
		seg = one_in(g, 8) ? (int)below(g, 6) : one_in(g, 3) ? GS : FS;
	if ((memory || implicit) && one_in(g, 7) && !g->program) {
		narrow67 = 1;
		/* 16-bit addresses need segments with a base. */
		if (g->wide)
			seg = FS;
		if (g->wide && strchr(habits, 's') && g->c.seg[ES] == SEL_DATA)
			g->c.seg[ES] = SEL_BASED;
	}
	if (strchr(habits, '7') && one_in(g, 3))
		narrow67 = 1;
	pin(g, row, repeated, seg < 0 ? DS : seg, narrow67 == g->wide);
	for (int n = seg >= 0 ? often : 0; n--;)
		put8(g, seg_prefix[seg]);
	for (int n = narrow67 ? often : 0; n--;)
		put8(g, 0x67);
	if (strchr(habits, 'l') && ((memory && one_in(g, 4)) || one_in(g, 200)))
		put8(g, 0xf0);
	if (repeated)
		put8(g, 0xf2 + below(g, 2));
	if (beside == 1)
		put8(g, 0x66);
	while (*p) {
		if (*p == ' ') {
			p++;
		} else if (hex(*p) >= 0 && hex(p[1]) >= 0 &&
		           (p[2] == ' ' || !p[2] || p[2] == '~' || p[2] == '+')) {
			uint8_t byte = hex(*p) << 4 | hex(p[1]);

			p += 2;
			if (*p == '~') { /* one of a range, in steps of 8 for the ALU group */
				unsigned n = strtoul(p + 1, (char **)&p, 10), i = below(g, n);

				byte += strpbrk(habits, "A8") ? i * 8 : i;
				operation = i;
			} else if (*p == '+') {
				byte += pick_register(g);
				p += 2;
			}
			put8(g, byte);
			if (!bytes++ && beside == 2)
				put8(g, 0x66);
		} else if (*p == 'E' || *p == 'M' || *p == 'R') {
			int reg = pick_register(g);

			if (p[1] >= '0' && p[1] <= '7')
				reg = *++p - '0';
			else if (p[1] == '*' && p++)
				operation = reg = below(g, 8);
			p++;
			if (strchr(habits, 't') && memory && !(g->pinned >> reg & 1) &&
			    reg != ESP) {
				g->c.gpr[reg] = (int)below(g, 1200) - 600;
				g->pinned |= 1 << reg;
			}
			if (!memory)
				put8(g, 0xc0 | reg << 3 | pick_register(g));
			else if (g->program)
				put_memory_program(g, reg, !!strchr(habits, 'a'));
			else if (narrow67 == g->wide)
				put_memory16(g, reg, seg, !!strchr(habits, 'a'),
				             !strchr(habits, 'w'));
			else
				put_memory32(g, reg, seg, !!strchr(habits, 'a'));
		} else if (*p == 'i') {
			put_value(g, corner(g),
			          p[1] == 'b'                             ? 1
			          : p[1] == 'w' || (p[1] == 'z' && !wide) ? 2
			                                                  : 4);
			p += 2;
		} else if (*p == 'j') {
			put_value(g, p[1] - '0', wide ? 4 : 2);
			p += 2;
		} else if (*p == 'p') {
			put_value(g, g->base + g->size + (wide ? 6 : 4), wide ? 4 : 2);
			put_value(g, g->c.seg[CS], 2);
			p++;
		} else if (*p == 'F') {
			put_value(g, pick_frame(g), 2);
			p++;
		} else if (!strncmp(p, "moffs", 5)) {
			int segment = seg < 0 ? DS : seg, narrow = narrow67 == g->wide;

			put_value(g, pick_target(g, segment, 0, narrow, 1) - seg_base(g, segment),
			          narrow ? 2 : 4);
			p += 5;
		} else {
			fprintf(stderr, "asmpack: bad row: %s\n", row->encoding);
			exit(2);
		}
	}
	g->c.undefined |= row->undefined;
	if (strchr(habits, 'A') && (operation == 1 || operation == 4 || operation == 6))
		g->c.undefined |= AF;
	if (strchr(habits, 'f') && one_in(g, 2))
		put8(g, 0x9b);
}

static int in_sequence(const struct row *row)
{
	return row->habits && strchr(row->habits, 'S') && !strchr(row->encoding, 'M');
}

void put_filler(struct gen *g)
{
	const struct row *row;

	do
		row = &rows[below(g, ROWS)];
	while (!in_sequence(row));
	put_instruction(g, row);
}

/* A row near this one in its group that may follow it. */
static const struct row *neighbour(struct gen *g, const struct row *row)
{
	const struct row *next = row;

	for (unsigned n = below(g, 12); n-- && next[-1].habits;)
		next--;
	if (next->undefined || strpbrk(next->encoding, "Mm") || strpbrk(next->habits, "srxbde23v"))
		return NULL;
	return next;
}

/* Some instructions more, without memory: of the integer group, or of the same. */
static void put_sequence(struct gen *g, const struct row *row)
{
	int same = !in_sequence(row) && one_in(g, 2);

	g->register_only = 1;
	for (unsigned n = 1 + below(g, 3); n--;) {
		const struct row *next = same ? neighbour(g, row) : NULL;

		if (next)
			put_instruction(g, next);
		else
			put_filler(g);
	}
}

/* A data segment that is none of the flat ones. */
static uint16_t pick_segment(struct gen *g)
{
	static const uint16_t selectors[] = {SEL_BASED, SEL_BASED,   SEL_BASED,     SEL_EDGE,
	                                     SEL_EDGE,  SEL_LIMITED, SEL_DOWN,      SEL_RODATA,
	                                     SEL_PAGES, SEL_DOWN16,  SEL_DOWN_PAGES};

	return selectors[below(g, sizeof(selectors) / sizeof(*selectors))];
}

static uint16_t pick_stack(struct gen *g)
{
	static const uint16_t selectors[] = {SEL_BASED, SEL_BASED, SEL_STACK32, SEL_STACK16,
	                                     SEL_LOW32, SEL_LOW16, SEL_HIGH32,  SEL_HIGH16};

	return selectors[below(g, 8)];
}

void start_case(struct gen *g)
{
	struct asm_case *c = &g->c;

	memset(c, 0, sizeof(*c));
	g->size = 0;
	g->pinned = 1 << ESP;
	g->wide = 1;
	g->register_only = 0;
	g->program = 0;
	for (int i = 0; i < 8; i++)
		c->gpr[i] = corner(g);
	for (int i = 0; i < 6; i++)
		c->seg[i] = SEL_DATA;
	c->seg[CS] = SEL_CODE;
	c->seg[FS] = one_in(g, 3) ? pick_segment(g) : SEL_BASED;
	c->seg[GS] = one_in(g, 2) ? SEL_LIMITED : pick_segment(g);
	if (one_in(g, 10))
		c->seg[DS] = pick_segment(g);
	if (one_in(g, 10))
		c->seg[ES] = pick_segment(g);
	if (one_in(g, 10))
		c->seg[SS] = pick_stack(g);
	c->eflags = 0x202 | (any(g) & ALL) | (one_in(g, 24) ? AC : 0);
	c->fpu = below(g, FPU_IMAGES);
	c->data = below(g, DATA_IMAGES);
}

/* The stack's top near the end of a page: what is pushed faults, or what is popped. */
static uint32_t pick_stack_edge(struct gen *g)
{
	static const uint32_t lower[] = {EDGE, EDGE + 0x2000};
	static const uint32_t upper[] = {EDGE + 0x1000, EDGE + EDGE_SIZE};

	return one_in(g, 2) ? lower[below(g, 2)] + below(g, 40) - 8
	                    : upper[below(g, 2)] + below(g, 40) - 32;
}

void set_stack(struct gen *g, int edge)
{
	uint32_t *esp = &g->c.gpr[ESP];

	*esp = WINDOW_STACK + WINDOW_STACK_SIZE / 2 + below(g, 32) - 16;
	if (edge && (g->c.seg[SS] == SEL_DATA || g->c.seg[SS] == SEL_BASED))
		*esp = pick_stack_edge(g);
	if (!one_in(g, 4))
		*esp &= ~3u;
	*esp -= seg_base(g, SS);
	/* An IRET to a 16-bit stack leaves the upper half as the kernel had it. */
	if (stack_narrow(g->c.seg[SS]))
		*esp |= STACK16_UPPER;
}

/* 16-bit code, on segments with a base; g->base is an offset. */
static void make_narrow(struct gen *g)
{
	g->wide = 0;
	g->c.seg[CS] = SEL_BATCH16 + (g->base >> 16 << 3);
	g->base &= 0xffff;
	g->c.seg[DS] = one_in(g, 3) ? pick_segment(g) : SEL_BASED;
	g->c.seg[ES] = one_in(g, 3) ? pick_segment(g) : SEL_BASED;
	g->c.seg[SS] = one_in(g, 2) ? SEL_STACK16 : pick_stack(g);
}

static void generate_case(struct gen *g, const struct row *row, int narrow)
{
	start_case(g);
	if (narrow)
		make_narrow(g);
	/* Processors differ in what ENTER leaves above BP, and in which of two
	 * faults a misaligned operand beyond the limit raises. */
	if (strpbrk(row->habits, "ea") && stack_segment(g->c.seg[SS]))
		g->c.seg[SS] = SEL_BASED;
	/* They address the stack by BP. */
	if (strchr(row->habits, '2') && g->c.seg[SS] == SEL_BASED)
		g->c.seg[SS] = SEL_STACK16;
	set_stack(g, one_in(g, 4));
	if (one_in(g, strchr(row->habits, 's') ? 2 : 8))
		g->c.eflags |= DF;
	put_instruction(g, row);
	if (!g->c.undefined && !strchr(row->habits, 'v') && one_in(g, 4))
		put_sequence(g, row);
}

static const struct row *pick_row(const char *group, uint32_t number)
{
	unsigned first = 0, count = 0;

	while (first < ROWS && (rows[first].habits || strcmp(rows[first].encoding, group)))
		first++;
	while (first + 1 + count < ROWS && rows[first + 1 + count].habits)
		count++;
	return count ? &rows[first + 1 + number % count] : NULL;
}

/* How many forms of the translator's table a row stands for in 32-bit or 16-bit code. */
static unsigned variants(const struct row *row, int narrow)
{
	unsigned n = 1;

	if (!row->habits || strchr(row->habits, narrow ? '3' : '2'))
		return 0;

	for (const char *p = row->encoding; *p; p++) {
		if (*p == '~')
			n *= strtoul(p + 1, NULL, 10);
		else if (*p == '+' || *p == '*')
			n *= 8;
	}
	return n;
}

/* Rows of any kind, one after the other, most with operands in memory. */
static void generate_sequence(struct gen *g, int narrow)
{
	start_case(g);
	for (int i = 0; i < 6; i++)
		g->c.seg[i] = i == CS ? SEL_CODE : SEL_DATA;
	if (narrow) {
		make_narrow(g);
		g->c.seg[DS] = SEL_BASED;
		g->c.seg[SS] = SEL_STACK16;
	}
	g->program = 1;
	set_stack(g, 0);
	g->c.gpr[ESI] = WINDOW_DATA + WINDOW_DATA_SIZE / 2 + below(g, 16) - seg_base(g, DS);
	g->c.gpr[EBP] = narrow ? g->c.gpr[ESP] + below(g, 64) - 32
	                       : WINDOW_DATA + WINDOW_DATA_SIZE / 2 + below(g, 16);
	if (!one_in(g, 16)) { /* aligned */
		g->c.gpr[ESI] &= ~15u;
		g->c.gpr[EBP] &= ~15u;
	}
	int traced = 0; /* TF may be set: flags show between any two */

	for (unsigned n = 3 + below(g, 10); n--;) {
		const struct row *row = &rows[below(g, ROWS)];
		uint32_t undefined = g->c.undefined;

		if (!variants(row, narrow) || strpbrk(row->habits, "srxbdetqv")) {
			put_filler(g);
			continue;
		}
		put_instruction(g, row);
		traced |= !strcmp(row->encoding, "9d");
		if (row->undefined && n) { /* cmp: what follows may read flags */
			if (!traced)
				g->c.undefined = undefined;
			put8(g, 0x39);
			put8(g, 0xc0 | below(g, 64));
		}
	}
}

/* The rows of all groups in turn, each as often as it has variants. */
static const struct row *pick_form(uint32_t number, int narrow)
{
	static uint32_t total;

	if (!total)
		for (unsigned i = 0; i < ROWS; i++)
			total += variants(&rows[i], narrow);
	number %= total;
	for (unsigned i = 0;; i++) {
		unsigned n = variants(&rows[i], narrow);

		if (number < n)
			return &rows[i];
		number -= n;
	}
}

/* Where the next case's code begins: none crosses the end of a 16-bit segment. */
static uint32_t place(struct builder *b)
{
	static const uint8_t end[CODE_MAX] = {[0 ... CODE_MAX - 1] = 0xcc};
	uint32_t left = -b->code.size & 0xffff;

	if (left < CODE_MAX)
		buffer_add(&b->code, end, left);
	return b->code.size;
}

int generate(struct builder *b, const char *group, uint64_t seed, uint32_t count)
{
	static const char *const groups16[] = {"integer", "stack", "string", "branch",
	                                       "x87",     "mmx",   "sse",    "sse2"};
	struct gen g = {.seed = seed * 0x9e3779b97f4a7c15ull + 1};
	uint8_t image[IMAGE_SIZE], fpu[FPU_SIZE];
	const uint8_t end = 0xcc;
	int program = !strcmp(group, "program"), smc = !strcmp(group, "smc");
	int segment = !strcmp(group, "segment"), code16 = !strcmp(group, "code16");
	int forms = !strcmp(group, "forms"), forms16 = !strcmp(group, "forms16");
	int sequence = !strcmp(group, "sequence"), sequence16 = !strcmp(group, "sequence16");
	int narrow = code16 || forms16 || sequence16;

	if (program || smc || segment || narrow || forms || sequence)
		group = "integer";
	if (!pick_row(group, 0))
		return -1;
	b->ldt = 1;
	for (unsigned i = 0; i < FPU_IMAGES; i++) {
		make_fpu(&g, fpu, i);
		buffer_add(&b->fpu, fpu, FPU_SIZE);
	}
	for (unsigned i = 0; i < DATA_IMAGES; i++) {
		fill(&g, image, IMAGE_SIZE);
		buffer_add(&b->data, image, IMAGE_SIZE);
	}
	for (uint32_t i = 0; i < count; i++) {
		g.base = narrow ? place(b) : BATCH + b->code.size;
		if (program || smc)
			generate_program(&g, smc);
		else if (segment)
			generate_segments(&g);
		else if (sequence || sequence16)
			generate_sequence(&g, narrow);
		else if (forms || forms16)
			generate_case(&g, pick_form(i, narrow), narrow);
		else if (code16)
			generate_case(&g, pick_row(groups16[i % 8], i / 8), 1);
		else
			generate_case(&g, pick_row(group, i), 0);
		g.c.size = g.size;
		g.c.source = buffer_add(&b->code, g.code, g.size);
		g.c.code = g.base;
		buffer_add(&b->code, &end, 1);
		if (b->code.size > BATCH_SIZE)
			return -1;
		buffer_add(&b->cases, &g.c, sizeof(g.c));
	}
	return 0;
}
