/* One guest instruction, decoded.  Zydis stays behind this header. */
#ifndef UNRING_TRANSLATOR_DECODE_H
#define UNRING_TRANSLATOR_DECODE_H

#include "cpu/vcpu.h"

enum decode_status {
	DECODE_OK,
	DECODE_SHORT,   /* runs past the bytes given */
	DECODE_INVALID, /* #UD */
	DECODE_LONG,    /* over 15 bytes: #GP(0) */
};

struct insn {
	uint8_t len;
	uint8_t map; /* 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A */
	uint8_t opcode;
	uint8_t rep; /* the last of F2, F3; or 0 */
	bool p66, lock;
	int8_t seg;     /* override: enum sreg, or -1 */
	uint8_t opsize; /* 2 or 4 */
	uint8_t adsize; /* 2 or 4 */
	bool has_modrm;
	uint8_t mod, reg, rm;
	bool has_sib;
	uint8_t scale, index, base;
	uint8_t disp_size; /* bytes, 0 if none */
	int32_t disp;
	uint8_t imm_size; /* bytes of the first immediate */
	uint32_t imm, imm2;
	uint8_t imm_at; /* where in the instruction the first one is */
};

static inline bool insn_is_mem(const struct insn *i)
{
	return i->has_modrm && i->mod != 3;
}

/* The segment of a memory operand; DS where there is none. */
enum sreg insn_segment(const struct insn *i);

struct decoder;
struct decoder *decoder_create(void);
void decoder_destroy(struct decoder *d);
enum decode_status decode(const struct decoder *d, const uint8_t *bytes, size_t avail, bool code32,
                          struct insn *out);

#endif
