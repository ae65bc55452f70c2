/* Repeated string instructions of 16-bit code, in virtual-8086 mode and in 16-bit segments of
 * protected mode: how far they came where a limit or a page stops them, and that they go on from
 * there; SI, DI and CX alone count, and wrap. */
#include "strings.h"

/* The parts of two segments that are used: their beginnings and their ends, and what is behind. */
enum { CODE = 0x20000, SOURCE = 0x40000, TARGET = 0x60000 };
enum { LOW = 0x2000, HIGH = 0xe000, BEHIND = 16, USED = LOW + 0x10000 - HIGH + BEHIND };
enum { SEL_CODE = SEL_FREE | 3, SEL_SOURCE = (SEL_FREE + 8) | 3, SEL_TARGET = (SEL_FREE + 16) | 3 };

/* Virtual-8086 mode; segments of 64 KiB; segments of 4 GiB. */
enum way { V86, LIMITED, WIDE, WAYS };

static const struct op {
	const char *name;
	int op;
	u8 opcode;
} ops[] = {
	{"movs", MOVS, 0xa4}, {"cmps", CMPS, 0xa6}, {"stos", STOS, 0xaa},
	{"lods", LODS, 0xac}, {"scas", SCAS, 0xae},
};
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

struct run {
	const struct op *o;
	enum way way;
	u32 size;
	bool repne, a32;
	u32 si, di, count, flags;
};

/* What ends a run: HLT behind it, a limit, a page. */
struct stop {
	u32 vector, error, cr2;
	bool done;
};

static u8 model[2][USED];
static u32 blocked, blocked_pte; /* an address of the page; 0: none */
static u32 stopped;              /* so many in the middle */

static u32 place(u32 off)
{
	if (off >= LOW && off < HIGH)
		panic("offset %x is not used", off);
	return off < LOW ? off : off - HIGH + LOW;
}

/* Each form has its code at a place of its own. */
static u32 code_of(const struct run *r)
{
	return (u32)(r->o - ops) * 256 + r->size * 32 + r->repne * 16 + r->a32 * 8;
}

static void code_put(const struct run *r)
{
	u8 *p = (u8 *)CODE + code_of(r);

	if (*p)
		return;
	if (r->size == 4)
		*p++ = 0x66;
	if (r->a32)
		*p++ = 0x67;
	*p++ = r->repne ? 0xf2 : 0xf3;
	*p++ = r->o->opcode | (r->size > 1);
	*p = 0xf4; /* hlt */
}

static u32 length_of(const struct run *r)
{
	return 2 + (r->size == 4) + r->a32;
}

/* A mixture of equal elements and others, and some more of it: made once, as loops are slow where each
 * instruction is a unit of its own. */
static u8 mixed[2][USED + 256];

static void mixed_make(void)
{
	u32 seed = 1;

	for (u32 i = 0; i < USED + 256; i++) {
		seed = seed * 1103515245 + 12345;
		mixed[0][i] = (u8)(seed >> 28 < 13 ? 0x41 : seed >> 16);
		mixed[1][i] = (u8)(mixed[0][i] ^ (seed >> 30 == 0));
	}
}

/* Equal elements, unequal ones, or a mixture. */
static void fill(u32 kind)
{
	for (u32 k = 0; k < 2; k++)
		if (kind < 2)
			memset(model[k], 0x41 + (int)(k * kind), USED);
		else
			memcpy(model[k], mixed[k] + (kind & 0xff), USED);
	for (u32 k = 0; k < 2; k++) {
		u8 *segment = (u8 *)(k ? TARGET : SOURCE);

		memcpy(segment, model[k], LOW);
		memcpy(segment + HIGH, model[k] + LOW, USED - LOW);
	}
}

static bool same(const void *a, const void *b, u32 n)
{
	bool equal;

	asm("repe cmpsb" : "+S"(a), "+D"(b), "+c"(n), "=@ccz"(equal) : : "memory");
	return equal;
}

static void memory_is(const struct run *r)
{
	for (u32 k = 0; k < 2; k++) {
		const u8 *segment = (const u8 *)(k ? TARGET : SOURCE);

		if (!same(segment, model[k], LOW) ||
		    !same(segment + HIGH, model[k] + LOW, USED - LOW))
			fail("%s: memory differs", r->o->name);
	}
}

