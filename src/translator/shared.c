/* What the handlers share: callouts, exits, lookups, landing pads, the PC map. */
#include "translator/xlate.h"

#include "base/log.h"

void xl_pc(struct xlate *x, enum tu_undo undo)
{
	struct tu_code *o = x->out;
	CHECK(o->n_pc < TU_MAX_PC);
	o->pc[o->n_pc++] = (struct tu_pc){
		.host = emit_here(&x->e), .guest = x->eip - x->req->eip, .undo = undo};
}

void xl_jump_stub(struct xlate *x, enum stub s, bool call)
{
	/* FF /4 and /2 through v->native.stub[]. */
	emit_enc(&x->e,
	         &(struct enc){.opcode = 0xff,
	                       .reg = call ? 2 : 4,
	                       .mem = true,
	                       .m = mem_host(R15, offsetof(struct vcpu, native.stub) + 8 * s)});
}

void xl_reloc(struct xlate *x, enum tu_reloc_kind kind)
{
	struct tu_code *o = x->out;
	CHECK(o->n_relocs < TU_MAX_RELOCS);
	o->relocs[o->n_relocs++] = (struct tu_reloc){
		.host = emit_here(&x->e) - (kind == RELOC_IP ? 2 : 4), .kind = kind};
}

void xl_mov_eip(struct xlate *x, uint32_t eip)
{
	emit_mov_imm(&x->e, R8, eip);
	xl_reloc(x, RELOC_EIP);
}

void xl_callout_at(struct xlate *x, uint32_t eip, uint32_t packed)
{
	xl_mov_eip(x, eip);
	emit_mov_imm(&x->e, R9, packed);
	xl_jump_stub(x, STUB_CALLOUT, true);
	known_forget(x);
}

void xl_callout(struct xlate *x, enum callout c, unsigned size, unsigned seg, unsigned arg)
{
	xl_callout_at(x, x->eip, callout_pack(c, x->i.len, size, seg, arg));
	x->ended |= callout_info(c)->flow == FLOW_ENDS;
	x->stored = true; /* whatever it does */
}

void xl_trap(struct xlate *x, enum vector v, bool error)
{
	xl_callout(x, CO_TRAP, error, 0, v);
}

void xl_exit_rel32(struct xlate *x, uint32_t target)
{
	struct tu_code *o = x->out;
	CHECK(o->n_exits < TU_MAX_EXITS);
	o->exits[o->n_exits++] = (struct tu_exit){
		.target = target, .patch = emit_here(&x->e), .word = x->i.opsize == 2};
	emit32(&x->e, 0);
}

void xl_exit_jmp(struct xlate *x, uint32_t target)
{
	emit8(&x->e, 0xe9);
	xl_exit_rel32(x, target);
}

/* The table has 65,536 entries of {-(tag + EIP), host address}, indexed by EIP's low 16 bits; the tag
 * is that of where the guest runs now: window, mode and CS.  Compared without flags: LEA adds, JRCXZ
 * tests. */
void xl_lookup_code(struct xlate *x)
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
	xl_jump_stub(x, STUB_MISS, false);
	emit_patch8(e, hit);
	emit_mov32(e, RCX, R11);
	entry.disp = 8;
	emit_enc(e, &(struct enc){.opcode = 0xff, .reg = 4, .mem = true, .m = entry});
}

void xl_lookup(struct xlate *x)
{
	if (x->req->single)
		xl_jump_stub(x, STUB_MISS, false);
	else
		xl_lookup_code(x);
}

void xl_pad(struct xlate *x, uint32_t eip)
{
	struct emit *e = &x->e;
	CHECK(x->out->n_pads < TU_MAX_PADS);
	x->out->pads[x->out->n_pads++] = (struct tu_pad){.host = emit_here(e)};
	emit_mov64(e, R9, RCX);
	/* lea ecx, [r8 + disp32], be it ever so small: it moves. */
	emit8(e, 0x41);
	emit8(e, 0x8d);
	emit8(e, 0x88);
	emit32(e, -eip);
	xl_reloc(x, RELOC_MINUS_EIP);
	unsigned same = emit_jrcxz(e);
	emit_mov32(e, RCX, R9);
	xl_jump_stub(x, STUB_LOOKUP, false);
	emit_patch8(e, same);
	emit_mov32(e, RCX, R9);
}

/* A callout unless the cell is zero. */
static void callout_if(struct xlate *x, struct memop cell, uint32_t eip, uint32_t packed)
{
	struct emit *e = &x->e;
	emit_mov64(e, R10, RCX);
	emit_load32(e, RCX, cell);
	unsigned none = emit_jrcxz(e);
	emit_mov32(e, RCX, R10);
	xl_callout_at(x, eip, packed);
	emit_patch8(e, none);
	emit_mov32(e, RCX, R10);
}

void xl_pending(struct xlate *x, bool shadow)
{
	callout_if(x, VCPU(native.pending), x->next, callout_pack(CO_PENDING, 0, 4, 0, shadow));
}

void xl_look(struct xlate *x, enum callout c, unsigned size, unsigned arg)
{
	callout_if(x, VCPU(native.look), x->eip, callout_pack(c, x->i.len, size, 0, arg));
	x->stored = true;
}

unsigned translator_thunk(uint8_t *out, uint32_t eip)
{
	struct xlate x = {.e = {.base = out, .p = out, .end = out + TU_MAX_THUNK}};
	emit_mov_imm(&x.e, R8, eip);
	xl_lookup_code(&x);
	CHECK(x.e.p < x.e.end);
	return emit_here(&x.e);
}
