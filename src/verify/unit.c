/* One unit: a linear sweep over its code, then its branches, stubs and PC map. */
#include "verify/internal.h"

#include <string.h>

void sweep_fail(struct sweep *s, const uint8_t *at, enum verify_rule rule, const char *what)
{
	fail(s->c, s->u, s->u->host + (uint32_t)(at - s->base), rule, what);
}

static const struct tu_pc *pcs(const struct sweep *s)
{
	return s->c->d.pcs + s->u->pc0;
}

uint32_t sweep_eip(const struct sweep *s, uint32_t off, uint32_t *next)
{
	const struct tu_pc *p = pcs(s), *end = p + s->u->n_pc, *now = NULL;
	for (; p < end && p->host <= off; p++)
		now = p;
	while (p < end && now && p->guest == now->guest)
		p++;
	if (next)
		*next = s->u->eip + (p < end ? p->guest : s->u->guest_len);
	return now ? s->u->eip + now->guest : s->u->eip;
}

void sweep_jump(struct sweep *s, uint32_t from, uint32_t to)
{
	/* Every cycle in a unit would escape the interrupt handler: it redirects exits. */
	if (to <= from)
		sweep_fail(s, s->base + from, RULE_BACKWARD, NULL);
	if (s->n_jumps < sizeof s->jumps / sizeof *s->jumps)
		s->jumps[s->n_jumps++] = (struct jump){from, to};
	else
		sweep_fail(s, s->base + from, RULE_TARGET, "too many branches");
	/* What holds at the target is what holds on all ways there. */
	if (to < TU_MAX_HOST) {
		bool first = !(s->mark[to] & MARK_JOINED);
		s->mark[to] |= MARK_JOINED;
		if (first && s->r8)
			s->mark[to] |= MARK_R8;
		else if (!s->r8)
			s->mark[to] &= (uint8_t)~MARK_R8;
	}
}

/* Where an exit's rel32 leads: its stub, the unit that it is chained to, or its thunk. */
static void exit_check(struct sweep *s, const uint8_t *p, const struct dump_exit *x, uint32_t to)
{
	const struct dump *d = &s->c->d;
	if (to == x->stub)
		return;
	s->c->out->chained++;
	if (x->to != DUMP_NONE) {
		const struct dump_unit *t = &d->units[x->to];
		if (t->flags || t->eip != x->target || t->mode != s->u->mode || t->host != to)
			sweep_fail(s, p, to == t->host ? RULE_CHAIN : RULE_TARGET, NULL);
		return;
	}
	if (x->thunk && to == x->thunk)
		return;
	sweep_fail(s, p, RULE_TARGET, NULL);
}

/* A branch with rel32: one of the unit's exits, or a call of an out-of-line lookup. */
static void far_branch(struct sweep *s, const uint8_t *p, unsigned length, bool call)
{
	uint32_t at = (uint32_t)(p - s->base), rel;
	memcpy(&rel, p + length - 4, 4);
	uint32_t to = s->u->host + at + length + rel;
	s->after_call = call;
	for (unsigned n = 0; n < s->u->n_exits; n++) {
		const struct dump_exit *x = &s->c->d.exits[s->u->exit0 + n];
		if (x->patch != s->u->host + at + length - 4)
			continue;
		s->exits++;
		s->c->out->exits++;
		exit_check(s, p, x, to);
		return;
	}
	uint32_t in = to - s->u->host;
	if (call && in < s->u->host_len && in > at) {
		if (!s->r8)
			sweep_fail(s, p, RULE_LOOSE_EIP, NULL);
		s->mark[in] |= MARK_LOOKUP;
		return;
	}
	sweep_fail(s, p, in < s->u->host_len ? RULE_TARGET : RULE_EXIT, NULL);
}

/* A branch at p: its length, or 0. */
static unsigned branch(struct sweep *s, const uint8_t *p)
{
	size_t left = (size_t)(s->end - p);
	uint32_t at = (uint32_t)(p - s->base);
	if (left >= 2 && ((*p & 0xf0) == 0x70 || *p == 0xe3 || *p == 0xeb)) {
		sweep_jump(s, at, at + 2 + (uint32_t)(int8_t)p[1]);
		s->falls = *p != 0xeb;
		return 2;
	}
	if (left >= 3 && *p == 0x67 && p[1] >= 0xe0 && p[1] <= 0xe3) {
		sweep_jump(s, at, at + 3 + (uint32_t)(int8_t)p[2]);
		return 3;
	}
	if (left >= 6 && *p == 0x0f && (p[1] & 0xf0) == 0x80) {
		far_branch(s, p, 6, false);
		return 6;
	}
	if (left >= 5 && (*p == 0xe8 || *p == 0xe9)) {
		far_branch(s, p, 5, *p == 0xe8);
		s->falls = *p == 0xe8;
		return 5;
	}
	return 0;
}

