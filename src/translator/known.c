/* What a unit knows of its scratch registers and of its stack, so that the next access need not look
 * again.  It holds from one guest instruction to the next, as nothing enters a unit there: what
 * resumes one (callouts, returns) forgets all. */
#include "translator/xlate.h"

enum { FAR = 1 << 16 }; /* offsets beyond that are not kept */

void known_forget(struct xlate *x)
{
	x->known = (struct known){.base = -1};
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
