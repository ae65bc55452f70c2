/* What a unit knows of its scratch registers and of its stack, so that the next access need not look
 * again.  It holds from one guest instruction to the next, as nothing enters a unit there: what
 * resumes one (callouts, returns) forgets all. */
#include "translator/xlate.h"

enum { FAR = 1 << 16 }; /* offsets beyond that are not kept */

void known_forget(struct xlate *x)
{
	x->known = (struct known){.base = -1, .low = -1};
	for (unsigned n = 0; n < REACHED; n++)
		x->known.reached[n].seg = -1;
}

/* ESP's or EBP's, by the guest's or the host's number; NULL: no such register. */
static struct frame *frame_of(struct xlate *x, uint8_t r)
{
	if (!(x->mode & MODE_STACK32))
		return NULL;
	return r == ESP || r == R12 ? &x->known.esp : r == EBP ? &x->known.ebp : NULL;
}

static void frame_shift(struct frame *f, int32_t by)
{
	f->low -= by;
	f->high -= by;
	if (by < -FAR || by > FAR || f->low < -FAR || f->high > FAR)
		*f = (struct frame){0};
}

void known_esp_moves(struct xlate *x, int32_t by)
{
	frame_shift(&x->known.esp, by);
}

static void written(struct xlate *x, uint8_t r)
{
	struct frame *f = frame_of(x, r);
	if (f)
		*f = (struct frame){0};
}

/* The register has become another (or itself) plus something. */
static void moved(struct xlate *x, uint8_t to, uint8_t from, int32_t by)
{
	struct frame *t = frame_of(x, to), *f = frame_of(x, from);
	if (!t)
		return;
	*t = f ? *f : (struct frame){0};
	frame_shift(t, by);
}

bool known_is_frame(struct xlate *x, const struct memop *ea, enum sreg seg)
{
	return seg == SREG_SS && mode_class(x->mode, seg) == CLASS_LIMITED && ea->index == NOREG &&
	       ea->disp > -FAR && ea->disp < FAR && frame_of(x, ea->base);
}

bool known_reached(struct xlate *x, const struct memop *ea, unsigned size)
{
	const struct frame *f = frame_of(x, ea->base);
	return f->low <= ea->disp && ea->disp + (int32_t)size <= f->high;
}

void known_reach(struct xlate *x, const struct memop *ea, unsigned size)
{
	struct frame *f = frame_of(x, ea->base);
	int32_t low = ea->disp - FRAME_BELOW, high = ea->disp + (int32_t)size;

	/* Both lie in the segment: so does what they make together, if they meet. */
	if (f->low < f->high && low <= f->high && f->low <= high) {
		low = low < f->low ? low : f->low;
		high = high > f->high ? high : f->high;
	}
	*f = (struct frame){low, high};
}

/* --- operands by other registers --- */

enum {
	ALL = 0xff,      /* general registers */
	AHEAD_BYTES = 64 /* that several instructions reach, all in all */
};

void known_r8(struct xlate *x)
{
	x->known.low = -1;
}

static unsigned bit(char class, uint8_t r)
{
	return 1u << (class == 'b' ? r & 3 : r);
}

/* The general registers that it may write. */
static unsigned modrm_writes(const struct row *r, const struct insn *i)
{
	bool mem = insn_is_mem(i), exchanges = !i->map && (i->opcode & 0xfe) == 0x86;
	bool names = i->map || i->opcode < 0xf6 || i->reg < 4; /* not MUL to IDIV */
	unsigned writes = 0;

	if (r->group != 'i')
		return mem && r->reg != 'v' && r->reg != 'd' ? 0 : ALL;
	if (!names || exchanges || i->map > 1 || !r->access ||
	    (i->map && ((i->opcode & 0xfe) == 0xb0 || i->opcode >= 0xc0)))
		return ALL;
	if (r->access == 'r' && r->reg)
		writes |= bit(r->reg, i->reg);
	if (r->access != 'r' && !mem)
		writes |= bit(r->rm, i->rm);
	return writes;
}

static unsigned plain_writes(const struct insn *i)
{
	uint8_t op = i->opcode;
	bool alu = op < 0x40, compares = (op & 0xfe) == 0x3c || (op & 0xfe) == 0xa8;

	if (i->map)
		return ALL;
	if (compares)
		return 0;
	return alu ? 1 << EAX : (op & 0xf8) == 0xb0 ? bit('b', op & 7) : ALL;
}

static unsigned writes(const struct row *r, const struct insn *i)
{
	switch (r->handler) {
	case H_nop:
	case H_jcc:
	case H_push_reg:
	case H_push_imm:
		return 0;
	case H_plain:
		return plain_writes(i);
	case H_modrm:
		return modrm_writes(r, i);
	case H_lea:
		return bit('v', i->reg);
	case H_mov_imm:
	case H_inc_dec:
		return bit('v', i->opcode & 7);
	default:
		return ALL;
	}
}

static bool is_by(const struct memop *ea, unsigned registers)
{
	return (ea->base < 8 && registers >> ea->base & 1) ||
	       (ea->index < 8 && registers >> ea->index & 1);
}

static bool is_same(const struct memop *a, const struct memop *b)
{
	return a->base == b->base && a->index == b->index &&
	       (a->index == NOREG || a->scale == b->scale);
}

static struct memop sum_of(const struct reached *k)
{
	return (struct memop){.base = k->base, .index = k->index, .scale = k->scale};
}

