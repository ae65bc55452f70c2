/* Units that check themselves: their page is stored to so often that it is not traced, and they
 * compare the guest's bytes with those that they were made from.  Each instruction runs on bytes
 * that were compared after the last store: a check comes first in the unit, and after what may
 * have stored.  The bytes are compared in the monitor's view of memory, where no access faults and
 * aliases need no care; flags stay as they are. */
#include "translator/xlate.h"

/* From v->native.memory to the byte of the unit's source. */
static uint32_t place_of(const struct xlate *x, unsigned at)
{
	const struct tu_self *s = x->req->self;
	uint32_t off = s->offset + at;
	uint32_t page = off < PAGE_SIZE ? s->page : s->page2;
	return (page << PAGE_SHIFT | (off & PAGE_MASK)) - TU_MEMORY;
}

/* r = size bytes of the source, zero-extended, or sign-extended from a byte; r9 = v->native.memory.
 * The displacement has 32 bits, be it ever so small: the checker reads it. */
static void load_source(struct xlate *x, uint8_t r, unsigned at, unsigned size, bool sign)
{
	struct emit *e = &x->e;
	emit8(e, r & 8 ? 0x45 : 0x41);
	if (size < 4)
		emit8(e, 0x0f);
	emit8(e, size == 4 ? 0x8b : size == 2 ? 0xb7 : sign ? 0xbe : 0xb6);
	emit8(e, 0x81 | (r & 7) << 3);
	emit32(e, place_of(x, at));
}

/* How many bytes from there can be compared at once: not those that are live, nor of two pages. */
static unsigned piece(const struct xlate *x, unsigned at, unsigned to)
{
	unsigned room = PAGE_SIZE - ((x->req->self->offset + at) & PAGE_MASK), n = 0;
	to = room < to - at ? at + room : to;
	while (at + n < to && n < 4 && !tu_is_live(x->out->live, at + n))
		n++;
	return n == 3 ? 2 : n;
}

void xl_self_check(struct xlate *x, unsigned from, unsigned to)
{
	struct emit *e = &x->e;
	bool first = true;
	unsigned n;

	emit_mov64(e, R11, RCX);
	emit_load64(e, R9, VCPU(native.memory));
	x->known.base = -1;
	/* The sum of differences that are below 2^32 is zero if each of them is. */
	for (unsigned at = from; at < to; at += n ? n : 1) {
		uint32_t is = 0;
		if (!(n = piece(x, at, to)))
			continue;
		__builtin_memcpy(&is, x->req->bytes + at, n);
		load_source(x, first ? RCX : R8, at, n, false);
		/* lea ecx, [rcx - is]; or lea r8d, [r8 - is]; lea rcx, [rcx + r8] */
		if (!first)
			emit8(e, 0x45);
		emit8(e, 0x8d);
		emit8(e, first ? 0x89 : 0x80);
		emit32(e, -is);
		if (!first)
			emit_lea64(e, RCX, (struct memop){.base = RCX, .index = R8});
		first = false;
	}
	if (first) /* all of them are live */
		emit_mov_imm(e, RCX, 0);
	unsigned same = emit_jrcxz(e);
	emit_mov32(e, RCX, R11);
	xl_callout_at(x, x->req->eip + from, callout_pack(CO_STALE, 0, 4, 0, 0));
	emit_patch8(e, same);
	emit_mov32(e, RCX, R11);
}

static bool is_patched(const struct tu_self *s, uint32_t off)
{
	const uint8_t *bits = off < PAGE_SIZE ? s->patched : s->patched2;
	return bits && tu_is_live(bits, off & PAGE_MASK);
}

bool xl_imm_is_live(struct xlate *x)
{
	const struct tu_self *s = x->req->self;
	unsigned at = x->eip - x->req->eip + x->i.imm_at;
	bool live = false;

	if (!s || !x->i.imm_size || ((s->offset + at) & PAGE_MASK) + x->i.imm_size > PAGE_SIZE)
		return false;
	for (unsigned i = 0; i < x->i.imm_size; i++)
		live |= is_patched(s, s->offset + at + i);
	for (unsigned i = at; live && i < at + x->i.imm_size; i++)
		x->out->live[i / 8] |= (uint8_t)(1 << (i & 7));
	return live;
}

void xl_load_imm(struct xlate *x, uint8_t r, bool sign)
{
	emit_load64(&x->e, R9, VCPU(native.memory));
	x->known.base = -1;
	load_source(x, r, x->eip - x->req->eip + x->i.imm_at, x->i.imm_size, sign);
}
