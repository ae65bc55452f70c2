/* Memory operands of callouts, by segment and offset; MOV. */
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

/* Was it worth coming here?  With a device it is, and nothing is looked up for that. */
static void account(struct monitor *m, gla_t a, unsigned n, bool write)
{
	struct trap t;
	gpa_t p;
	if (!mmu_translate(m->mmu, a, MMU_READ, at_user(m), &p, &t))
		return;
	site_served(m, SITE_CHECK, false);
	site_served(m, SITE_REDIRECT, !guest_is_plain(m, a, p, n, write));
}

static bool move(struct monitor *m, uint32_t packed, uint32_t off, uint32_t *value, bool write)
{
	enum sreg s = CALLOUT_SEG(packed);
	unsigned n = CALLOUT_SIZE(packed);
	gla_t a = gla(m->v->seg[s].base + off);

	if (!cpu_seg_check(m->v, s, off, n, write, TRAP) || !guest_operand(m, a, n, write, TRAP))
		return false;
	if (guest_device(m, a, value, n, write))
		return true;
	bool ok = write ? guest_write(m, a, value, n, at_user(m), TRAP)
	                : guest_read(m, a, value, n, at_user(m), TRAP);
	if (ok)
		account(m, a, n, write);
	return ok;
}

enum callout_result co_MOVE(struct monitor *m, uint32_t packed, uint64_t operand)
{
	unsigned n = CALLOUT_SIZE(packed), arg = CALLOUT_ARG(packed);
	uint32_t off = (uint32_t)operand, value = move_value(m->v, arg, n);

	stats.redirected++;
	if (!move(m, packed, off, &value, !(arg & MOVE_LOAD)))
		return FAULTED;
	if (arg & MOVE_LOAD)
		move_set(m->v, arg & 7, n, value);
	return m->remapped ? done_dirty(m, packed) : done(m, packed);
}
