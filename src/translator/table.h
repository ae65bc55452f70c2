/* The instruction table: a whitelist by form.  Internal to the translator. */
#ifndef UNRING_TRANSLATOR_TABLE_H
#define UNRING_TRANSLATOR_TABLE_H

#include "cpu/model.h"
#include "translator/decode.h"

/* How a form is translated: one function each, in the x_*.c files. */
/* clang-format off */
#define HANDLERS(H)                                                                                \
	H(plain) H(modrm) H(nop) H(ud) H(inc_dec) H(mov_imm) H(push_reg) H(pop_reg) H(push_imm) H(pusha)       \
	H(popa) H(push_rm) H(pop_rm) H(push_sreg) H(pop_sreg) H(mov_from_sreg) H(mov_to_sreg)      \
	H(load_far) H(jcc) H(jmp) H(call) H(jmp_ind) H(call_ind) H(ret) H(ret_far) H(loop)         \
	H(jmp_far) H(call_far) H(jmp_far_mem) H(call_far_mem) H(lea) H(moffs) H(xchg_eax)          \
	H(bswap) H(enter) H(leave) H(salc) H(xlat) H(bcd) H(bound) H(arpl) H(string) H(port)       \
	H(port_string) H(int_n) H(int3) H(into) H(int1) H(iret) H(hlt) H(cli) H(sti) H(pushf)      \
	H(popf) H(table_reg) H(task_reg) H(store_sys) H(lmsw) H(clts) H(mov_cr) H(mov_dr)          \
	H(invlpg) H(wbinvd) H(msr) H(rdpmc) H(rdtsc) H(cpuid) H(sysenter) H(sysexit) H(lar)        \
	H(verr) H(x87_env) H(maskmov) H(wait) H(x87_reg) H(bit_string)
/* clang-format on */

enum handler {
#define H(name) H_##name,
	HANDLERS(H)
#undef H
		H_COUNT
};

enum {
	ROW_SENSITIVE = 1,  /* one of the 17: silent or leaky when deprivileged */
	ROW_PRIVILEGED = 2, /* #GP(0) unless CPL 0 */
	ROW_LOCK = 4,       /* LOCK is permitted on the memory form */
	ROW_KEEP66 = 8,     /* 66 is a mandatory prefix, not an operand size */
	ROW_CO = 16,        /* done in a callout */
	ROW_RE = 32,        /* re-encoded, one host instruction */
	ROW_PROTECTED = 64, /* #UD in real-address and virtual-8086 mode */
};

struct row {
	const char *name;
	uint8_t map, opcode;
	int8_t ext; /* ModRM.reg, or -1 */
	char pfx;   /* mandatory prefix: 'N' none, '6', '3', '2'; 0: prefixes do not select */
	char mod;   /* 'm', 'r', or 0 for both */
	uint8_t handler;
	char group;  /* 'i' integer, 'f' x87, 'm' MMX, 's' SSE, 'y' system */
	char reg;    /* class of ModRM.reg: 'b' 'v' 'd' 'x' 'm', or 0 */
	char rm;     /* class of ModRM.rm, register form */
	char size;   /* memory: 'b' 'w' 'd' 'q' 't' 'o' 'v' 'p', 'e' FPU environment,
	                    's' FPU state, 'f' FXSAVE area; 0: none */
	char access; /* 'r', 'w', 'm' (read, modify, write), or 0 */
	uint8_t flags;
	uint32_t isa;
};

/* The row of a decoded instruction, or NULL: #UD. */
const struct row *table_find(const struct insn *i);
const struct row *table_at(unsigned i);

/* Bytes of the row's memory operand. */
unsigned row_mem_size(const struct row *r, const struct insn *i);

#endif
