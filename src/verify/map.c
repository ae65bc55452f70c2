/* The PC map of a unit.  Its entries are the starts of instructions, all of the
 * guest's; and what lies between two of them is the guest instruction's own: by
 * the manual's opcode maps, what of it may fault on the host. */
#include "verify/internal.h"

#include <string.h>

static void host_check(struct sweep *s)
{
	const struct tu_pc *p = sweep_pcs(s);
	for (unsigned i = 0; i < s->u->n_pc; i++) {
		bool start = !i || p[i].guest != p[i - 1].guest;
		uint8_t want = start ? MARK_NODE : MARK_NODE | MARK_INSN;
		if (p[i].host >= s->u->host_len || !(s->mark[p[i].host] & (want | MARK_GONE)) ||
		    (i && (p[i].host < p[i - 1].host || p[i].guest < p[i - 1].guest)))
			fail(s->c, s->u, s->u->host + p[i].host, RULE_MAP_HOST, "PC map entry");
	}
	if (!s->u->n_pc || p[0].host || p[0].guest)
		sweep_fail(s, s->base, RULE_MAP_GAP, "PC map does not begin with the unit");
}

/* What is borrowed where, by the templates and by the map. */
static void undo_check(struct sweep *s)
{
	const struct tu_pc *p = sweep_pcs(s);
	unsigned met = 0;
	for (unsigned i = 0; i < s->u->n_pc; i++) {
		bool start = !i || p[i].guest != p[i - 1].guest;
		bool expected = (start && p[i].undo == UNDO_NONE) ||
		                (p[i].host < s->u->host_len && s->mark[p[i].host] & MARK_GONE);
		for (unsigned n = 0; n < s->n_undo; n++)
			if (s->undo[n].at == p[i].host && s->undo[n].undo == p[i].undo) {
				expected = true;
				met += !start;
			}
		if (!expected)
			fail(s->c, s->u, s->u->host + p[i].host, RULE_MAP_UNDO, "PC map entry");
	}
	if (met < s->n_undo)
		sweep_fail(s, s->base, RULE_MAP_UNDO,
		           "a borrowed register that the map does not give back");
}

/* --- a guest instruction and its host code --- */

/* What its host code has that may fault: the instruction itself, by this opcode (or
 * the other), once; or loads and stores by MOV.  Callouts may do it in their place. */
struct want {
	bool itself;
	uint8_t map, opcode, other;
	bool any_reg; /* ModRM.reg may be another */
	uint8_t loads, stores;
};

static struct want itself(unsigned map, unsigned opcode)
{
	return (struct want){.itself = true,
	                     .map = (uint8_t)map,
	                     .opcode = (uint8_t)opcode,
	                     .other = (uint8_t)opcode};
}

static struct want moves(unsigned loads, unsigned stores)
{
	return (struct want){.loads = (uint8_t)loads, .stores = (uint8_t)stores};
}

/* The one-byte map.  SDM vol. 2, table A-2. */
/* clang-format off */
static struct want want_one(unsigned op, unsigned reg, bool mem)
{
	struct want w;
	if (op < 0x40) {
		if ((op & 7) < 6)
			return itself(0, op);
		return op > 0x1f ? moves(0, 0) : op & 1 ? moves(1, 0) : moves(0, 1); /* POP, PUSH */
	}
	switch (op) {
	case 0x40 ... 0x4f: /* INC, DEC: REX */
		w = itself(0, 0xff);
		w.any_reg = true;
		return w;
	case 0x50 ... 0x57: case 0x68: case 0x6a: case 0x9c: case 0xe8:
		return moves(0, 1);
	case 0x9a: /* CALL to another segment, outside of protected mode */
		return moves(0, 2);
	case 0xca: case 0xcb:
		return moves(2, 0);
	case 0xcd: /* INT n of real mode: its vector; FLAGS, CS, IP */
		return moves(2, 3);
	case 0xcf: /* IRET there: each slot touched before the flags change; IP and CS once more */
		return moves(5, 0);
	case 0xc8: /* ENTER: its slot; what is at the new top, changed and changed back */
		return moves(0, 3);
	case 0x58 ... 0x5f: case 0x9d: case 0xc2: case 0xc3: case 0xc9: case 0xd7:
		return moves(1, 0);
	case 0x60: /* PUSHA */
		return moves(0, 8);
	case 0x61: /* POPA: each slot but ESP touched before a register changes, then read; EAX once */
		return moves(13, 0);
	case 0x82:
		return itself(0, 0x80);
	case 0x69: case 0x6b: case 0x80: case 0x81: case 0x83 ... 0x8b: case 0x90:
	case 0x98: case 0x99: case 0x9b: case 0x9e: case 0x9f:
	case 0xa4 ... 0xb7: case 0xc0: case 0xc1: case 0xc6: case 0xc7:
	case 0xd0 ... 0xd3: case 0xd8 ... 0xdf:
	case 0xf5 ... 0xf9: case 0xfc ... 0xfe:
		return itself(0, op);
	case 0x8c: /* MOV from a segment register */
		return moves(0, mem);
	case 0x8d: /* LEA: with 16 bits it is made in a scratch register first */
		w = itself(0, op);
		w.any_reg = true;
		return w;
	case 0x8e:
		return moves(mem, 0);
	case 0x8f: /* POP */
		return moves(1, mem);
	case 0x91 ... 0x97:
		w = itself(0, 0x87);
		w.any_reg = true;
		return w;
	case 0xa0: case 0xa1:
		return itself(0, op + 0x8a - 0xa0);
	case 0xa2: case 0xa3:
		return itself(0, op + 0x88 - 0xa2);
	case 0xc4: case 0xc5: /* LES, LDS outside of protected mode: offset and selector */
		return moves(2, 0);
	case 0xb8 ... 0xbf:
		w = itself(0, op);
		w.other = 0xc7;
		w.any_reg = true;
		return w;
	case 0xff:
		switch (reg) {
		case 0: case 1:
			return itself(0, op);
		case 2: case 6: /* CALL, PUSH */
			return moves(mem, 1);
		case 4:
			return moves(mem, 0);
		case 5: /* JMP to another segment, outside of protected mode */
			return moves(2 * mem, 0);
		}
	}
	return moves(0, 0);
}

