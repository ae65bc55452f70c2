/* The way into translated code and the stubs that lead out of it, byte for byte; the
 * cells that lead to them; and the table in which every lookup misses. */
#include "verify/cursor.h"
#include "verify/internal.h"

#include <stdio.h>
#include <string.h>

enum { LABELS = 12, HOPS = 18 };
enum label {
	ENTER,
	DISPATCHER,
	BY_SAHF,
	FLAGS_DONE,
	ABORT,
	END_AC,
	LEAVE,
	SAVE,
	MISS,
	HIT,
	FAR,
	LOOKUP
};

/* The branches inside, which lead to labels. */
struct stubs {
	struct cursor k;
	const uint8_t *begin;
	const struct dump_layout *l;
	const uint8_t *at[LABELS];
	struct {
		const uint8_t *lands;
		enum label to;
	} hop[HOPS];
	unsigned n_hops;
};

static void label(struct stubs *s, enum label n)
{
	s->at[n] = s->k.p;
}

/* By its short opcode; assemblers differ in when they use the long form. */
static void hop(struct stubs *s, uint8_t opcode, enum label to)
{
	struct cursor *k = &s->k;
	char far_jump[2] = {0x0f, (char)(opcode + 0x10)};
	int32_t rel;
	if (opcode == 0xeb ? MAYBE(k, "\xe9") : opcode != 0xe3 && maybe(k, 2, far_jump)) {
		rel = (int32_t)imm(k, 4);
	} else {
		k->ok &= imm(k, 1) == opcode;
		rel = (int8_t)imm(k, 1);
	}
	if (!k->ok || rel < s->begin - k->p || rel > k->end - k->p) {
		k->ok = false;
		return;
	}
	s->hop[s->n_hops].lands = k->p + rel;
	s->hop[s->n_hops++].to = to;
}

/* mov between a register and [r15 + disp]. */
static void cell(struct stubs *s, uint8_t opcode, bool wide, unsigned reg, uint32_t disp)
{
	char head[2] = {(char)(0x41 | wide << 3 | (reg >= 8) << 2), (char)opcode};
	bytes(&s->k, 2, head);
	at_r15(&s->k, reg, -1, disp);
}

static void load(struct stubs *s, bool wide, unsigned reg, uint32_t disp)
{
	cell(s, 0x8b, wide, reg, disp);
}

static void store(struct stubs *s, bool wide, unsigned reg, uint32_t disp)
{
	cell(s, 0x89, wide, reg, disp);
}

/* Where the guest's registers are on the host. */
static const uint8_t gpr[8] = {RAX, RCX, RDX, RBX, R12, RBP, RSI, RDI};

static void enter(struct stubs *s)
{
	struct cursor *k = &s->k;
	const struct dump_layout *l = s->l;
	BYTES(k, "\x53"
	         "\x55"
	         "\x41\x54"
	         "\x41\x55"
	         "\x41\x56"
	         "\x41\x57"       /* push rbx rbp r12 to r15 */
	         "\x49\x89\xff"); /* mov r15, rdi */
	BYTES(k, "\x49\x89\xf0"); /* mov r8, rsi */
	store(s, true, RDX, l->scratch + 8 * 6);
	store(s, true, RCX, l->scratch + 8 * 4);
	store(s, true, RSP, l->host_rsp);
	label(s, ENTER);
	load(s, true, R14, l->tag);
	load(s, true, R13, l->table);
	load(s, true, RSP, l->ret_sp);
	cell(s, 0x85, false, RDX, l->pending); /* test [r15 + pending], edx */
	hop(s, 0x75, ABORT);
	load(s, false, R9, l->flags);
	BYTES(k, "\x45\x8d\x14\x09"               /* lea r10d, [r9 + rcx] */
	         "\x41\xf7\xc2\x2a\xf7\xff\xff"); /* test r10d, all but the arithmetic flags */
	hop(s, 0x74, BY_SAHF);
	BYTES(k, "\x45\x8d\x8a\x02\x02\x00\x00" /* lea r9d, [r10 + 202h] */
	         "\x41\x51"
	         "\x9d"); /* push r9; popfq */
	hop(s, 0xeb, FLAGS_DONE);
	label(s, BY_SAHF);
	BYTES(k, "\x44\x89\xc8"     /* mov eax, r9d */
	         "\xc1\xe0\x08"     /* shl eax, 8 */
	         "\x41\xc1\xe9\x0b" /* shr r9d, 11 */
	         "\x41\x80\xc1\x7f" /* add r9b, 7fh */
	         "\x9e");           /* sahf */
	label(s, FLAGS_DONE);
	for (unsigned i = 0; i < 3; i++)
		load(s, true, R9 + i, l->scratch + 8 * i);
	for (unsigned i = 0; i < 8; i++)
		load(s, false, gpr[i], l->gpr + 4 * i);
	BYTES(k, "\x41\x50\xc3"); /* push r8; ret */
	label(s, ABORT);
	BYTES(k, "\xb8"); /* mov eax, */
	imm_is(k, l->out_pending);
	BYTES(k, "\x41\xb9\x00\x00\x04\x00"); /* mov r9d, AC */
	hop(s, 0xeb, END_AC);
}

