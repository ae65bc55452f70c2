/* One unit: a linear sweep over its code, then its branches, stubs and PC map. */
#include "verify/internal.h"

#include <string.h>

/* Where an exit's rel32 leads: its stub, the unit that it is chained to, or its thunk. */
static void exit_check(struct sweep *s, const uint8_t *p, const struct dump_exit *x, uint32_t to)
{
	const struct dump *d = &s->c->d;
	if (s->u->flags & DUMP_DEAD && (to != x->stub || x->to != DUMP_NONE)) {
		sweep_fail(s, p, RULE_DEAD, "exit still chained");
		return;
	}
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
		if (!length && s->base + sweep_pcs(s)[n].host > p &&
		    sweep_pcs(s)[n].host < s->u->host_len)
			return s->base + sweep_pcs(s)[n].host;
	return p + (length ? length : 1);
}

/* --- dead units ---
 *
 * One that was running when it died goes on to its end, or to where it was overwritten to be
 * left: until then it is held to what all units are. */

/* The code as it was before its pads were overwritten, which is checked. */
static void revive(struct sweep *s, uint8_t *copy)
{
	memcpy(copy, s->base, s->u->host_len);
	for (unsigned n = 0; n < s->u->n_pads; n++) {
		uint32_t at = s->c->d.pads[s->u->pad0 + n].host, next;
		if (at >= s->u->host_len || !template_dead_pad(s->c, s->base + at, s->end)) {
			fail(s->c, s->u, s->u->host + at, RULE_DEAD, NULL);
			continue;
		}
		sweep_eip(s, at, &next);
		/* mov r9, rcx; lea ecx, [r8 - eip], seven bytes of them; see match_pad */
		memcpy(copy + at, "\x4c\x8b\xc9\x41\x8d\x88", 6);
		copy[at + 6] = (uint8_t)-next;
	}
	s->base = copy;
	s->end = copy + s->u->host_len;
}

/* Unreachable bytes, up to the int3 behind the code. */
static const uint8_t *dead_tail(const struct sweep *s, const uint8_t *p)
{
	for (const uint8_t *q; p < s->end; p++) {
		for (q = p; q < s->end && *q == 0xcc; q++)
			;
		if (q > p && (q == s->end || template_lookup(s->c, q, s->end) ||
		              template_exit(s->c, q, s->end, s->u->exit_id0)))
			break;
	}
	return p;
}

/* The place before a guest instruction where the unit was left, if it is one: the sweep goes
 * on at the first instruction that is whole again. */
static const uint8_t *dead_end(struct sweep *s, const uint8_t *p)
{
	const struct tu_pc *pc = sweep_pcs(s), *end = pc + s->u->n_pc;
	uint32_t at = (uint32_t)(p - s->base), to = 0;
	/* Instructions without host code have their entries at the same place. */
	while (pc < end &&
	       (pc->host < at ||
	        (pc->host == at && !template_dead_end(s->c, p, s->end, s->u->eip + pc->guest))))
		pc++;
	if (pc == end || pc->host != at)
		return NULL;
	for (pc++; pc < end && !to; pc++)
		if (pc->host >= at + DEAD_END && pc->host < s->u->host_len &&
		    pc->guest != pc[-1].guest)
			to = pc->host;
	s->gone = true;
	s->left = !to;
	if (s->left)
		to = (uint32_t)(dead_tail(s, p + DEAD_END) - s->base);
	for (uint32_t i = at + 1; i <= to && i < s->u->host_len; i++)
		s->mark[i] |= MARK_GONE;
	for (unsigned n = 0; n < s->u->n_exits; n++) {
		const struct dump_exit *x = &s->c->d.exits[s->u->exit0 + n];
		s->exits += x->patch > s->u->host + at && x->patch < s->u->host + to;
		if (x->to != DUMP_NONE)
			sweep_fail(s, p, RULE_DEAD, "exit still chained");
	}
	for (unsigned n = 0; n < s->u->n_pads; n++) {
		uint32_t pad = s->c->d.pads[s->u->pad0 + n].host;
		s->pads += pad > at && pad < to;
	}
	s->r8 = s->falls = false;
	return s->base + to;
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
	const uint8_t *to = s->u->flags & DUMP_DEAD ? dead_end(s, p) : NULL;
	if (to)
		return to;
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
	sweep_node(s, p, &f);
	s->r8 |= f.r8_whole;
	return p + f.length;
}

/* Behind the code: room of int3, out-of-line lookups, the stubs of the exits in order. */
static void tail_check(struct sweep *s, const uint8_t *p)
{
	unsigned n = 0, room = 0;
	for (; p < s->end && *p == 0xcc; p++)
		room++;
	if (room < 16 && !s->left)
		sweep_fail(s, p, RULE_GAP, "fewer than 16 bytes behind the code");
	while (p < s->end) {
		unsigned length = template_lookup(s->c, p, s->end);
		if (length) {
			s->mark[p - s->base] |= MARK_NODE;
			/* What called it may have been overwritten. */
			if ((!(s->mark[p - s->base] & MARK_LOOKUP) && !s->gone) || n)
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

void unit_check(struct check *c, uint32_t number)
{
	static struct sweep s;
	const struct dump_unit *u = &c->d.units[number];
	memset(&s, 0, offsetof(struct sweep, mark));
	memset(s.mark, 0, u->host_len);
	s.c = c;
	s.u = u;
	s.number = number;
	s.base = c->d.code + u->host;
	s.end = s.base + u->host_len;
	s.falls = true;
	static uint8_t copy[TU_MAX_HOST];
	if (u->flags & DUMP_DEAD)
		revive(&s, copy);
	++*(u->flags & DUMP_DEAD ? &c->out->dead : &c->out->units);
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
	map_check(&s);
}