/* SDM vol. 2, table A-3. */
static struct want want_0f(unsigned op, unsigned reg, bool mem)
{
	struct want w;
	switch (op) {
	case 0x00: /* LLDT, LTR, VERR, VERW */
		return moves(mem && reg >= 2, 0);
	case 0x01: /* LMSW */
		return moves(mem && reg == 6, 0);
	case 0x02: case 0x03:
		return moves(mem, 0);
	case 0xa0: case 0xa8:
		return moves(0, 1);
	case 0xa1: case 0xa9:
		return moves(1, 0);
	case 0xb2: case 0xb4: case 0xb5: /* LSS, LFS, LGS */
		return moves(2, 0);
	case 0xae: /* fences have no operand */
		w = itself(1, op);
		w.any_reg = !mem;
		return w;
	case 0xa3: case 0xab: case 0xb3: case 0xbb: /* the bit within its dword, in a scratch register */
	case 0xb6: case 0xb7: case 0xbe: case 0xbf: /* through ESI beside AH */
	case 0xf7:
		w = itself(1, op);
		w.any_reg = true;
		return w;
	case 0x10 ... 0x17: case 0x28 ... 0x2f: case 0x40 ... 0x7f: case 0x90 ... 0x9f:
	case 0xa4: case 0xa5: case 0xac: case 0xad: case 0xaf: case 0xb0: case 0xb1:
	case 0xba: case 0xbc: case 0xbd: case 0xc0 ... 0xf6: case 0xf8 ... 0xfe:
		return itself(1, op);
	}
	return moves(0, 0);
}
/* clang-format on */

static struct want want_of(const struct shape *g, unsigned reg, bool mem)
{
	if (g->map == 0)
		return want_one(g->opcode, reg, mem);
	return g->map == 1 ? want_0f(g->opcode, reg, mem) : itself(g->map, g->opcode);
}

/* The same where the immediate comes from a register. */
static struct want want_live(const struct shape *g, unsigned reg)
{
	unsigned op = g->opcode, wide = op & 1;
	struct want w = moves(0, 0);
	if (op < 0x40)
		w = itself(0, (op & 0x38) | 2 | wide);
	else if (op == 0xa8 || op == 0xa9 || (op & ~1u) == 0xf6)
		w = itself(0, 0x84 | wide);
	else if ((op & ~3u) == 0x80)
		w = itself(0, reg << 3 | wide);
	else if ((op & ~15u) == 0xb0)
		w = itself(0, op & 8 ? 0x8b : 0x8a);
	else if ((op & ~1u) == 0xc6)
		w = itself(0, 0x88 | wide);
	else if (op == 0x68 || op == 0x6a)
		w = moves(0, 1);
	w.any_reg = true;
	return w;
}

/* Has the opcode a ModRM byte?  Asked of those of which a memory operand is wanted. */
static bool has_modrm(const struct shape *g)
{
	unsigned op = g->opcode;
	switch (g->map) {
	case 0:
		return op < 0x40 ? (op & 7) < 4
		                 : (op >= 0x80 && op <= 0x8f) || op == 0x69 || op == 0x6b ||
		                           (op & ~1u) == 0xc0 || (op & ~1u) == 0xc6 ||
		                           (op & ~3u) == 0xd0 || (op & ~7u) == 0xd8 ||
		                           (op & ~1u) == 0xf6 || op >= 0xfe;
	case 1:
		return (op & ~7u) != 0xc8 && op != 0x77 && (op & ~1u) != 0xa0 && (op & ~1u) != 0xa8;
	}
	return true;
}