/* After what cannot be read the sweep goes on at the next entry of the PC map. */
static const uint8_t *resync(const struct sweep *s, const uint8_t *p, unsigned length)
{
	for (unsigned n = 0; n < s->u->n_pc; n++)
		if (!length && s->base + pcs(s)[n].host > p && pcs(s)[n].host < s->u->host_len)
			return s->base + pcs(s)[n].host;
	return p + (length ? length : 1);
}

static const uint8_t *one(struct sweep *s, const uint8_t *p)
{
	uint32_t at = (uint32_t)(p - s->base);
	bool call = s->after_call;
	unsigned length;

	s->falls = true;
	s->mark[at] |= MARK_NODE;
	if (s->mark[at] & MARK_JOINED)
		s->r8 &= s->mark[at] >> 3 & 1;
	if ((length = template_match(s, p))) {
		if (call && s->after_call) {
			sweep_fail(s, p, RULE_PAD, NULL);
			s->after_call = false;
		}
		return p + length;
	}
	if (call)
		sweep_fail(s, p, RULE_PAD, NULL);
	s->after_call = false;
	if ((length = branch(s, p)))
		return p + length;
	struct insn_facts f;
	size_t left = (size_t)(s->end - p);
	enum verify_rule r = insn_check(s->c, p, left > 15 ? 15 : left, MEM_GS, &f);
	if (r != RULE_COUNT) {
		sweep_fail(s, p, r, NULL);
		return resync(s, p, f.length);
	}
	s->c->out->instructions++;
	s->r8 |= f.r8_whole;
	return p + f.length;
}

/* Behind the code: room of int3, out-of-line lookups, the stubs of the exits in order. */
static void tail_check(struct sweep *s, const uint8_t *p)
{
	unsigned n = 0, room = 0;
	for (; p < s->end && *p == 0xcc; p++)
		room++;
	if (room < 16)
		sweep_fail(s, p, RULE_GAP, "fewer than 16 bytes behind the code");
	while (p < s->end) {
		unsigned length = template_lookup(s->c, p, s->end);
		if (length) {
			s->mark[p - s->base] |= MARK_NODE;
			if (!(s->mark[p - s->base] & MARK_LOOKUP) || n)
				sweep_fail(s, p, RULE_STUB, "a lookup that nothing calls");
			s->mark[p - s->base] &= (uint8_t)~MARK_LOOKUP;
			s->c->out->templates[T_lookup]++;
			p += length;
			continue;
		}
		length = template_exit(s->c, p, s->end, s->u->exit_id0 + n);
		if (!length || n >= s->u->n_exits) {
			sweep_fail(s, p, RULE_STUB, NULL);
			return;
		}
		if (s->c->d.exits[s->u->exit0 + n].stub != s->u->host + (uint32_t)(p - s->base))
			sweep_fail(s, p, RULE_STUB, "not where its exit says");
		s->c->out->templates[T_stub]++;
		n++;
		p += length;
	}
	if (n != s->u->n_exits)
		sweep_fail(s, s->end - 1, RULE_STUB, "an exit without a stub");
}

static void targets_check(struct sweep *s)
{
	for (unsigned n = 0; n < s->n_jumps; n++) {
		uint32_t to = s->jumps[n].to;
		if (to >= s->u->host_len || !(s->mark[to] & MARK_NODE))
			sweep_fail(s, s->base + s->jumps[n].from, RULE_TARGET, NULL);
	}
	for (unsigned i = 0; i < s->u->host_len; i++)
		if (s->mark[i] & MARK_LOOKUP)
			sweep_fail(s, s->base + i, RULE_TARGET, "called, and no lookup");
	if (s->exits != s->u->n_exits)
		sweep_fail(s, s->base, RULE_EXIT, "an exit that is no branch");
	if (s->pads != s->u->n_pads)
		sweep_fail(s, s->base, RULE_PAD, "a landing pad in the list that is none");
}

/* --- the PC map --- */

static void map_host_check(struct sweep *s)
{
	const struct tu_pc *p = pcs(s);
	for (unsigned i = 0; i < s->u->n_pc; i++) {
		bool start = !i || p[i].guest != p[i - 1].guest;
		uint8_t want = start ? MARK_NODE : MARK_NODE | MARK_INSN;
		if (p[i].host >= s->u->host_len || !(s->mark[p[i].host] & want) ||
		    (i && (p[i].host < p[i - 1].host || p[i].guest < p[i - 1].guest)))
			fail(s->c, s->u, s->u->host + p[i].host, RULE_MAP_HOST, "PC map entry");
	}
	if (!s->u->n_pc || p[0].host || p[0].guest)
		sweep_fail(s, s->base, RULE_MAP_GAP, "PC map does not begin with the unit");
}

