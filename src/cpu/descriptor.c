/* Reading descriptors and preparing segment registers.  SDM vol. 3, 3.4 and 5. */
#include "cpu/descriptor.h"

bool desc_fetch(struct vcpu *v, uint16_t sel, uint8_t vector, uint32_t ext, struct descriptor *d,
                struct trap *t)
{
	uint32_t base = v->gdtr.base;
	uint32_t limit = v->gdtr.limit;
	uint32_t raw[2];

	if (sel & SEL_TI) {
		const struct segment *ldt = &v->seg[SREG_LDTR];

		if (ldt->attr & SEG_UNUSABLE)
			return fail(t, vector, sel_error(sel, ext));
		base = ldt->base;
		limit = ldt->limit;
	}
	if ((sel | 7u) > limit)
		return fail(t, vector, sel_error(sel, ext));
	d->at = gla(base + (sel & ~7u));
	if (!mem_read(v, d->at.v, raw, sizeof(raw), PRIV_SUPERVISOR, t))
		return false;
	d->lo = raw[0];
	d->hi = raw[1];
	return true;
}

bool desc_write_type(struct vcpu *v, const struct descriptor *d, uint8_t type_byte, struct trap *t)
{
	return mem_write(v, d->at.v + 5, &type_byte, 1, PRIV_SUPERVISOR, t);
}

bool desc_access(struct vcpu *v, struct descriptor *d, struct trap *t)
{
	if (d->hi & SEG_ACCESSED << 8)
		return true;
	d->hi |= SEG_ACCESSED << 8;
	return desc_write_type(v, d, d->hi >> 8, t);
}

bool segment_prepare_stack(struct vcpu *v, uint16_t sel, unsigned cpl, uint8_t vector, uint32_t ext,
                           struct segment *out, struct trap *t)
{
	struct descriptor d;
	uint32_t attr;

	if (sel_null(sel))
		return fail(t, vector, ext);
	if (!desc_fetch(v, sel, vector, ext, &d, t))
		return false;
	attr = desc_attr(&d);
	if ((sel & SEL_RPL) != cpl || !attr_writable(attr) || attr_dpl(attr) != cpl)
		return fail(t, vector, sel_error(sel, ext));
	if (!(attr & SEG_P))
		return fail(t, VEC_SS, sel_error(sel, ext));
	if (!desc_access(v, &d, t))
		return false;
	segment_set(out, sel, &d);
	return true;
}

bool segment_prepare_data(struct vcpu *v, uint16_t sel, unsigned cpl, uint8_t vector, uint32_t ext,
                          struct segment *out, struct trap *t)
{
	struct descriptor d;
	uint32_t attr;

	if (sel_null(sel)) {
		segment_null(out, sel);
		return true;
	}
	if (!desc_fetch(v, sel, vector, ext, &d, t))
		return false;
	attr = desc_attr(&d);
	if (!attr_readable(attr))
		return fail(t, vector, sel_error(sel, ext));
	if (!attr_conforming(attr) && (attr_dpl(attr) < cpl || attr_dpl(attr) < (sel & SEL_RPL)))
		return fail(t, vector, sel_error(sel, ext));
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, ext));
	if (!desc_access(v, &d, t))
		return false;
	segment_set(out, sel, &d);
	return true;
}