/* Does it access memory by itself? */
static bool accesses(const struct shape *g, bool mem)
{
	unsigned op = g->opcode;
	if (g->map == 0 && ((op >= 0xa0 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf)))
		return true;
	return (g->map == 1 && op == 0xf7) || (mem && !(g->map == 0 && op == 0x8d));
}

static bool is_call(const struct shape *g, unsigned reg)
{
	return g->map == 0 && (g->opcode == 0xe8 || (g->opcode == 0xff && reg == 2));
}

/* Is a store of a call one of another EIP than the next?  16-bit code stores IP: the last two bytes.  A far
 * call and INT n store CS and FLAGS besides, from a register. */
static bool pushes_other(const struct shape *g, unsigned reg, const struct node *h, bool wide,
                         uint32_t next)
{
	bool far = g->map == 0 && (g->opcode == 0x9a || g->opcode == 0xcd);
	if (!h->f.store || (!is_call(g, reg) && !far))
		return false;
	if (h->f.opcode != 0xc7)
		return !far;
	return wide ? h->f.tail != next : h->f.tail >> 16 != (next & 0xffff);
}

/* For a coprocessor: without one it does nothing. */
static bool is_esc(const struct shape *g)
{
	return g->map == 0 && (g->opcode & ~7u) == 0xd8;
}

/* WAIT before the callouts of an operand: a pending x87 exception comes first.  SDM vol. 3,
 * table 6-2. */
static bool waits_first(const struct shape *g, const struct node *h)
{
	bool x87 = is_esc(g);
	bool mmx = g->map && (!g->p66 || (g->map == 1 && (g->opcode & ~1u) == 0x2c)); /* CVTPD2PI */
	return (x87 || mmx) && h->f.map == 0 && h->f.opcode == 0x9b;
}

/* Where a near branch leads to when it is taken; false if it is none. */
static bool branch_target(const struct shape *g, const uint8_t *end, bool wide, uint32_t next,
                          uint32_t *target)
{
	unsigned op = g->opcode, size = 1;
	if (g->map == 0 && (op & ~1u) == 0xe8)
		size = wide ? 4 : 2;
	else if (g->map == 1 && (op & ~15u) == 0x80)
		size = wide ? 4 : 2;
	else if (g->map || ((op & ~15u) != 0x70 && (op & ~3u) != 0xe0 && op != 0xeb))
		return false;
	if (end - g->modrm != (ptrdiff_t)size)
		return false;
	uint32_t rel = 0;
	memcpy(&rel, end - size, size);
	rel = size == 1 ? (uint32_t)(int8_t)rel : size == 2 ? (uint32_t)(int16_t)rel : rel;
	*target = wide ? next + rel : (next + rel) & 0xffff;
	return true;
}

/* The exits in [from, to) lead to this EIP, or there are none. */
static void exits_check(struct sweep *s, uint32_t from, uint32_t to, const uint32_t *target)
{
	for (unsigned n = 0; n < s->u->n_exits; n++) {
		const struct dump_exit *x = &s->c->d.exits[s->u->exit0 + n];
		uint32_t at = x->patch - s->u->host;
		if (at >= from && at < to && (!target || x->target != *target))
			fail(s->c, s->u, x->patch, RULE_EXIT_EIP, NULL);
	}
}

/* May what follows have been stored to? */
static bool may_store(const struct node *h)
{
	unsigned op = h->f.opcode & ~1u;
	return h->callout || h->f.store || (!h->f.map && (op == 0xa4 || op == 0xaa));
}

