/* The driver: one request, instruction by instruction; exits, stubs, PC map. */
#include "translator/xlate.h"

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

static const char *const callout_names[] = {
#define CALLOUT(name) #name,
#include "translator/callouts.inc"
#undef CALLOUT
};

const char *callout_name(enum callout c)
{
	return callout_names[c];
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

/* --- what handlers share --- */

void xl_pc(struct xlate *x, enum tu_undo undo)
{
	struct tu_code *o = x->out;
	if (o->n_pc < TU_MAX_PC)
		o->pc[o->n_pc++] = (struct tu_pc){
			.host = emit_here(&x->e), .guest = x->eip - x->req->eip, .undo = undo};
}

static void jump_stub(struct xlate *x, enum stub s, bool call)
{
	/* FF /4 and /2 through v->stub[]. */
	emit_enc(&x->e, &(struct enc){.opcode = 0xff,
	                              .reg = call ? 2 : 4,
	                              .mem = true,
	                              .m = mem_host(R15, offsetof(struct vcpu, stub) + 8 * s)});
}

static void callout_at(struct xlate *x, uint32_t eip, uint32_t packed)
{
	emit_mov_imm(&x->e, R8, eip);
	emit_mov_imm(&x->e, R9, packed);
	jump_stub(x, STUB_CALLOUT, true);
}

void xl_callout(struct xlate *x, enum callout c, unsigned size, unsigned seg, unsigned arg)
{
	callout_at(x, x->eip, callout_pack(c, x->i.len & 15, size, seg, arg));
}

void xl_callout_end(struct xlate *x, enum callout c, unsigned size, unsigned seg, unsigned arg)
{
	xl_callout(x, c, size, seg, arg);
	x->ended = true;
}

void xl_trap(struct xlate *x, enum vector v, bool error)
{
	xl_callout_end(x, CO_TRAP, error, 0, v);
}

void xl_exit_rel32(struct xlate *x, uint32_t target)
{
	struct tu_code *o = x->out;
	o->exits[o->n_exits++] = (struct tu_exit){.target = target, .patch = emit_here(&x->e)};
	emit32(&x->e, 0);
}

void xl_exit_jmp(struct xlate *x, uint32_t target)
{
	emit8(&x->e, 0xe9);
	xl_exit_rel32(x, target);
}

/* The table has 65,536 entries of {-(window base + EIP), host address}, indexed by
 * EIP's low 16 bits.  Compared without flags: LEA adds, JRCXZ tests. */
static void lookup(struct xlate *x)
{
	struct emit *e = &x->e;
	struct memop entry = {.base = R13, .index = R9, .scale = 3};

	emit_movzx16(e, R9, R8);
	emit_lea64(e, R9, (struct memop){.base = R9, .index = R9});
	emit_mov64(e, R11, RCX);
	emit_load64(e, RCX, entry);
	emit_lea64(e, R10, (struct memop){.base = R14, .index = R8});
	emit_lea64(e, RCX, (struct memop){.base = RCX, .index = R10});
	unsigned hit = emit_jrcxz(e);
	emit_mov32(e, RCX, R11);
	jump_stub(x, STUB_MISS, false);
	emit_patch8(e, hit);
	emit_mov32(e, RCX, R11);
	entry.disp = 8;
	emit_enc(e, &(struct enc){.opcode = 0xff, .reg = 4, .mem = true, .m = entry});
}

void xl_lookup(struct xlate *x)
{
	if (x->req->single)
		jump_stub(x, STUB_MISS, false);
	else
		lookup(x);
}

void xl_pad(struct xlate *x, uint32_t eip)
{
	struct emit *e = &x->e;
	x->out->pads[x->out->n_pads++] = (struct tu_pad){.host = emit_here(e)};
	emit_mov64(e, R9, RCX);
	emit_lea32(e, RCX, mem_host(R8, -(int32_t)eip));
	unsigned same = emit_jrcxz(e);
	emit_mov32(e, RCX, R9);
	jump_stub(x, STUB_LOOKUP, false);
	emit_patch8(e, same);
	emit_mov32(e, RCX, R9);
}

void xl_pending(struct xlate *x, bool shadow)
{
	struct emit *e = &x->e;
	emit_mov64(e, R10, RCX);
	emit_load32(e, RCX, VCPU(pending));
	unsigned none = emit_jrcxz(e);
	emit_mov32(e, RCX, R10);
	callout_at(x, x->next, callout_pack(CO_PENDING, 0, 4, 0, shadow));
	emit_patch8(e, none);
	emit_mov32(e, RCX, R10);
}

unsigned translator_thunk(uint8_t *out, uint32_t eip)
{
	struct xlate x = {.e = {.base = out, .p = out, .end = out + 96}};
	emit_mov_imm(&x.e, R8, eip);
	lookup(&x);
	return emit_here(&x.e);
}

/* --- the loop --- */

static xl_handler *const handlers[] = {
#define H(name) x_##name,
	HANDLERS(H)
#undef H
};

/* FPU forms under CR0 and CR4.  SDM vol. 3, tables 2-2 and 9-2, 13.1. */
static bool fpu_trap(struct xlate *x)
{
	uint32_t mode = x->mode;
	switch (x->row->group) {
	case 'f':
		if (x->row->handler == H_wait) {
			if ((mode & (MODE_MP | MODE_TS)) != (MODE_MP | MODE_TS))
				return false;
		} else if (!(mode & (MODE_EM | MODE_TS))) {
			return false;
		}
		xl_trap(x, VEC_NM, false);
		return true;
	case 'm':
	case 's':
		if (mode & MODE_EM || (x->row->group == 's' && !(mode & MODE_OSFXSR))) {
			xl_trap(x, VEC_UD, false);
			return true;
		}
		if (mode & MODE_TS) {
			xl_trap(x, VEC_NM, false);
			return true;
		}
	}
	return false;
}

static void translate_one(struct xlate *x)
{
	const struct insn *i = &x->i;

	x->row = table_find(i);
	if (!x->row || (x->row->isa & ~x->req->model->isa) ||
	    (i->lock && (!(x->row->flags & ROW_LOCK) || !insn_is_mem(i)))) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	if (x->mode & MODE_CSBASED && x->next - 1 > x->req->mode.cs_limit) {
		xl_trap(x, VEC_GP, true);
		return;
	}
	if (fpu_trap(x))
		return;
	if (x->row->flags & ROW_PRIVILEGED && mode_cpl(x->mode)) {
		xl_trap(x, VEC_GP, true);
		return;
	}
	x->site = x->req->site ? x->req->site(x->req->site_ctx, x->eip) : 0;
	handlers[x->row->handler](x);
}

static void finish(struct xlate *x)
{
	struct emit *e = &x->e;
	struct tu_code *o = x->out;

	/* Room to overwrite the last instruction (tcache_leave_after). */
	for (int n = 0; n < 16; n++)
		emit8(e, 0xcc);
	for (unsigned n = 0; n < x->n_lookups; n++) {
		uint32_t rel = emit_here(e) - (x->lookups[n] + 4);
		memcpy(e->base + x->lookups[n], &rel, 4);
		lookup(x);
	}
	for (unsigned n = 0; n < o->n_exits; n++) {
		struct tu_exit *t = &o->exits[n];
		uint32_t rel = emit_here(e) - (t->patch + 4u);
		t->stub = emit_here(e);
		memcpy(e->base + t->patch, &rel, 4);
		emit_mov_imm(e, R8, x->req->exit_id + n);
		jump_stub(x, STUB_EXIT, false);
	}
	o->host_len = emit_here(e);
}

enum tu_status translator_run(struct translator *t, const struct tu_request *r, struct tu_code *out)
{
	struct xlate x = {
		.req = r,
		.out = out,
		.e = {.base = r->out, .p = r->out, .end = r->out + TU_MAX_HOST},
		.mode = r->mode.bits,
		.eip = r->eip,
	};
	unsigned max = r->max_insns && r->max_insns < TU_MAX_INSNS ? r->max_insns : TU_MAX_INSNS;

	out->guest_len = out->n_insns = out->n_pc = 0;
	out->n_exits = out->n_pads = 0;
	while (!x.ended && out->n_insns < max) {
		/* Room for the longest instruction, its exits and stubs, and the end. */
		if (out->n_exits + 4 > TU_MAX_EXITS || out->n_pads + 2 > TU_MAX_PADS ||
		    out->n_pc + 6 > TU_MAX_PC || emit_here(&x.e) > TU_MAX_HOST - 3500)
			break;
		uint32_t at = x.eip - r->eip;
		enum decode_status s = decode(t->decoder, r->bytes + at, r->avail - at,
		                              x.mode & MODE_CODE32, &x.i);
		if (s == DECODE_SHORT) {
			if (!out->n_insns)
				return TU_NEED_BYTES;
			break;
		}
		xl_pc(&x, UNDO_NONE);
		x.next = x.eip + (s == DECODE_OK ? x.i.len : 1);
		if (s == DECODE_OK)
			translate_one(&x);
		else
			xl_trap(&x, s == DECODE_LONG ? VEC_GP : VEC_UD, s == DECODE_LONG);
		out->n_insns++;
		x.eip = x.next;
		out->guest_len = x.eip - r->eip;
		if (out->guest_len >= r->avail)
			break;
	}
	if (!x.ended) {
		xl_pc(&x, UNDO_NONE);
		xl_exit_jmp(&x, x.eip);
	}
	finish(&x);
	return TU_OK;
}
