/* Pushes and pops of whole frames, committed by the caller. */
#include "cpu/descriptor.h"

#define CHUNK 64 /* the most that one access of cpu_env moves */

/* Can the frame at off be moved as one run of addresses, inside the limit?  Not where the
 * alignment of each item may be checked. */
static bool frame_run(const struct vcpu *v, const struct stack *s, uint32_t off, unsigned bytes)
{
	if (s->priv == PRIV_USER && v->vflags & FLAG_AC)
		return false;
	return off <= s->mask - (bytes - 1) && segment_covers(s->seg, off, bytes);
}

static bool write_run(struct vcpu *v, uint32_t a, const void *src, unsigned bytes, enum priv p,
                      struct trap *t)
{
	const uint8_t *from = src;

	/* A frame within a page faults at its first chunk or not at all. */
	if ((a & PAGE_MASK) + bytes > PAGE_SIZE && bytes > CHUNK &&
	    !v->env.probe_write(v->env.ctx, gla(a), bytes, p, t))
		return false;
	for (unsigned done = 0; done < bytes; done += CHUNK) {
		unsigned n = bytes - done < CHUNK ? bytes - done : CHUNK;

		if (!mem_write(v, a + done, from + done, n, p, t))
			return false;
	}
	return true;
}

bool stack_room(const struct stack *s, unsigned n, unsigned size, struct trap *t)
{
	for (unsigned i = 1; i <= n; i++) {
		if (!segment_covers(s->seg, (s->sp - i * size) & s->mask, size))
			return fail(t, VEC_SS, s->ss_error);
	}
	return true;
}

/* Would all items of the frame be written?  In the order of the pushes: the first that
 * would not tells the address of the fault.  SDM vol. 2, CALL: Push(CS), Push(EIP). */
static bool probe_pushes(struct vcpu *v, const struct stack *s, uint32_t top, unsigned n,
                         unsigned size, struct trap *t)
{
	while (n--) {
		uint32_t off = (top + n * size) & s->mask;

		if (!v->env.probe_write(v->env.ctx, gla(s->seg->base + off), size, s->priv, t))
			return false;
	}
	return true;
}

bool stack_push(struct vcpu *v, struct stack *s, const uint32_t *items, unsigned n, unsigned size,
                struct trap *t)
{
	unsigned bytes = n * size;
	uint32_t top = (s->sp - bytes) & s->mask;

	if (frame_run(v, s, top, bytes)) {
		uint16_t words[STACK_ITEMS_MAX];
		const void *src = items;

		if (size == 2) {
			for (unsigned i = 0; i < n; i++)
				words[i] = items[i];
			src = words;
		}
		if (!write_run(v, s->seg->base + top, src, bytes, s->priv, t)) {
			probe_pushes(v, s, top, n, size, t);
			return false;
		}
		stack_move(s, -bytes);
		return true;
	}

	/* Item by item, all checked first: it may wrap at 64 KiB, or exceed the limit. */
	if (!stack_room(s, n, size, t) || !probe_pushes(v, s, top, n, size, t))
		return false;
	for (unsigned i = 0; i < n; i++) {
		uint32_t off = (top + i * size) & s->mask;

		if (!mem_write(v, s->seg->base + off, &items[i], size, s->priv, t))
			return false;
	}
	stack_move(s, -bytes);
	return true;
}

bool stack_peek(struct vcpu *v, const struct stack *s, unsigned skip, uint32_t *items, unsigned n,
                unsigned size, struct trap *t)
{
	uint32_t top = (s->sp + skip) & s->mask;
	unsigned bytes = n * size;

	if (size == 4 && frame_run(v, s, top, bytes)) {
		for (unsigned done = 0; done < bytes; done += CHUNK) {
			unsigned part = bytes - done < CHUNK ? bytes - done : CHUNK;

			if (!mem_read(v, s->seg->base + top + done, (uint8_t *)items + done, part,
			              s->priv, t))
				return false;
		}
		return true;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!segment_covers(s->seg, (top + i * size) & s->mask, size))
			return fail(t, VEC_SS, s->ss_error);
	}
	for (unsigned i = 0; i < n; i++) {
		uint32_t off = (top + i * size) & s->mask;

		items[i] = 0;
		if (!mem_read(v, s->seg->base + off, &items[i], size, s->priv, t))
			return false;
	}
	return true;
}

bool stack_inner(struct vcpu *v, unsigned dpl, uint32_t ext, unsigned tss_bytes, struct segment *ss,
                 uint32_t *esp, struct trap *t)
{
	const struct segment *tr = &v->seg[SREG_TR];
	uint16_t sel;

	if (tr->attr & SYS_32) {
		uint32_t raw[2] = {0, 0};
		uint32_t at = dpl * 8 + 4;

		if (at + tss_bytes - 1 > tr->limit)
			return fail(t, VEC_TS, sel_error(tr->selector, ext));
		if (!mem_read(v, tr->base + at, raw, tss_bytes, PRIV_SUPERVISOR, t))
			return false;
		*esp = raw[0];
		sel = raw[1];
	} else {
		uint16_t raw[2];
		uint32_t at = dpl * 4 + 2;

		if (at + 3 > tr->limit)
			return fail(t, VEC_TS, sel_error(tr->selector, ext));
		if (!mem_read(v, tr->base + at, raw, sizeof(raw), PRIV_SUPERVISOR, t))
			return false;
		*esp = raw[0];
		sel = raw[1];
	}
	return segment_prepare_stack(v, sel, dpl, VEC_TS, ext, ss, t);
}