/* What is borrowed where, by the templates and by the map. */
static void map_undo_check(struct sweep *s)
{
	const struct tu_pc *p = pcs(s);
	unsigned met = 0;
	for (unsigned i = 0; i < s->u->n_pc; i++) {
		bool start = !i || p[i].guest != p[i - 1].guest;
		bool expected = start && p[i].undo == UNDO_NONE;
		for (unsigned n = 0; n < s->n_undo; n++)
			if (s->undo[n].at == p[i].host && s->undo[n].undo == p[i].undo) {
				expected = true;
				met += !start;
			}
		if (!expected)
			fail(s->c, s->u, s->u->host + p[i].host, RULE_MAP_UNDO, "PC map entry");
	}
	if (met < s->n_undo)
		sweep_fail(s, s->base, RULE_MAP_UNDO, "a borrowed register that the map does not give back");
}

/* The guest's side: entries are the starts of its instructions, all of them. */
static void map_guest_check(struct sweep *s)
{
	const struct dump_unit *u = s->u;
	const struct tu_pc *p = pcs(s);
	const uint8_t *guest = s->c->d.guest + u->guest;
	csh decoder = s->c->d.h.code32 >> u->mode & 1 ? s->c->guest32 : s->c->guest16;
	uint32_t at = 0;
	unsigned i = 0, count = 0;

	while (at < u->guest_len) {
		while (i < u->n_pc && p[i].guest < at) {
			fail(s->c, u, u->host + p[i].host, RULE_MAP_GUEST, "PC map entry");
			i++;
		}
		if (i == u->n_pc || p[i].guest != at)
			fail(s->c, u, u->host, RULE_MAP_GAP, "a guest instruction is not in the map");
		count++;
		while (i < u->n_pc && p[i].guest == at)
			i++;
		const uint8_t *bytes = guest + at;
		size_t left = u->guest_len - at;
		uint64_t address = 0;
		uint32_t to_next = i < u->n_pc ? p[i].guest - at : u->guest_len - at;
		const cs_insn *insn = s->c->guest_insn;
		/* What is no instruction for Capstone raises #UD; it takes no ModRM byte for those
		 * that do so by name. */
		if (!cs_disasm_iter(decoder, &bytes, &left, &address, s->c->guest_insn) ||
		    insn->id == X86_INS_UD0 || insn->id == X86_INS_UD2B)
			at += to_next;
		else
			at += insn->size;
	}
	if (at != u->guest_len || count != u->n_insns)
		fail(s->c, u, u->host, RULE_MAP_GUEST, "instructions of the guest and of the map");
}

void unit_check(struct check *c, uint32_t number)
{
	static struct sweep s;
	const struct dump_unit *u = &c->d.units[number];
	memset(&s, 0, sizeof s);
	s.c = c;
	s.u = u;
	s.number = number;
	s.base = c->d.code + u->host;
	s.end = s.base + u->host_len;
	s.falls = true;
	c->out->units++;
	c->out->bytes += u->host_len;

	/* 16 int3 end the code: none is inside. */
	const uint8_t *p = s.base;
	while (p < s.end && *p != 0xcc)
		p = one(&s, p);
	if (p > s.end)
		sweep_fail(&s, s.end - 1, RULE_DENIED, "runs past the unit");
	bool call_last = p - s.base >= 4 && p[-4] == 0x41 && p[-3] == 0xff && p[-2] == 0x57;
	if (s.falls && !call_last)
		sweep_fail(&s, p, RULE_GAP, "runs into int3");
	tail_check(&s, p);
	targets_check(&s);
	map_host_check(&s);
	map_undo_check(&s);
	if (!(u->flags & DUMP_ONCE))
		map_guest_check(&s);
}

/* Of a dead unit only what others can still reach counts: its pads look up their
 * EIP, its exits lead to their stubs (the unit may be running). */
void dead_check(struct check *c, uint32_t number)
{
	const struct dump_unit *u = &c->d.units[number];
	const uint8_t *base = c->d.code + u->host, *end = base + u->host_len;
	c->out->dead++;
	for (unsigned n = 0; n < u->n_pads; n++) {
		const struct tu_pad *pad = &c->d.pads[u->pad0 + n];
		if (pad->host >= u->host_len || !template_dead_pad(c, base + pad->host, end))
			fail(c, u, u->host + pad->host, RULE_DEAD, NULL);
	}
	for (unsigned n = 0; n < u->n_exits; n++) {
		const struct dump_exit *x = &c->d.exits[u->exit0 + n];
		if (x->to != DUMP_NONE)
			fail(c, u, x->patch, RULE_DEAD, "exit still chained");
	}
}
