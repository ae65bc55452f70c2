#include "cpu/mode.h"

#include "cpu/descriptor.h"

enum { IVT_LIMIT = 0x3ff };

/* Limit and attributes at once. */
static inline uint64_t both(uint32_t limit, uint32_t attr)
{
	return (uint64_t)attr << 32 | limit;
}

/* Almost without branches: it comes six times with each change of mode, and their outcomes are
 * mixed. */
static inline enum seg_class class_of(const struct segment *s, enum sreg which, bool protected)
{
	/* 4 GiB, to be read and written; of code read through an override, which is never stored to,
	 * CS alone.  SEG_READ is the same bit as SEG_WRITE. */
	uint32_t attr = SEG_UNUSABLE | SEG_P | SEG_WRITE | (which == SREG_CS ? 0 : SEG_CODE);
	bool whole = (both(s->limit, s->attr) & both(0xffffffff, attr)) ==
	             both(0xffffffff, SEG_P | SEG_WRITE);
	bool based = s->base || !protected;

	if (segment_is_down(s))
		return CLASS_DOWN;
	return whole ? (based ? CLASS_BASED : CLASS_FLAT) : CLASS_LIMITED;
}

enum seg_class mode_seg_class(const struct vcpu *v, enum sreg s)
{
	return class_of(&v->seg[s], s, mode_protected(v));
}

/* Does each segment permit all offsets of 16 bits, to be read and written? */
static bool all_64k(const struct vcpu *v)
{
	bool all = true;

	for (unsigned s = SREG_ES; s <= SREG_GS; s++)
		all &= !segment_is_down(&v->seg[s]) & (v->seg[s].limit >= 0xffff);
	return all;
}

struct mode_key mode_of(const struct vcpu *v)
{
	uint32_t b = v->cpl;
	bool protected = mode_protected(v);
	const struct segment *cs = &v->seg[SREG_CS];

	if (cs->attr & SEG_DB)
		b |= MODE_CODE32;
	if (v->seg[SREG_SS].attr & SEG_DB)
		b |= MODE_STACK32;
	if (v->cr0 & CR0_PE)
		b |= MODE_PE;
	if (v->vflags & FLAG_VM)
		b |= MODE_VM;
	if (v->cr0 & CR0_TS)
		b |= MODE_TS;
	if (v->cr0 & CR0_EM)
		b |= MODE_EM;
	if (v->cr0 & CR0_MP)
		b |= MODE_MP;
	if (v->cr4 & CR4_OSFXSR)
		b |= MODE_OSFXSR;
	if (v->cr4 & CR4_TSD)
		b |= MODE_TSD;
	if (v->tsc_exits)
		b |= MODE_TSC_EXITS;
	if (vcpu_owns_if(v))
		b |= MODE_IF;
	if (v->vflags & FLAG_TF)
		b |= MODE_TF;
	if (v->cr0 & CR0_AM && v->vflags & FLAG_AC && v->cpl == 3)
		b |= MODE_AC;
	for (int s = SREG_ES; s <= SREG_GS; s++)
		b |= (uint32_t)class_of(&v->seg[s], s, protected) << (MODE_SEG_SHIFT + 2 * s);
	if (!protected && all_64k(v))
		b |= MODE_64K;

	if (!(v->cr0 & CR0_PE) && !v->idtr.base && v->idtr.limit >= IVT_LIMIT &&
	    !(v->vflags & FLAG_AC))
		b |= MODE_IVT;
	if (cs->limit != 0xffffffff)
		b |= MODE_CSLIMIT;
	return (struct mode_key){.bits = b, .cs_limit = cs->limit};
}

void mode_reach(struct vcpu *v, enum sreg s)
{
	const struct segment *g = &v->seg[s];
	struct seg_reach *r = &v->native.reach[s];
	bool down = segment_is_down(g);
	uint32_t low = down ? g->limit + 1 : 0;
	uint32_t high = !down ? g->limit : g->attr & SEG_DB ? 0xffffffff : 0xffff;
	bool none = g->attr & SEG_UNUSABLE || (down && g->limit >= high);
	uint64_t some = v->native.ruler - 1 - (uint32_t)(high - low);

	/* Types mean nothing in real-address mode. */
	bool typed = v->cr0 & CR0_PE;
	r->read = none || (typed && !attr_readable(g->attr)) ? v->native.ruler : some;
	r->write = none || (typed && !attr_writable(g->attr)) ? v->native.ruler : some;
	r->minus_low = -low;
	if (s == SREG_CS)
		v->native.code_reach = v->native.ruler - 1 - g->limit;
}
