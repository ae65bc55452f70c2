/* Segment register loads, and what looks at descriptors without loading them. */
#include "cpu/descriptor.h"

bool cpu_need_cpl0(const struct vcpu *v, struct trap *t)
{
	return v->cpl == 0 || fail(t, VEC_GP, 0);
}

bool cpu_seg_load(struct vcpu *v, enum sreg s, uint16_t sel, struct trap *t)
{
	struct segment seg;
	bool ok;

	if (!mode_protected(v)) {
		segment_set_unprotected(v, s, sel);
		return true;
	}
	if (s == SREG_SS)
		ok = segment_prepare_stack(v, sel, v->cpl, VEC_GP, 0, &seg, t);
	else
		ok = segment_prepare_data(v, sel, v->cpl, VEC_GP, 0, &seg, t);
	if (ok)
		v->seg[s] = seg;
	return ok;
}

bool cpu_seg_pop(struct vcpu *v, enum sreg s, uint16_t sel, unsigned opsize, struct trap *t)
{
	struct stack old = stack_current(v, 0);

	if (!cpu_seg_load(v, s, sel, t))
		return false;
	stack_move(&old, opsize);
	v->gpr[ESP] = old.sp;
	return true;
}

/* LLDT and LTR name a descriptor of the GDT.  *d is undefined for a null selector. */
static bool system_fetch(struct vcpu *v, uint16_t sel, struct descriptor *d, struct trap *t)
{
	if (sel & SEL_TI)
		return fail(t, VEC_GP, sel_error(sel, 0));
	return desc_fetch(v, sel, VEC_GP, 0, d, t);
}

bool cpu_lldt(struct vcpu *v, uint16_t sel, struct trap *t)
{
	struct descriptor d;

	if (!mode_protected(v))
		return fail_plain(t, VEC_UD);
	if (!cpu_need_cpl0(v, t))
		return false;
	if (sel_null(sel)) {
		segment_null(&v->seg[SREG_LDTR], sel);
		return true;
	}
	if (!system_fetch(v, sel, &d, t))
		return false;
	if (attr_system(desc_attr(&d)) != SYS_LDT)
		return fail(t, VEC_GP, sel_error(sel, 0));
	if (!(desc_attr(&d) & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, 0));
	segment_set(&v->seg[SREG_LDTR], sel, &d);
	return true;
}

bool cpu_ltr(struct vcpu *v, uint16_t sel, struct trap *t)
{
	struct descriptor d;
	unsigned type;

	if (!mode_protected(v))
		return fail_plain(t, VEC_UD);
	if (!cpu_need_cpl0(v, t))
		return false;
	if (sel_null(sel))
		return fail(t, VEC_GP, 0);
	if (!system_fetch(v, sel, &d, t))
		return false;
	type = attr_system(desc_attr(&d));
	if (type != SYS_TSS16 && type != SYS_TSS32)
		return fail(t, VEC_GP, sel_error(sel, 0));
	if (!(desc_attr(&d) & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, 0));
	d.hi |= TSS_BUSY << 8;
	if (!desc_write_type(v, &d, d.hi >> 8, t))
		return false;
	segment_set(&v->seg[SREG_TR], sel, &d);
	return true;
}

/* The descriptor of a selector, if there is one and privilege lets it be seen. */
static bool visible(struct vcpu *v, uint16_t sel, struct descriptor *d, bool *faulted,
                    struct trap *t)
{
	uint32_t attr;

	*faulted = false;
	if (!mode_protected(v)) {
		*faulted = true;
		return fail_plain(t, VEC_UD);
	}
	if (sel_null(sel))
		return false;
	if (!desc_fetch(v, sel, VEC_GP, 0, d, t)) {
		*faulted = t->vector != VEC_GP; /* beyond the table is no fault here */
		return false;
	}
	attr = desc_attr(d);
	return attr_conforming(attr) ||
	       (attr_dpl(attr) >= v->cpl && attr_dpl(attr) >= (sel & SEL_RPL));
}