/* mov r11d, why */
static void out(struct stubs *s, uint32_t why)
{
	BYTES(&s->k, "\x41\xbb");
	imm_is(&s->k, why);
}

/* To another CS. */
static void far_transfer(struct stubs *s)
{
	struct cursor *k = &s->k;
	const struct dump_layout *l = s->l;
	uint32_t cs = l->seg + 1 * l->seg_stride;
	BYTES(k, "\x49\x89\xcb"     /* mov r11, rcx */
	         "\x45\x0f\xb7\xd2" /* movzx r10d, r10w */
	         "\x45\x0f\xb6\xca" /* movzx r9d, r10b */
	         "\x4f\x8d\x0c\x09" /* lea r9, [r9+r9] */
	         "\x4b\x8b");       /* mov rcx, [r15+r9*8+slot] */
	at_r15(k, RCX, R9, l->far_slot);
	BYTES(k, "\x4a\x8d\x0c\x11"); /* lea rcx, [rcx+r10] */
	load(s, true, R14, l->far_key);
	BYTES(k, "\x4a\x8d\x0c\x31"); /* lea rcx, [rcx+r14] */
	hop(s, 0xe3, FAR);
	BYTES(k, "\x44\x89\xd9"); /* mov ecx, r11d */
	out(s, l->out_far);
	hop(s, 0xeb, SAVE);
	label(s, FAR);
	BYTES(k, "\x44\x89\xd9"
	         "\x4f\x8b"); /* mov r14, [r15+r9*8+slot+8] */
	at_r15(k, R14, R9, l->far_slot + 8);
	store(s, true, R14, l->tag);
	BYTES(k, "\x66");
	store(s, false, R10, cs + l->seg_selector);
	BYTES(k, "\x41\xb9\x04\x00\x00\x00" /* mov r9d, 4 */
	         "\xc4\x42\x31\xf7\xd2");   /* shlx r10d, r10d, r9d */
	store(s, false, R10, cs + l->seg_base);
	load(s, true, RSP, l->ret_top);
	hop(s, 0xeb, LOOKUP);
}

static void lookup(struct stubs *s)
{
	struct cursor *k = &s->k;
	BYTES(k, "\x45\x0f\xb7\xc8"     /* movzx r9d, r8w */
	         "\x4f\x8d\x0c\x09"     /* lea r9, [r9+r9] */
	         "\x49\x89\xcb"         /* mov r11, rcx */
	         "\x4b\x8b\x4c\xcd\x00" /* mov rcx, [r13+r9*8] */
	         "\x4f\x8d\x14\x06"     /* lea r10, [r14+r8] */
	         "\x4a\x8d\x0c\x11");   /* lea rcx, [rcx+r10] */
	hop(s, 0xe3, HIT);
	BYTES(k, "\x44\x89\xd9"); /* mov ecx, r11d */
	hop(s, 0xeb, MISS);
	label(s, HIT);
	BYTES(k, "\x44\x89\xd9"
	         "\x43\xff\x64\xcd\x08"); /* jmp [r13+r9*8+8] */
}

