/* The emitter: encodes host instructions.  Internal to the translator.
 * Glue is made of instructions that leave flags alone. */
#ifndef UNRING_TRANSLATOR_EMIT_H
#define UNRING_TRANSLATOR_EMIT_H

#include "base/types.h"

/* Host registers by number; guest ESP lives in R12. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NOREG = 0xff };

struct emit {
	uint8_t *base, *p, *end;
};

static inline unsigned emit_here(const struct emit *e)
{
	return (unsigned)(e->p - e->base);
}

/* What does not fit is dropped; p is at the end then, which whoever gave the buffer asserts it is not. */
static inline void emit8(struct emit *e, uint8_t b)
{
	if (e->p < e->end)
		*e->p++ = b;
}

static inline void emit32(struct emit *e, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		emit8(e, v >> 8 * i);
}

/* A memory operand.  gs: 65 67 prefixes, a 32-bit address in the window;
 * otherwise a 64-bit address (monitor memory, or a window base added). */
struct memop {
	bool gs;
	uint8_t base, index, scale; /* scale: log2 */
	int32_t disp;
};

static inline struct memop mem_gs(uint8_t base, int32_t disp)
{
	return (struct memop){.gs = true, .base = base, .index = NOREG, .disp = disp};
}

static inline struct memop mem_host(uint8_t base, int32_t disp)
{
	return (struct memop){.base = base, .index = NOREG, .disp = disp};
}

/* A ModRM instruction. */
struct enc {
	uint8_t map, opcode;
	uint8_t rep; /* F2 or F3 before the opcode, or 0 */
	bool p66, lock, w;
	uint8_t reg; /* 0 to 15, or the opcode extension */
	bool mem;
	uint8_t rm; /* register form */
	struct memop m;
	uint8_t imm_size;
	uint32_t imm;
};

void emit_enc(struct emit *e, const struct enc *x);
/* Would emit_enc need a REX prefix? */
bool enc_needs_rex(const struct enc *x);

/* --- glue; none of these changes flags --- */
void emit_mov32(struct emit *e, uint8_t dst, uint8_t src);
void emit_mov64(struct emit *e, uint8_t dst, uint8_t src);
void emit_mov_imm(struct emit *e, uint8_t dst, uint32_t imm);
void emit_lea32(struct emit *e, uint8_t dst, struct memop m);
void emit_lea64(struct emit *e, uint8_t dst, struct memop m);
void emit_load32(struct emit *e, uint8_t dst, struct memop m);
void emit_load64(struct emit *e, uint8_t dst, struct memop m);
void emit_load16(struct emit *e, uint8_t dst, struct memop m);               /* zero-extends */
void emit_load8(struct emit *e, uint8_t dst, struct memop m);                /* likewise */
void emit_store(struct emit *e, struct memop m, uint8_t src, unsigned size); /* 2 or 4 */
void emit_store64(struct emit *e, struct memop m, uint8_t src);
void emit_store_imm(struct emit *e, struct memop m, uint32_t imm, unsigned size);
void emit_movzx16(struct emit *e, uint8_t dst, uint8_t src);
void emit_not32(struct emit *e, uint8_t r);
void emit_mov16(struct emit *e, uint8_t dst, uint8_t src);
/* dst = src >> count or src << count, 32 or 64 bits; count is a register. */
void emit_shrx(struct emit *e, uint8_t dst, uint8_t src, uint8_t count, bool w);
void emit_shlx(struct emit *e, uint8_t dst, uint8_t src, uint8_t count, bool w);
void emit_sarx(struct emit *e, uint8_t dst, uint8_t src, uint8_t count, bool w);
/* A short forward jump on rcx = 0 (all 64 bits); patch with emit_patch8. */
unsigned emit_jrcxz(struct emit *e);
unsigned emit_jmp8(struct emit *e);
void emit_patch8(struct emit *e, unsigned at);

#endif
