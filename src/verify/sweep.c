#include "verify/internal.h"

void sweep_fail(struct sweep *s, const uint8_t *at, enum verify_rule rule, const char *what)
{
	fail(s->c, s->u, s->u->host + (uint32_t)(at - s->base), rule, what);
}

uint32_t sweep_eip(const struct sweep *s, uint32_t off, uint32_t *next)
{
	const struct tu_pc *p = sweep_pcs(s), *end = p + s->u->n_pc, *now = NULL;
	for (; p < end && p->host <= off; p++)
		now = p;
	while (p < end && now && p->guest == now->guest)
		p++;
	if (next)
		*next = s->u->eip + (p < end ? p->guest : s->u->guest_len);
	return now ? s->u->eip + now->guest : s->u->eip;
}

void sweep_undo(struct sweep *s, const uint8_t *at, uint8_t undo)
{
	uint32_t off = sweep_offset(s, at);
	if (at < s->end)
		s->mark[off] |= MARK_INSN;
	if (s->n_undo < sizeof s->undo / sizeof *s->undo)
		s->undo[s->n_undo++] = (struct undo){(uint16_t)off, undo};
}

void sweep_node(struct sweep *s, const uint8_t *at, const struct insn_facts *f)
{
	if (s->n_nodes == sizeof s->nodes / sizeof *s->nodes)
		return; /* more than the unit has instructions */
	struct node *n = &s->nodes[s->n_nodes++];
	*n = (struct node){.at = (uint16_t)(at - s->base), .callout = !f};
	if (f)
		n->f = *f;
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
