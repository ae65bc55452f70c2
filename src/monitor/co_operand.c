/* Memory operands of callouts, by segment and offset. */
#include "monitor/callouts.h"

bool ea_read(struct monitor *m, uint32_t packed, uint32_t off, void *dst, unsigned n)
{
	enum sreg s = CALLOUT_SEG(packed);
	gla_t a = gla(m->v->seg[s].base + off);
	return cpu_seg_check(m->v, s, off, n, false, TRAP) && guest_operand(m, a, n, false, TRAP) &&
	       guest_read(m, a, dst, n, at_user(m), TRAP);
}

bool ea_write(struct monitor *m, uint32_t packed, uint32_t off, const void *src, unsigned n)
{
	enum sreg s = CALLOUT_SEG(packed);
	gla_t a = gla(m->v->seg[s].base + off);
	return cpu_seg_check(m->v, s, off, n, true, TRAP) && guest_operand(m, a, n, true, TRAP) &&
	       guest_write(m, a, src, n, at_user(m), TRAP);
}

bool far_pointer(struct monitor *m, uint32_t packed, uint32_t ea, uint32_t *off, uint16_t *sel)
{
	unsigned n = CALLOUT_SIZE(packed);
	*off = 0;
	return ea_read(m, packed, ea, off, n) && ea_read(m, packed, ea + n, sel, 2);
}
