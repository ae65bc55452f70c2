/* The driver: one request, instruction by instruction; exits, stubs, PC map. */
#include "translator/xlate.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

struct translator {
	struct decoder *decoder;
};

struct translator *translator_create(void)
{
	struct translator *t = malloc(sizeof *t);
	if (t && !(t->decoder = decoder_create())) {
		free(t);
		return NULL;
	}
	return t;
}

void translator_destroy(struct translator *t)
{
	if (!t)
		return;
	decoder_destroy(t->decoder);
	free(t);
}

bool translator_row(unsigned i, struct row_info *out)
{
	const struct row *r = table_at(i);
	if (!r)
		return false;
	*out = (struct row_info){
		.name = r->name,
		.map = r->map,
		.opcode = r->opcode,
		.ext = r->ext,
		.kind = r->flags & ROW_CO       ? ROW_CALLOUT
	                : r->handler == H_plain ? ROW_IDENT
	                : r->flags & ROW_RE     ? ROW_REENCODE
	                                        : ROW_INLINE,
		.isa = r->isa,
		.sensitive = r->flags & ROW_SENSITIVE,
		.privileged = r->flags & ROW_PRIVILEGED,
		.group = r->group,
	};
	return true;
}

static xl_handler *const handlers[] = {
#define H(name) x_##name,
	HANDLERS(H)
#undef H
};

/* What goes to the coprocessor. Where there is none, nobody takes it. */
static bool is_esc(const struct insn *i)
{
	return i->map == 0 && (i->opcode & 0xf8) == 0xd8;
}

static void translate_one(struct xlate *x)
{
	const struct insn *i = &x->i;

	x->row = table_find(i);
	if (is_esc(i) && !(x->req->model->isa & ISA_FPU)) {
		if (x->mode & (MODE_EM | MODE_TS))
			xl_trap(x, VEC_NM, false);
		return;
	}
	if (!x->row || (x->row->isa & ~x->req->model->isa) ||
	    (i->lock && (!(x->row->flags & ROW_LOCK) || !insn_is_mem(i)))) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	if (x->mode & MODE_CSLIMIT && x->next - 1 > x->req->mode.cs_limit) {
		x->out->fixed = true;
		xl_trap(x, VEC_GP, true);
		return;
	}
	if (x->row->flags & ROW_PROTECTED && !mode_bits_protected(x->mode)) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	if (xl_fpu_trap(x))
		return;
	if (x->row->flags & ROW_PRIVILEGED && mode_cpl(x->mode)) {
		xl_trap(x, VEC_GP, true);
		return;
	}
	x->site = x->req->site ? x->req->site(x->req->site_ctx, x->eip) : 0;
	handlers[x->row->handler](x);
	known_after(x);
}

static void finish(struct xlate *x)
{
	struct emit *e = &x->e;
	struct tu_code *o = x->out;

	for (int n = 0; n < PADDING; n++)
		emit8(e, 0xcc);
	for (unsigned n = 0; n < x->n_lookups; n++) {
		uint32_t rel = emit_here(e) - (x->lookups[n] + 4);
		memcpy(e->base + x->lookups[n], &rel, 4);
		xl_lookup_code(x);
	}
	for (unsigned n = 0; n < o->n_exits; n++) {
		struct tu_exit *t = &o->exits[n];
		uint32_t rel = emit_here(e) - (t->patch + 4u);
		t->stub = emit_here(e);
		memcpy(e->base + t->patch, &rel, 4);
		emit_mov_imm(e, R8, x->req->exit_id + n);
		xl_jump_stub(x, STUB_EXIT, false);
	}
	CHECK(e->p < e->end); /* nothing was dropped */
	o->host_len = emit_here(e);
}

/* Is there room for another instruction, whatever it is, and the unit's end? */
static bool room(const struct xlate *x, bool checks_to_come)
{
	const struct tu_code *o = x->out;
	unsigned host = checks_to_come ? SELF_HOST : 0, relocs = checks_to_come ? SELF_RELOCS : 0;
	return o->n_exits + INSN_EXITS + 1 <= TU_MAX_EXITS &&
	       o->n_pads + INSN_PADS <= TU_MAX_PADS && o->n_pc + INSN_PC + 1 <= TU_MAX_PC &&
	       o->n_relocs + INSN_RELOCS + relocs <= TU_MAX_RELOCS &&
	       emit_here(&x->e) + INSN_HOST + END_HOST + host < TU_MAX_HOST;
}

