/* String operations against a model: all of them, both directions, all sizes, all prefixes;
 * faults in the middle, segment overrides, 16-bit addressing, ports. */
#include "strings.h"

/* clang-format off */
#define OPS(X)                                                                                     \
	X(movsb, MOVS, 1, "movsb") X(movsw, MOVS, 2, "movsw") X(movsd, MOVS, 4, "movsd")           \
	X(cmpsb, CMPS, 1, "cmpsb") X(cmpsw, CMPS, 2, "cmpsw") X(cmpsd, CMPS, 4, "cmpsd")           \
	X(stosb, STOS, 1, "stosb") X(stosw, STOS, 2, "stosw") X(stosd, STOS, 4, "stosd")           \
	X(lodsb, LODS, 1, "lodsb") X(lodsw, LODS, 2, "lodsw") X(lodsd, LODS, 4, "lodsd")           \
	X(scasb, SCAS, 1, "scasb") X(scasw, SCAS, 2, "scasw") X(scasd, SCAS, 4, "scasd")
/* clang-format on */
#define X(name, op, size, text)                                                                    \
	CODE(name##_plain, text);                                                                  \
	CODE(name##_rep, ".byte 0xf3\n" text);                                                     \
	CODE(name##_repne, ".byte 0xf2\n" text);
OPS(X)
#undef X

static const struct op {
	const char *name;
	int op, prefix;
	u32 size;
	const u8 *code, *end;
} ops[] = {
#define X(name, op, size, text)                                                                    \
	{text, op, PLAIN, size, name##_plain, name##_plain_end},                                   \
		{"rep " text, op, REP, size, name##_rep, name##_rep_end},                          \
		{"repne " text, op, REPNE, size, name##_repne, name##_repne_end},
	OPS(X)
#undef X
};
#define OPS_COUNT (sizeof(ops) / sizeof(ops[0]))

static u8 model[4 * 4096];

static u32 fetch(u32 a, u32 size)
{
	u32 v = 0;

	memcpy(&v, model + (a - (u32)scratch), size);
	return v;
}

/* What the manual says, one element at a time; stops before element `fault` of the operation. */
static void step_model(const struct op *o, struct state *s, u32 fault)
{
	u32 step = s->eflags & DF ? -o->size : o->size, done = 0;

	while (done < fault && (o->prefix == PLAIN || s->ecx)) {
		u32 v;

		switch (o->op) {
		case MOVS:
			v = fetch(s->esi, o->size);
			memcpy(model + (s->edi - (u32)scratch), &v, o->size);
			break;
		case CMPS:
			s->eflags = (s->eflags & ~(u32)STATUS) |
			            compare_flags(fetch(s->esi, o->size), fetch(s->edi, o->size),
			                          o->size);
			break;
		case STOS:
			memcpy(model + (s->edi - (u32)scratch), &s->eax, o->size);
			break;
		case LODS:
			v = fetch(s->esi, o->size);
			memcpy(&s->eax, &v, o->size);
			break;
		case SCAS:
			s->eflags = (s->eflags & ~(u32)STATUS) |
			            compare_flags(s->eax, fetch(s->edi, o->size), o->size);
			break;
		}
		if (op_loads_source(o->op))
			s->esi += step;
		if (o->op != LODS)
			s->edi += step;
		done++;
		if (o->prefix == PLAIN)
			return;
		s->ecx--;
		if ((o->op == CMPS || o->op == SCAS) && !(s->eflags & ZF) == (o->prefix == REP))
			return;
	}
}

static void fill(u32 seed)
{
	for (u32 i = 0; i < sizeof(model); i++) {
		seed = seed * 1103515245 + 12345;
		/* Few values, so that comparisons run on for a while. */
		model[i] = scratch[i] = (u8)(seed >> 28 < 13 ? 0x41 : seed >> 16);
	}
}

static void compare(const struct op *o, const struct state *got, const struct state *want)
{
	u32 flags = STATUS | DF;

	if (got->eax != want->eax || got->ecx != want->ecx || got->esi != want->esi ||
	    got->edi != want->edi || (got->eflags & flags) != (want->eflags & flags))
		fail("%s: eax %x ecx %x esi %x edi %x fl %x, not eax %x ecx %x esi %x edi %x fl %x",
		     o->name, got->eax, got->ecx, got->esi, got->edi, got->eflags & flags,
		     want->eax, want->ecx, want->esi, want->edi, want->eflags & flags);
	if (memcmp(scratch, model, sizeof(model)))
		fail("%s: memory differs", o->name);
}

static void one(const struct op *o, u32 esi, u32 edi, u32 count, u32 flags, unsigned cpl)
{
	struct state s = at_cpl(cpl, o->code), want;

	s.eax = 0x41414141;
	s.esi = (u32)scratch + esi;
	s.edi = (u32)scratch + edi;
	s.ecx = count;
	s.eflags = 2 | flags;
	want = s;
	step_model(o, &want, ~0u);
	expect_done(o->name, &s, o->end);
	compare(o, &s, &want);
}

static void all(void)
{
	static const u32 counts[] = {0, 1, 2, 3, 7, 64, 513};

	for (unsigned i = 0; i < OPS_COUNT; i++)
		for (unsigned c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
			fill(i * 7 + c);
			one(&ops[i], 100, 8000 + 3, counts[c], CF | ZF, 3);
			one(&ops[i], 4090, 12288 - 6, counts[c], 0, 0);
			one(&ops[i], 4000, 12000, counts[c], DF | OF, 3);
		}
}

/* Source and destination overlap: the order of the elements shows. */
static void overlap(void)
{
	static const int distances[] = {-9, -4, -3, -1, 1, 2, 3, 4, 5, 8, 64, 4096};

	for (unsigned i = 0; i < OPS_COUNT; i++)
		if (ops[i].op == MOVS)
			for (unsigned d = 0; d < sizeof(distances) / sizeof(distances[0]); d++) {
				fill(d);
				for (u32 k = 0; k < sizeof(model); k++)
					scratch[k] = model[k] = (u8)k;
				one(&ops[i], 6000, 6000 + (u32)distances[d], 300, 0, 3);
				one(&ops[i], 6000, 6000 + (u32)distances[d], 300, DF, 3);
			}
}

/* A page in the way is absent, or read-only: the registers say how far it came, and with
 * the page repaired the operation goes on to the same end. */
static u8 *blocked;
static u32 faults, checked;
static struct state at_fault;
static bool unblock(struct frame *f)
{
	if (f->vector != V_PF)
		return false;
	faults++;
	at_fault = (struct state){.eax = f->eax,
	                          .ecx = f->ecx,
	                          .esi = f->esi,
	                          .edi = f->edi,
	                          .eip = f->eip,
	                          .eflags = f->eflags,
	                          .error = f->error,
	                          .cr2 = read_cr2()};
	pages_set(blocked, PTE_ALL);
	return true;
}

static void faulting(const struct op *o, u32 esi, u32 edi, u32 count, u32 flags, unsigned page,
                     u32 pte)
{
	struct state s = at_cpl(3, o->code), want, part;
	bool down = flags & DF;
	u32 lo = (u32)scratch + page * 4096, hi = lo + 4096, n = 0;

	s.eax = 0x41414141;
	s.esi = (u32)scratch + esi;
	s.edi = (u32)scratch + edi;
	s.ecx = count;
	s.eflags = 2 | flags;
	want = part = s;
	/* The elements before the first that touches the page. */
	for (;; n++) {
		u32 step = down ? -(n * o->size) : n * o->size;
		u32 a = s.esi + step, b = s.edi + step;
		bool reads = op_loads_source(o->op), dest = o->op != LODS;

		if (n == count)
			break;
		if (reads && a + o->size > lo && a < hi && !pte)
			break;
		if (dest && b + o->size > lo && b < hi && (!pte || op_stores(o->op)))
			break;
	}
	step_model(o, &part, n);
	fill(count);
	step_model(o, &want, ~0u);
	blocked = (u8 *)lo;
	pages_set(blocked, pte);
	faults = 0;
	trap_hook = unblock;
	expect_done(o->name, &s, o->end);
	trap_hook = NULL;
	pages_set(blocked, PTE_ALL);
	compare(o, &s, &want);
	/* Unless a comparison ended before the page. */
	if (n < count && part.ecx == count - n && want.ecx < part.ecx) {
		u32 mask = STATUS | DF;

		checked++;
		expect(o->name, faults, 1);
		if (at_fault.ecx != part.ecx || at_fault.esi != part.esi ||
		    at_fault.edi != part.edi || at_fault.eip != (u32)o->code)
			fail("%s: at the fault ecx %x esi %x edi %x eip %x, not %x %x %x %x",
			     o->name, at_fault.ecx, at_fault.esi, at_fault.edi, at_fault.eip,
			     part.ecx, part.esi, part.edi, (u32)o->code);
		if ((o->op == CMPS || o->op == SCAS) && n &&
		    (at_fault.eflags & mask) != (part.eflags & mask))
			fail("%s: flags at the fault %x, not %x", o->name, at_fault.eflags & mask,
			     part.eflags & mask);
	}
}

static void in_the_middle(void)
{
	pages_on();
	for (unsigned i = 0; i < OPS_COUNT; i++) {
		const struct op *o = &ops[i];

		if (o->prefix != REP)
			continue;
		for (u32 shift = 0; shift < 4; shift++) {
			/* Up, into page 1 as the source, page 3 as the destination. */
			fill(600);
			faulting(o, 3900 + shift, 8192 + 256, 600, 0, 1, 0);
			fill(600);
			faulting(o, 100, 12288 - 300 + shift, 600, 0, 3, 0);
			/* Down. */
			fill(600);
			faulting(o, 8192 + 100 + shift, 16384 - 64, 600, DF, 1, 0);
			fill(600);
			faulting(o, 4000, 12288 + 300 + shift, 600, DF, 2, 0);
			/* Read-only destination. */
			fill(600);
			faulting(o, 100, 12288 - 300 + shift, 600, 0, 3, PTE_P | PTE_U);
		}
	}
	pages_off();
	if (checked < 100)
		fail("only %u faults were checked", checked);
}

/* Whole pages, many of them, in one instruction. */
static void big(void)
{
	u8 *from = (u8 *)0x400000, *to = (u8 *)0x900000;
	u32 n = 0x300000, sum = 0, want = 0;

	pages_on();
	for (u32 i = 0; i < n / 4; i++) {
		((u32 *)from)[i] = i * 2654435761u;
		want += i * 2654435761u;
	}
	for (unsigned round = 0; round < 3; round++) {
		memset(to, round, n);
		memcpy(to + round, from, n);
		sum = 0;
		for (u32 i = 0; i < n / 4; i++)
			sum += *(u32 *)(to + round + 4 * i);
		expect("sum of a copy", sum, want);
		expect("memcmp", memcmp(from, to + round, n), 0);
	}
	pages_off();
}

/* Linear neighbours that are none in memory, as source and as destination, with code on the
 * destination's pages; and a source whose second page is absent. */
static void scattered(void)
{
	enum { BYTES = 320, AT = 512 };
	static u8 frame[8][4096] __attribute__((aligned(4096)));
	u8 *from = (u8 *)0xc00000, *to = (u8 *)0xc10000;
	struct state s;

	for (unsigned i = 0; i < OPS_COUNT; i++) {
		const struct op *o = &ops[i];

		if (o->op != MOVS || o->prefix != REP)
			continue;
		for (u32 round = 0; round < 24; round++) {
			bool down = round & 4, absent = round & 8;
			/* Whole elements up to the boundary, or one that straddles it. */
			u32 first = 96 + (round & 3), count = BYTES / o->size;
			u8 *src = from + 4096 - first, *dst = to + 4096 - AT + (round & 1);

			pages_on();
			for (u32 k = 0; k < sizeof(frame); k++)
				((u8 *)frame)[k] = (u8)(k * 7 + (k >> 12) + round);
			for (u32 k = 0; k < 2; k++) {
				pages_point(from + k * 4096, frame[3 - 2 * k], PTE_ALL);
				pages_point(to + k * 4096, frame[7 - 3 * k], PTE_ALL);
				to[k * 4096] = 0xc3; /* ret */
				asm volatile("call *%0" : : "r"(to + k * 4096) : "memory");
			}
			memcpy(model, to, 8192);
			u32 whole = absent ? (down ? (BYTES - first) / o->size : first / o->size)
			                   : count;

			for (u32 k = 0; k < whole * o->size; k++) {
				u32 n = down ? count * o->size - 1 - k : k;

				model[dst - to + n] = src[n];
			}
			if (absent)
				pages_set(down ? from : from + 4096, 0);
			s = at_cpl(3, o->code);
			s.esi = (u32)src + (down ? (count - 1) * o->size : 0);
			s.edi = (u32)dst + (down ? (count - 1) * o->size : 0);
			s.ecx = count;
			s.eflags = 2 | (down ? DF : 0);
			u32 moved = whole * o->size, step = down ? -moved : moved;
			u32 esi = s.esi + step, edi = s.edi + step;

			cpu_run(&s);
			expect("vector", s.vector, absent ? V_PF : V_DONE);
			expect("ecx", s.ecx, count - whole);
			expect("esi", s.esi, esi);
			expect("edi", s.edi, edi);
			expect("eip", s.eip, absent ? (u32)o->code : (u32)o->end + 2);
			if (absent) {
				expect("error", s.error, 4);
				expect("cr2", s.cr2, down ? esi : (u32)from + 4096);
			}
			if (memcmp(to, model, 8192))
				fail("%s, round %u: memory differs", o->name, round);
			pages_off();
		}
	}
}

/* --- segments and address size --- */

CODE(fs_movs, "fs rep movsb");
CODE(fs_cmps, "fs cmpsb");
CODE(fs_stos, "fs stosb");
CODE(addr16_lods, ".byte 0x67\n lodsb");
CODE(addr16_rep, ".byte 0x67, 0xf3\n stosb");
static void overrides(void)
{
	u16 sel = SEL_FREE | 3;
	struct state s;

	gdt_set(SEL_FREE, (u32)scratch + 4096, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | DESC_B);
	fill(1);
	memcpy(scratch + 4096 + 16, "hello, world", 12);
	s = at_cpl(3, fs_movs);
	s.fs = sel;
	s.esi = 16;
	s.edi = (u32)scratch;
	s.ecx = 12;
	expect_done("fs rep movsb", &s, fs_movs_end);
	expect("copied", memcmp(scratch, "hello, world", 12), 0);
	expect("esi", s.esi, 28);
	s = at_cpl(3, fs_cmps);
	s.fs = sel;
	s.esi = 16;
	s.edi = (u32)scratch;
	expect_done("fs cmpsb", &s, fs_cmps_end);
	expect("ZF", s.eflags & ZF, ZF);
	/* The destination's ES cannot be overridden. */
	s = at_cpl(3, fs_stos);
	s.fs = sel;
	s.edi = (u32)scratch + 100;
	s.eax = 'x';
	expect_done("fs stosb", &s, fs_stos_end);
	expect("stored by es", scratch[100], 'x');
	s = at_cpl(3, fs_movs);
	s.es = sel;
	s.esi = (u32)scratch;
	s.edi = 200;
	s.ecx = 5;
	expect_done("movsb with a base in es", &s, fs_movs_end);
	expect("copied", memcmp(scratch + 4096 + 200, "hello", 5), 0);
	/* 67: SI, DI and CX, with the high halves left alone. */
	s = at_cpl(3, addr16_lods);
	s.ds = sel;
	s.esi = 0xffff0010;
	expect_done("67 lodsb", &s, addr16_lods_end);
	expect("al", s.eax & 0xff, 'h');
	expect("esi", s.esi, 0xffff0011);
	s = at_cpl(3, addr16_rep);
	s.es = sel;
	s.edi = 0x12340020;
	s.ecx = 0x56780003;
	s.eax = 'z';
	expect_done("67 rep stosb", &s, addr16_rep_end);
	expect("edi", s.edi, 0x12340023);
	expect("ecx", s.ecx, 0x56780000);
	expect("stored", memcmp(scratch + 4096 + 0x20, "zzz", 3), 0);
	/* A limit in the middle. */
	gdt_set(SEL_FREE, (u32)scratch, 99, ACC_DATAW | ACC_DPL3, DESC_B);
	s = at_cpl(3, stosw_rep);
	s.es = sel;
	s.edi = 90;
	s.ecx = 20;
	cpu_run(&s);
	expect("limit in the middle: vector", s.vector, V_GP);
	expect("ecx", s.ecx, 15);
	expect("edi", s.edi, 100);
	expect("eip", s.eip, (u32)stosw_rep);
}

/* INS and OUTS. */
CODE(rep_outsb, "rep outsb");
CODE(rep_insb, "rep insb");
CODE(rep_insd, "rep insd");
static void ports(void)
{
	struct state s = at_cpl(0, rep_outsb);

	s.edx = 0x80;
	s.esi = (u32)scratch;
	s.ecx = 100;
	expect_done("rep outsb", &s, rep_outsb_end);
	expect("esi", s.esi, (u32)scratch + 100);
	expect("ecx", s.ecx, 0);
	memset(scratch, 0, 64);
	s = at_cpl(0, rep_insb);
	s.edx = 0x1234; /* absent: FFh */
	s.edi = (u32)scratch + 3;
	s.ecx = 10;
	expect_done("rep insb", &s, rep_insb_end);
	expect("edi", s.edi, (u32)scratch + 13);
	expect("read", scratch[3] == 0xff && scratch[12] == 0xff && !scratch[2] && !scratch[13], 1);
	pages_on();
	pages_set(scratch + 4096, 0);
	s = at_cpl(0, rep_insd);
	s.edx = 0x1234;
	s.edi = (u32)scratch + 4096 - 8;
	s.ecx = 10;
	cpu_run(&s);
	expect("fault in the middle: vector", s.vector, V_PF);
	expect("ecx", s.ecx, 8);
	expect("edi", s.edi, (u32)scratch + 4096);
	expect("eip", s.eip, (u32)rep_insd);
	pages_set(scratch + 4096, PTE_ALL);
	pages_off();
}

static const struct test tests[] = {
	{"all", "SDM vol. 2, MOVS CMPS STOS LODS SCAS", all},
	{"overlap", "SDM vol. 2, MOVS", overlap},
	{"in-the-middle", "SDM vol. 2, REP", in_the_middle},
	{"big", "SDM vol. 2, REP", big},
	{"scattered", "SDM vol. 2, REP", scattered},
	{"overrides", "SDM vol. 1, 7.3.9", overrides},
	{"ports", "SDM vol. 2, INS and OUTS", ports},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