/* May the element be accessed? */
static bool reach(const struct run *r, u32 base, u32 off, bool store, struct stop *stop)
{
	u32 first = base + off, last = first + r->size - 1;

	if (r->way != WIDE && off + r->size - 1 > 0xffff) {
		*stop = (struct stop){.vector = V_GP};
		return false;
	}
	bool at_first = blocked && first >> 12 == blocked >> 12;
	bool at_last = blocked && last >> 12 == blocked >> 12;

	if ((!at_first && !at_last) || (blocked_pte && !store))
		return true;
	*stop = (struct stop){.vector = V_PF,
	                      .error = PTE_U | (store ? PTE_W : 0) | (blocked_pte & PTE_P),
	                      .cr2 = at_first ? first : last & ~0xfffu};
	return false;
}

/* What the manual says, one element at a time. */
static struct stop run_model(const struct run *r, struct state *s)
{
	u32 mask = r->a32 ? ~0u : 0xffff, step = s->eflags & DF ? -r->size : r->size;
	int op = r->o->op;
	struct stop stop;

	while (s->ecx & mask) {
		u32 from = s->esi & mask, to = s->edi & mask, a = s->eax, b = 0;

		if (op_loads_source(op)) {
			if (!reach(r, SOURCE, from, false, &stop))
				return stop;
			a = 0;
			memcpy(&a, &model[0][place(from)], r->size);
		}
		if (op != LODS) {
			if (!reach(r, TARGET, to, op_stores(op), &stop))
				return stop;
			memcpy(&b, &model[1][place(to)], r->size);
		}
		if (op_stores(op))
			memcpy(&model[1][place(to)], &a, r->size);
		if (op == LODS)
			memcpy(&s->eax, &a, r->size);
		if (op_loads_source(op))
			s->esi = (s->esi & ~mask) | ((from + step) & mask);
		if (op != LODS)
			s->edi = (s->edi & ~mask) | ((to + step) & mask);
		s->ecx = (s->ecx & ~mask) | ((s->ecx - 1) & mask);
		if (op != CMPS && op != SCAS)
			continue;
		s->eflags = (s->eflags & ~(u32)STATUS) | compare_flags(a, b, r->size);
		if (!(s->eflags & ZF) != r->repne)
			break;
	}
	s->eip += length_of(r);
	return (struct stop){.vector = V_GP, .done = true};
}

static void is_at(const struct run *r, const struct stop *stop, const struct state *got,
                  const struct state *want)
{
	if (got->vector != stop->vector || got->error != stop->error || got->eip != want->eip ||
	    (stop->vector == V_PF && got->cr2 != stop->cr2))
		fail("%s: vector %u error %x cr2 %x eip %x, not %u %x %x %x", r->o->name,
		     got->vector, got->error, got->cr2, got->eip, stop->vector, stop->error,
		     stop->cr2, want->eip);
	if (got->eax != want->eax || got->ecx != want->ecx || got->esi != want->esi ||
	    got->edi != want->edi || (got->eflags ^ want->eflags) & (STATUS | DF))
		fail("%s: eax %x ecx %x esi %x edi %x fl %x, not eax %x ecx %x esi %x edi %x fl %x",
		     r->o->name, got->eax, got->ecx, got->esi, got->edi, got->eflags, want->eax,
		     want->ecx, want->esi, want->edi, want->eflags);
	memory_is(r);
}

static struct state begin(const struct run *r)
{
	u32 upper = r->a32 ? 0 : 0xfedc0000;
	struct state s = at_cpl(3, NULL);

	s.eip = code_of(r);
	s.eax = 0x41414141;
	s.esi = upper | r->si;
	s.edi = upper | r->di;
	s.ecx = upper | r->count;
	s.eflags = 2 | r->flags;
	if (r->way == V86) {
		s.eflags |= VM;
		s.cs = CODE >> 4;
		s.ss = CODE >> 4;
		s.esp = 0xf000;
		s.ds = s.fs = s.gs = SOURCE >> 4;
		s.es = TARGET >> 4;
	} else {
		u32 limit = r->way == LIMITED ? 0xffff : 0xfffff;
		u8 flags = r->way == LIMITED ? 0 : DESC_G;

		gdt_set(SEL_CODE, CODE, 0xffff, ACC_CODER | ACC_DPL3, 0);
		gdt_set(SEL_SOURCE, SOURCE, limit, ACC_DATAW | ACC_DPL3, flags);
		gdt_set(SEL_TARGET, TARGET, limit, ACC_DATAW | ACC_DPL3, flags);
		s.cs = SEL_CODE;
		s.ds = SEL_SOURCE;
		s.es = SEL_TARGET;
	}
	return s;
}