static bool is_near(const struct memop *ea)
{
	return ea->disp > -FAR && ea->disp < 1 << 24;
}

bool known_is_sum(const struct xlate *x, const struct memop *ea, enum sreg seg)
{
	return x->row->handler == H_modrm && mode_class(x->mode, seg) == CLASS_LIMITED &&
	       (ea->base < 8 || ea->base == NOREG) && (ea->index < 8 || ea->index == NOREG) &&
	       is_near(ea);
}

struct reached *known_sum(struct xlate *x, const struct memop *ea, enum sreg seg, unsigned size,
                          bool store)
{
	for (unsigned n = 0; n < REACHED; n++) {
		struct reached *k = &x->known.reached[n];
		struct memop sum = sum_of(k);
		bool below = ea->index == NOREG && k->low >= 0 && ea->disp >= 0;
		if (k->seg == (int)seg && is_same(&sum, ea) && (k->write || !store) &&
		    (k->low <= ea->disp || below) && ea->disp + (int32_t)size <= k->high)
			return k;
	}
	return NULL;
}

/* As far as the next instructions do by the same registers, as long as they have their values. */
static void look_ahead(const struct xlate *x, const struct memop *ea, struct reached *k)
{
	unsigned changed = writes(x->row, &x->i);

	for (unsigned n = 0; n < x->n_ahead && !is_by(ea, changed); n++) {
		const struct insn *i = &x->ahead[n];
		const struct row *r = table_find(i);
		if (!r)
			return;
		changed = writes(r, i);
		if (r->handler != H_modrm || !insn_is_mem(i) || i->adsize != 4 ||
		    (int)insn_segment(i) != k->seg || (!k->write && r->access != 'r'))
			continue;
		struct memop m = xl_ea32(i, 0);
		int32_t low = m.disp < k->low ? m.disp : k->low;
		int32_t end = m.disp + (int32_t)row_mem_size(r, i);
		int32_t high = end > k->high ? end : k->high;
		if (is_same(&m, ea) && is_near(&m) && high - low <= AHEAD_BYTES) {
			k->low = low;
			k->high = high;
		}
	}
}

struct reached *known_reach_sum(struct xlate *x, const struct memop *ea, enum sreg seg,
                                unsigned size, bool store)
{
	unsigned n = x->known.oldest++ % REACHED;
	struct reached *k = &x->known.reached[n];

	*k = (struct reached){
		seg, store, ea->base, ea->index, ea->scale, ea->disp, ea->disp + (int32_t)size};
	if (x->known.low == (int)n)
		known_r8(x);
	look_ahead(x, ea, k);
	return k;
}

static void sums_after(struct xlate *x)
{
	unsigned registers = writes(x->row, &x->i);

	for (unsigned n = 0; n < REACHED; n++) {
		struct memop sum = sum_of(&x->known.reached[n]);
		if (!is_by(&sum, registers))
			continue;
		x->known.reached[n].seg = -1;
		if (x->known.low == (int)n)
			known_r8(x);
	}
	if (x->row->handler != H_modrm && x->row->handler != H_inc_dec && x->row->handler != H_nop)
		known_r8(x);
}

/* --- after an instruction --- */

static void after_modrm(struct xlate *x)
{
	const struct insn *i = &x->i;
	const struct row *r = x->row;
	bool reg = r->reg == 'v' || r->reg == 'd', mem = insn_is_mem(i);
	bool load = !i->map && i->opcode == 0x8b, store = !i->map && i->opcode == 0x89;

	if (!mem && i->opsize == 4 && (load || store)) {
		moved(x, load ? i->reg : i->rm, load ? i->rm : i->reg, 0);
		return;
	}
	if (!mem && i->opsize == 4 && !i->map && (i->opcode == 0x81 || i->opcode == 0x83) &&
	    (i->reg == 0 || i->reg == 5)) { /* ADD, SUB */
		int32_t by = (int32_t)i->imm;
		if (i->opcode == 0x83)
			by = (int8_t)i->imm;
		if (by > -FAR && by < FAR) {
			moved(x, i->rm, i->rm, i->reg ? -by : by);
			return;
		}
	}
	/* Only named registers are written, and EAX and EDX. */
	if (reg && !(store && mem))
		written(x, i->reg);
	if (!mem)
		written(x, i->rm);
}

static void after_lea(struct xlate *x)
{
	const struct insn *i = &x->i;
	bool sib = i->rm == 4, plain = i->adsize == 4 && i->opsize == 4 && i->mod;

	if (plain && (!sib || i->index == 4) && (int32_t)i->disp > -FAR && (int32_t)i->disp < FAR)
		moved(x, i->reg, sib ? i->base : i->rm, (int32_t)i->disp);
	else
		written(x, i->reg);
}

void known_after(struct xlate *x)
{
	sums_after(x);
	switch (x->row->handler) {
	case H_plain:
	case H_nop:
	case H_jcc:
	case H_moffs:
	case H_push_reg:
	case H_push_imm:
	case H_push_rm:
	case H_push_sreg:
		return;
	case H_modrm:
		after_modrm(x);
		return;
	case H_lea:
		after_lea(x);
		return;
	case H_mov_imm:
	case H_inc_dec:
	case H_xchg_eax:
	case H_bswap:
	case H_pop_reg:
		written(x, x->i.opcode & 7);
		return;
	case H_leave:
		moved(x, ESP, EBP, x->i.opsize);
		written(x, EBP);
		return;
	default: /* may use r9, or lead elsewhere and back */
		known_forget(x);
	}
}