static void save(struct stubs *s)
{
	struct cursor *k = &s->k;
	const struct dump_layout *l = s->l;
	store(s, true, R9, l->scratch);
	store(s, true, R10, l->scratch + 8);
	store(s, true, R8, l->scratch + 24);
	for (unsigned i = 0; i < 8; i++)
		store(s, false, gpr[i], l->gpr + 4 * i);
	BYTES(k, "\x9c"
	         "\x41\x59" /* pushfq; pop r9 */
	         "\x44\x89\xc8"
	         "\x25"); /* mov eax, r9d; and eax, */
	imm_is(k, NATIVE_FLAGS);
	store(s, false, RAX, l->flags);
	store(s, true, RSP, l->ret_sp);
	BYTES(k, "\x44\x89\xd8"); /* mov eax, r11d */
	label(s, END_AC);
	BYTES(k, "\x41\x0f\xba\xe1\x12"); /* bt r9d, 18 */
	hop(s, 0x73, LEAVE);
	BYTES(k, "\x68\x02\x02\x00\x00"
	         "\x9d"); /* push 202h; popfq */
	label(s, LEAVE);
	load(s, true, RSP, l->host_rsp);
	BYTES(k, "\xfc\x83\xf8"); /* cld; cmp eax, */
	k->ok &= imm(k, 1) == l->out_callout;
	hop(s, 0x75, DISPATCHER);
	load(s, true, RDI, l->scratch + 8 * 7);
	BYTES(k, "\x48\x8d\x64\x24\xf8" /* lea rsp, [rsp - 8] */
	         "\xe8");               /* call: to C, as the linker has it */
	imm(k, 4);
	BYTES(k, "\x48\x8d\x64\x24\x08" /* lea rsp, [rsp + 8] */
	         "\x85\xc0");           /* test eax, eax */
	hop(s, 0x75, DISPATCHER);
	load(s, true, R8, l->scratch + 8 * 5);
	load(s, true, RDX, l->scratch + 8 * 6);
	load(s, true, RCX, l->scratch + 8 * 4);
	hop(s, 0xeb, ENTER);
	label(s, DISPATCHER);
	BYTES(k, "\x41\x5f"
	         "\x41\x5e"
	         "\x41\x5d"
	         "\x41\x5c"
	         "\x5d"
	         "\x5b"
	         "\x59"
	         "\xff\xe1"); /* pop rcx; jmp rcx */
}

static uint64_t here(const struct check *c, const struct stubs *s)
{
	return c->d.h.stubs.entry + (uint64_t)(s->k.p - c->d.entry);
}

static void entry_check(struct check *c)
{
	const struct dump_stubs *is = &c->d.h.stubs;
	struct stubs s = {.k = cursor(c->d.entry, c->d.entry + c->d.h.entry),
	                  .begin = c->d.entry,
	                  .l = &c->d.h.layout};
	struct dump_stubs at = {.entry = is->entry};

	enter(&s);
	at.far = here(c, &s);
	far_transfer(&s);
	at.ret_miss = here(c, &s);
	BYTES(&s.k, "\x48\x8d\x64\x24\xf8"); /* lea rsp, [rsp - 8] */
	at.lookup = here(c, &s);
	label(&s, LOOKUP);
	lookup(&s);
	at.callout = here(c, &s);
	BYTES(&s.k, "\x41\x8f"); /* pop [r15 + scratch 5] */
	at_r15(&s.k, 0, -1, s.l->scratch + 8 * 5);
	store(&s, true, R11, s.l->scratch + 8 * 2);
	out(&s, s.l->out_callout);
	hop(&s, 0xeb, SAVE);
	out(&s, s.l->out_fault);
	hop(&s, 0xeb, SAVE);
	at.exit = here(c, &s);
	out(&s, s.l->out_direct);
	hop(&s, 0xeb, SAVE);
	at.miss = here(c, &s);
	label(&s, MISS);
	out(&s, s.l->out_miss);
	label(&s, SAVE);
	save(&s);
	for (unsigned i = 0; i < s.n_hops; i++)
		s.k.ok &= s.hop[i].lands == s.at[s.hop[i].to];
	if (!s.k.ok || s.k.p != s.k.end) {
		char what[80];
		snprintf(what, sizeof what, "the code of the stubs, from byte %u on",
		         (unsigned)(s.k.p - c->d.entry));
		fail(c, NULL, 0, RULE_ENTRY, what);
	} else if (memcmp(&at, is, sizeof at)) {
		fail(c, NULL, 0, RULE_ENTRY, "a cell that does not lead to its stub");
	}
}

void stubs_check(struct check *c)
{
	const struct dump *d = &c->d;
	entry_check(c);
	for (uint32_t i = 0; i < d->h.misses; i++)
		if (d->misses[i].minus_tag || d->misses[i].host != d->h.stubs.miss) {
			fail(c, NULL, 0, RULE_MISS, "entry");
			break;
		}
	if (d->h.misses != 1 << 16)
		fail(c, NULL, 0, RULE_MISS, "its length");
}