/* System types that LAR and LSL know, a bit each.  SDM vol. 2, LAR, table 3-53. */
enum {
	LSL_TYPES = 1 << SYS_TSS16 | 1 << SYS_LDT | 1 << SYS_TSS16_BUSY | 1 << SYS_TSS32 |
	            1 << SYS_TSS32_BUSY,
	LAR_TYPES = LSL_TYPES | 1 << SYS_CALL16 | 1 << SYS_TASK_GATE | 1 << SYS_CALL32,
};

static bool type_known(const struct descriptor *d, unsigned types)
{
	uint32_t attr = desc_attr(d);

	return (attr & SEG_S) || (types >> (attr & SEG_TYPE) & 1);
}

bool cpu_lar(struct vcpu *v, uint16_t sel, uint32_t *out, bool *faulted, struct trap *t)
{
	struct descriptor d;

	if (!visible(v, sel, &d, faulted, t) || !type_known(&d, LAR_TYPES))
		return false;
	*out = d.hi & 0x00f0ff00;
	return true;
}

bool cpu_lsl(struct vcpu *v, uint16_t sel, uint32_t *out, bool *faulted, struct trap *t)
{
	struct descriptor d;

	if (!visible(v, sel, &d, faulted, t) || !type_known(&d, LSL_TYPES))
		return false;
	*out = desc_limit(&d);
	return true;
}

bool cpu_verr(struct vcpu *v, uint16_t sel, bool *faulted, struct trap *t)
{
	struct descriptor d;

	return visible(v, sel, &d, faulted, t) && attr_readable(desc_attr(&d));
}

bool cpu_verw(struct vcpu *v, uint16_t sel, bool *faulted, struct trap *t)
{
	struct descriptor d;

	return visible(v, sel, &d, faulted, t) && attr_writable(desc_attr(&d));
}

bool cpu_seg_check(const struct vcpu *v, enum sreg s, uint32_t off, unsigned size, bool write,
                   struct trap *t)
{
	const struct segment *seg = &v->seg[s];

	if (seg->attr & SEG_UNUSABLE)
		goto fault;
	/* Types mean nothing in real-address mode. */
	if ((v->cr0 & CR0_PE) && !(write ? attr_writable(seg->attr) : attr_readable(seg->attr)))
		return fail(t, VEC_GP, 0);
	if (segment_covers(seg, off, size))
		return true;
	/* A 4 GiB segment: an operand may wrap, or fault (SDM vol. 3, 5.3). Translated
	 * code lets it wrap. */
	if (seg->limit == 0xffffffff && (seg->attr & SEG_CODE || !(seg->attr & SEG_DOWN)))
		return true;
fault:
	return fail(t, s == SREG_SS ? VEC_SS : VEC_GP, 0);
}

/* SDM vol. 1, 19.5.2. */
bool cpu_io_check(struct vcpu *v, uint16_t port, unsigned size, struct trap *t)
{
	const struct segment *tr = &v->seg[SREG_TR];
	uint16_t map, bits;
	uint32_t at;

	if (!(v->vflags & FLAG_VM) && vcpu_owns_if(v))
		return true;
	if ((tr->attr & SEG_UNUSABLE) || !(tr->attr & SYS_32) || tr->limit < 103)
		return fail(t, VEC_GP, 0);
	if (!mem_read(v, tr->base + 102, &map, sizeof(map), PRIV_SUPERVISOR, t))
		return false;
	/* Two bytes are read always: hence the byte of ones at the map's end. */
	at = (uint32_t)map + port / 8;
	if (at + 1 > tr->limit)
		return fail(t, VEC_GP, 0);
	if (!mem_read(v, tr->base + at, &bits, sizeof(bits), PRIV_SUPERVISOR, t))
		return false;
	if (bits >> (port & 7) & ((1u << size) - 1))
		return fail(t, VEC_GP, 0);
	return true;
}