/* With the page in the way, if one is given, and on from there without it. */
static void run(const struct run *r, u32 page, u32 pte)
{
	struct state s, want = begin(r);
	struct stop stop;

	code_put(r);
	blocked = page;
	blocked_pte = pte;
	if (page)
		pages_set((void *)page, pte);
	do {
		s = want;
		stop = run_model(r, &want);
		cpu_run(&s);
		if (blocked)
			pages_set((void *)page, PTE_ALL);
		is_at(r, &stop, &s, &want);
		blocked = 0;
		stopped += !stop.done;
	} while (stop.vector == V_PF);
}

/* All forms of a run with these. */
static void forms(struct run r, u32 page, u32 pte)
{
	for (r.o = ops; r.o < ops + OPS; r.o++)
		for (r.size = 1; r.size <= 4; r.size *= 2)
			for (u32 kind = 0; kind < 3; kind++) {
				r.repne = (r.o->op == CMPS || r.o->op == SCAS) && kind;
				fill(kind < 2 ? kind : r.si + r.di + r.size);
				run(&r, page, pte);
			}
}

static void by_ways(u32 si, u32 di, u32 count, u32 flags, u32 page, u32 pte, bool both)
{
	for (enum way way = V86; way < WAYS; way++)
		for (u32 a32 = 0; a32 <= both; a32++)
			forms((struct run){.way = way,
			                   .a32 = a32,
			                   .si = si,
			                   .di = di,
			                   .count = count,
			                   .flags = flags},
			      page, pte);
}

static void pages(void)
{
	mixed_make();
	memset((void *)CODE, 0, 0x1000);
	stopped = 0;
	pages_on();
	for (u32 shift = 0; shift < 4; shift++) {
		by_ways(0xf80 + shift, 0x40, 200, 0, SOURCE + 0x1000, 0, true);
		by_ways(0x40, 0xfa0 + shift, 200, OF, TARGET + 0x1000, 0, true);
		by_ways(0x40, 0xfa0 + shift, 200, 0, TARGET + 0x1000, PTE_P | PTE_U, true);
		by_ways(0x1050 + shift, 0x1f00, 200, DF, SOURCE, 0, true);
		by_ways(0x1f00, 0xf030 + shift, 200, DF | CF, TARGET + 0xe000, 0, true);
		by_ways(0x1f00, 0xf030 + shift, 200, DF, TARGET + 0xe000, PTE_P | PTE_U, true);
		by_ways(0x200, 0xfe00 + shift, 0, 0, TARGET + 0xf000, 0, true);
	}
	/* Around the end. */
	by_ways(0xffc0, 0x100, 100, 0, SOURCE, 0, false);
	by_ways(0x100, 0xffc0, 100, 0, TARGET, 0, false);
	by_ways(0x40, 0x1f00, 100, DF, SOURCE + 0xf000, 0, false);
	by_ways(0x1f00, 0x40, 100, DF, TARGET + 0xf000, PTE_P | PTE_U, false);
	pages_off();
	if (stopped < 1500)
		fail("only %u were stopped", stopped);
}

static void limits(void)
{
	mixed_make();
	memset((void *)CODE, 0, 0x1000);
	stopped = 0;
	for (u32 shift = 0; shift < 4; shift++) {
		by_ways(0xffc0 + shift, 0x100, 100, 0, 0, 0, false);
		by_ways(0x100, 0xffc0 + shift, 100, 0, 0, 0, false);
		by_ways(0xffc0 + shift, 0xffc0 + shift, 100, OF, 0, 0, false);
		by_ways(0x40 + shift, 0x1f00, 100, DF, 0, 0, false);
		by_ways(0x1f00, 0x40 + shift, 100, DF, 0, 0, false);
		for (enum way way = V86; way < WIDE; way++) {
			forms((struct run){.way = way,
			                   .a32 = true,
			                   .si = 0xffc0 + shift,
			                   .count = 100},
			      0, 0);
			forms((struct run){.way = way,
			                   .a32 = true,
			                   .di = 0xffc0 + shift,
			                   .count = 100},
			      0, 0);
		}
	}
	if (stopped < 500)
		fail("only %u were stopped", stopped);
}

static const struct test tests[] = {
	{"pages", "SDM vol. 2, REP", pages},
	{"limits", "SDM vol. 3, 20.1.1", limits},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