/* What is known of a unit that checks itself after it was translated without the checks. */
struct plan {
	bool made;
	unsigned n_insns;
	unsigned n;                     /* parts of its source, each with a check before it */
	uint16_t end[TU_MAX_INSNS + 1]; /* guest offsets */
};

static void check_part(struct xlate *x, const struct plan *plan, unsigned from)
{
	unsigned i = 0;
	while (plan->end[i] <= from)
		i++;
	xl_self_check(x, from, plan->end[i]);
}

/* What follows an instruction whose operand has a limit: one look may do for theirs, too. */
static void decode_ahead(const struct translator *t, struct xlate *x)
{
	const struct tu_request *r = x->req;
	uint32_t at = x->next - r->eip;

	x->n_ahead = 0;
	if (!insn_is_mem(&x->i) || r->single ||
	    mode_class(x->mode, insn_segment(&x->i)) != CLASS_LIMITED)
		return;
	while (x->n_ahead < AHEAD && at < r->avail &&
	       decode(t->decoder, r->bytes + at, r->avail - at, x->mode & MODE_CODE32,
	              &x->ahead[x->n_ahead]) == DECODE_OK)
		at += x->ahead[x->n_ahead++].len;
}

/* One pass over the guest's code. */
static enum tu_status pass(struct translator *t, const struct tu_request *r, struct plan *plan,
                           struct tu_code *out)
{
	struct xlate x = {
		.req = r,
		.out = out,
		.e = {.base = r->out, .p = r->out, .end = r->out + TU_MAX_HOST},
		.mode = r->mode.bits,
		.eip = r->eip,
		.stored = true, /* before the unit */
	};
	known_forget(&x);
	unsigned max = r->max_insns && r->max_insns < TU_MAX_INSNS ? r->max_insns : TU_MAX_INSNS;
	if (r->self && max > SELF_INSNS)
		max = SELF_INSNS;
	if (plan->made)
		max = plan->n_insns;

	out->guest_len = out->n_insns = out->n_pc = out->n_relocs = 0;
	out->n_exits = out->n_pads = 0;
	out->fixed = out->once = false;
	out->limit = x.mode & MODE_CSLIMIT ? r->mode.cs_limit : UINT32_MAX;
	while (!x.ended && out->n_insns < max && room(&x, r->self && !plan->made)) {
		uint32_t at = x.eip - r->eip;
		enum decode_status s = decode(t->decoder, r->bytes + at, r->avail - at,
		                              x.mode & MODE_CODE32, &x.i);
		if (s == DECODE_SHORT) {
			if (!out->n_insns)
				return TU_NEED_BYTES;
			break;
		}
		/* Bytes behind those that are checked have decided that it is no instruction. */
		if (s != DECODE_OK && r->self) {
			if (out->n_insns)
				break;
			out->once = true;
		}
		xl_pc(&x, UNDO_NONE);
		x.next = x.eip + (s == DECODE_OK ? x.i.len : 1);
		if (x.stored && plan->made)
			check_part(&x, plan, at);
		x.stored = x.shadow = false;
		if (s == DECODE_OK) {
			decode_ahead(t, &x);
			translate_one(&x);
		} else {
			xl_trap(&x, s == DECODE_LONG ? VEC_GP : VEC_UD, s == DECODE_LONG);
		}
		out->n_insns++;
		x.eip = x.next;
		out->guest_len = x.eip - r->eip;
		if (x.stored && !plan->made)
			plan->end[plan->n++] = out->guest_len;
		if (out->guest_len >= r->avail)
			break;
		if (r->block && (out->n_exits || out->n_pads))
			break;
	}
	if (!x.ended) {
		/* What comes to be pending from here on must wait for an instruction of another unit. */
		if (x.shadow)
			xl_callout_at(&x, x.eip, callout_pack(CO_PENDING, 0, 4, 0, true));
		xl_pc(&x, UNDO_NONE);
		xl_exit_jmp(&x, x.eip);
		out->exits[out->n_exits - 1].word = false; /* no branch: nothing wraps */
	}
	finish(&x);
	plan->end[plan->n] = out->guest_len;
	plan->n_insns = out->n_insns;
	return TU_OK;
}

enum tu_status translator_run(struct translator *t, const struct tu_request *r, struct tu_code *out)
{
	struct plan plan = {.made = false};
	out->source = r->self ? r->bytes : NULL;
	memset(out->live, 0, sizeof out->live);
	enum tu_status s = pass(t, r, &plan, out);
	if (s != TU_OK || !r->self)
		return s;
	/* A check is of what comes up to the next store: the second pass knows it. */
	plan.made = true;
	return pass(t, r, &plan, out);
}
