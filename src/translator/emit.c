#include "translator/emit.h"

#include "base/log.h"

static uint8_t rex_of(const struct enc *x)
{
	uint8_t rex = x->w ? 8 : 0;
	if (x->reg & 8)
		rex |= 4;
	if (x->mem) {
		if (x->m.index != NOREG && x->m.index & 8)
			rex |= 2;
		if (x->m.base != NOREG && x->m.base & 8)
			rex |= 1;
	} else if (x->rm & 8) {
		rex |= 1;
	}
	return rex;
}

bool enc_needs_rex(const struct enc *x)
{
	return rex_of(x) != 0;
}

static void emit_modrm_mem(struct emit *e, uint8_t reg, const struct memop *m)
{
	reg = (reg & 7) << 3;
	bool sib = m->index != NOREG || m->base == NOREG || (m->base & 7) == 4;
	int mod;

	if (m->base == NOREG)
		mod = 0; /* SIB with no base: disp32 (the plain form is RIP-relative) */
	else if (!m->disp && (m->base & 7) != 5)
		mod = 0;
	else if (m->disp >= -128 && m->disp < 128)
		mod = 1;
	else
		mod = 2;
	emit8(e, mod << 6 | reg | (sib ? 4 : m->base & 7));
	if (sib)
		emit8(e, m->scale << 6 | (m->index == NOREG ? 4 : m->index & 7) << 3 |
		                 (m->base == NOREG ? 5 : m->base & 7));
	if (mod == 1)
		emit8(e, m->disp);
	else if (mod == 2 || m->base == NOREG)
		emit32(e, m->disp);
}

void emit_enc(struct emit *e, const struct enc *x)
{
	if (x->lock)
		emit8(e, 0xf0);
	if (x->mem && x->m.gs) {
		emit8(e, 0x65);
		emit8(e, 0x67);
	}
	if (x->p66)
		emit8(e, 0x66); /* last, where disassemblers take it for a mandatory prefix */
	if (x->rep)
		emit8(e, x->rep);
	uint8_t rex = rex_of(x);
	if (rex)
		emit8(e, 0x40 | rex);
	if (x->map)
		emit8(e, 0x0f);
	if (x->map == 2)
		emit8(e, 0x38);
	if (x->map == 3)
		emit8(e, 0x3a);
	emit8(e, x->opcode);
	if (x->mem)
		emit_modrm_mem(e, x->reg, &x->m);
	else
		emit8(e, 0xc0 | (x->reg & 7) << 3 | (x->rm & 7));
	for (unsigned i = 0; i < x->imm_size; i++)
		emit8(e, x->imm >> 8 * i);
}

static void reg_reg(struct emit *e, uint8_t map, uint8_t op, uint8_t reg, uint8_t rm, bool w,
                    bool p66)
{
	emit_enc(e,
	         &(struct enc){.map = map, .opcode = op, .reg = reg, .rm = rm, .w = w, .p66 = p66});
}

static void reg_mem(struct emit *e, uint8_t map, uint8_t op, uint8_t reg, struct memop m, bool w,
                    bool p66)
{
	emit_enc(e, &(struct enc){.map = map,
	                          .opcode = op,
	                          .reg = reg,
	                          .mem = true,
	                          .m = m,
	                          .w = w,
	                          .p66 = p66});
}

void emit_mov32(struct emit *e, uint8_t dst, uint8_t src)
{
	reg_reg(e, 0, 0x8b, dst, src, false, false);
}

void emit_mov64(struct emit *e, uint8_t dst, uint8_t src)
{
	reg_reg(e, 0, 0x8b, dst, src, true, false);
}

void emit_mov_imm(struct emit *e, uint8_t dst, uint32_t imm)
{
	if (dst & 8)
		emit8(e, 0x41);
	emit8(e, 0xb8 + (dst & 7));
	emit32(e, imm);
}

void emit_lea32(struct emit *e, uint8_t dst, struct memop m)
{
	m.gs = false;
	reg_mem(e, 0, 0x8d, dst, m, false, false);
}

void emit_lea64(struct emit *e, uint8_t dst, struct memop m)
{
	m.gs = false;
	reg_mem(e, 0, 0x8d, dst, m, true, false);
}

void emit_load32(struct emit *e, uint8_t dst, struct memop m)
{
	reg_mem(e, 0, 0x8b, dst, m, false, false);
}

void emit_load64(struct emit *e, uint8_t dst, struct memop m)
{
	reg_mem(e, 0, 0x8b, dst, m, true, false);
}

void emit_load16(struct emit *e, uint8_t dst, struct memop m)
{
	reg_mem(e, 1, 0xb7, dst, m, false, false);
}

void emit_load8(struct emit *e, uint8_t dst, struct memop m)
{
	reg_mem(e, 1, 0xb6, dst, m, false, false);
}

void emit_store(struct emit *e, struct memop m, uint8_t src, unsigned size)
{
	reg_mem(e, 0, 0x89, src, m, false, size == 2);
}

void emit_store64(struct emit *e, struct memop m, uint8_t src)
{
	reg_mem(e, 0, 0x89, src, m, true, false);
}

void emit_store_imm(struct emit *e, struct memop m, uint32_t imm, unsigned size)
{
	emit_enc(e, &(struct enc){.opcode = 0xc7,
	                          .mem = true,
	                          .m = m,
	                          .p66 = size == 2,
	                          .imm = imm,
	                          .imm_size = size});
}

void emit_movzx16(struct emit *e, uint8_t dst, uint8_t src)
{
	reg_reg(e, 1, 0xb7, dst, src, false, false);
}

void emit_not32(struct emit *e, uint8_t r)
{
	reg_reg(e, 0, 0xf7, 2, r, false, false);
}

void emit_mov16(struct emit *e, uint8_t dst, uint8_t src)
{
	reg_reg(e, 0, 0x8b, dst, src, false, true);
}

/* BMI2 shifts: VEX.LZ.pp.0F38.W F7 /r.  SDM vol. 2, SARX/SHLX/SHRX. */
static void shift_x(struct emit *e, int pp, uint8_t dst, uint8_t src, uint8_t count, bool w)
{
	emit8(e, 0xc4);
	emit8(e, (dst & 8 ? 0 : 0x80) | 0x40 | (src & 8 ? 0 : 0x20) | 2);
	emit8(e, (w ? 0x80 : 0) | (~count & 15) << 3 | pp);
	emit8(e, 0xf7);
	emit8(e, 0xc0 | (dst & 7) << 3 | (src & 7));
}

void emit_shlx(struct emit *e, uint8_t dst, uint8_t src, uint8_t count, bool w)
{
	shift_x(e, 1, dst, src, count, w);
}

void emit_sarx(struct emit *e, uint8_t dst, uint8_t src, uint8_t count, bool w)
{
	shift_x(e, 2, dst, src, count, w);
}

void emit_shrx(struct emit *e, uint8_t dst, uint8_t src, uint8_t count, bool w)
{
	shift_x(e, 3, dst, src, count, w);
}

unsigned emit_jrcxz(struct emit *e)
{
	emit8(e, 0xe3);
	emit8(e, 0);
	return emit_here(e) - 1;
}

unsigned emit_jmp8(struct emit *e)
{
	emit8(e, 0xeb);
	emit8(e, 0);
	return emit_here(e) - 1;
}

void emit_patch8(struct emit *e, unsigned at)
{
	unsigned by = emit_here(e) - at - 1;
	CHECK(by <= INT8_MAX);
	e->base[at] = (uint8_t)by;
}