/* Host code [from, to) of the guest instruction of n bytes at g, whose successor is next. */
static void own_check(struct sweep *s, const uint8_t *guest, size_t n, uint32_t next,
                      unsigned *node, uint32_t from, uint32_t to)
{
	struct shape g;
	bool code32 = s->u->code32;
	if (!insn_shape(guest, n, false, &g))
		g = (struct shape){.opcode = 0x0f, .modrm = guest + n};
	uint32_t target;
	bool branch = branch_target(&g, guest + n, code32 != (g.p66 > 0), next, &target);
	exits_check(s, from, to, branch ? &target : NULL);
	bool modrm = has_modrm(&g) && g.modrm < guest + n;
	unsigned reg = modrm ? *g.modrm >> 3 & 7 : 0;
	bool mem = modrm && *g.modrm >> 6 != 3;
	bool live;
	if (!self_loads(s, from, to, (uint32_t)(guest - s->c->d.guest) - s->u->guest, (unsigned)n,
	                &live))
		fail(s->c, s->u, s->u->host + from, RULE_CHECK, "an immediate");
	struct want w = live ? want_live(&g, reg) : want_of(&g, reg, mem);
	unsigned callouts = 0, faults = 0, loads = 0, stores = 0, own = 0, own_faults = 0,
		 waits = 0;

	unsigned first = *node;
	for (; *node < s->n_nodes && s->nodes[*node].at < to; ++*node) {
		const struct node *h = &s->nodes[*node];
		if (waits_first(&g, h) && !callouts && !waits) {
			waits++;
			continue;
		}
		bool like = w.itself && h->f.map == w.map &&
		            (h->f.opcode == w.opcode || h->f.opcode == w.other) &&
		            (w.any_reg || !modrm || h->f.reg == reg);
		callouts += h->callout;
		faults += h->f.faults;
		loads += h->f.memory && !h->f.store;
		stores += h->f.store;
		own += !h->callout && like;
		own_faults += !h->callout && like && h->f.faults;
		if (pushes_other(&g, reg, h, code32 != (g.p66 > 0), next))
			fail(s->c, s->u, s->u->host + h->at, RULE_PUSHED, NULL);
	}
	bool done;
	if ((callouts && !faults && !own) || (is_esc(&g) && *node == first))
		done = true;
	else if (w.itself)
		done = own && faults == own_faults &&
		       (accesses(&g, mem) ? faults == 1 : faults <= 1);
	else
		done = faults == loads + stores && loads == w.loads && stores == w.stores;
	if (!done || waits > callouts)
		fail(s->c, s->u, s->u->host + from, RULE_MAP_OWN, NULL);
}

/* The guest's side: entries are the starts of its instructions, all of them. */
static void guest_check(struct sweep *s)
{
	const struct dump_unit *u = s->u;
	const struct tu_pc *p = sweep_pcs(s);
	const uint8_t *guest = s->c->d.guest + u->guest;
	csh decoder = u->code32 ? s->c->guest32 : s->c->guest16;
	uint32_t at = 0;
	uint32_t covered = 0; /* compared since the last store: the source up to there */
	unsigned i = 0, count = 0, node = 0;
	uint32_t last = 0;

	while (at < u->guest_len) {
		while (i < u->n_pc && p[i].guest < at) {
			fail(s->c, u, u->host + p[i].host, RULE_MAP_GUEST, "PC map entry");
			i++;
		}
		if (i == u->n_pc || p[i].guest != at)
			fail(s->c, u, u->host, RULE_MAP_GAP,
			     "a guest instruction is not in the map");
		count++;
		uint32_t from = last = i < u->n_pc ? p[i].host : u->host_len;
		while (i < u->n_pc && p[i].guest == at)
			i++;
		if (self_covered(s, from))
			covered = self_covered(s, from);
		const uint8_t *bytes = guest + at;
		size_t left = u->guest_len - at;
		uint64_t address = 0;
		uint32_t n =
			(i < u->n_pc && p[i].guest < u->guest_len ? p[i].guest : u->guest_len) - at;
		const cs_insn *insn = s->c->guest_insn;
		/* What is no instruction for Capstone raises #UD; it takes no ModRM byte for those
		 * that do so by name. */
		if (cs_disasm_iter(decoder, &bytes, &left, &address, s->c->guest_insn) &&
		    insn->id != X86_INS_UD0 && insn->id != X86_INS_UD2B)
			n = insn->size;
		if (u->self && at + n > covered)
			fail(s->c, u, u->host + from, RULE_CHECK, NULL);
		unsigned first = node;
		own_check(s, guest + at, n, u->eip + at + n, &node, from,
		          i < u->n_pc ? p[i].host : u->host_len);
		for (; first < node; first++)
			if (may_store(&s->nodes[first]))
				covered = 0;
		at += n;
	}
	if (at != u->guest_len || count != u->n_insns)
		fail(s->c, u, u->host, RULE_MAP_GUEST, "instructions of the guest and of the map");
	/* Behind the last one there is nothing but the exit to the next. */
	if (i < u->n_pc && (i + 1 < u->n_pc || p[i].guest != u->guest_len || node < s->n_nodes ||
	                    p[i].host >= u->host_len || s->base[p[i].host] != 0xe9))
		fail(s->c, u, u->host + p[i].host, RULE_MAP_GUEST,
		     "PC map entry behind the last instruction");
	else if (i < u->n_pc)
		exits_check(s, p[i].host, u->host_len, &(uint32_t){u->eip + u->guest_len});
	/* Whoever goes on from there may be given an interrupt first. */
	if (i < u->n_pc && s->shadow > last && s->kept != s->shadow)
		fail(s->c, u, u->host + last, RULE_CALLOUT, "a shadow that ends with its unit");
}

void map_check(struct sweep *s)
{
	host_check(s);
	undo_check(s);
	if (!(s->u->flags & (DUMP_ONCE | DUMP_DEAD)))
		guest_check(s);
}
