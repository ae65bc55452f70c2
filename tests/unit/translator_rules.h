/* The rules of translated code, checked by Capstone with no tables of the
 * translator's: whatever comes in, what comes out keeps them. */
#ifndef TRANSLATOR_RULES_H
#define TRANSLATOR_RULES_H

#include "translator_fixture.h"

#include <capstone/capstone.h>
#include <stdio.h>

enum { MAX_AVAIL = 64, MAX_INSNS = TU_MAX_HOST };

struct random_case {
	uint8_t *bytes; /* end at a page that cannot be read */
	struct tu_request req;
	uint8_t site;
	struct tu_code code;
	uint8_t host[TU_MAX_HOST];
	uint16_t start[MAX_INSNS]; /* of host instructions */
	bool is_start[TU_MAX_HOST + 1];
	unsigned n;
};

static csh capstone;
static unsigned number; /* of the case */

static _Noreturn void broken(const struct random_case *c, unsigned at, const char *rule)
{
	char text[3 * MAX_AVAIL + 64] = "", *p = text;
	for (unsigned i = 0; i < c->req.avail; i++)
		p += sprintf(p, " %02x", c->bytes[i]);
	fail_msg("case %u, mode %x, site %u, host offset %x: %s\n%s", number, c->req.mode.bits,
	         c->site, at, rule, text);
	abort();
}

static bool in(unsigned x, const unsigned *list)
{
	for (; *list; list++)
		if (x == *list)
			return true;
	return false;
}

/* Never in translated code: they mean the host, or its stack. */
/* clang-format off */
static bool forbidden(const cs_insn *i)
{
	static const unsigned list[] = {
	    X86_INS_SYSCALL, X86_INS_SYSENTER, X86_INS_SYSEXIT, X86_INS_SYSRET, X86_INS_INT,
	    X86_INS_INT1,    X86_INS_INTO,     X86_INS_IRET,    X86_INS_IRETD,  X86_INS_IRETQ,
	    X86_INS_HLT,     X86_INS_CLI,      X86_INS_STI,     X86_INS_IN,     X86_INS_OUT,
	    X86_INS_INSB,    X86_INS_INSD,     X86_INS_INSW,    X86_INS_OUTSB,  X86_INS_OUTSD,
	    X86_INS_OUTSW,   X86_INS_CPUID,    X86_INS_RDMSR,   X86_INS_WRMSR,  X86_INS_RDPMC,
	    X86_INS_SGDT,    X86_INS_SIDT,     X86_INS_SLDT,    X86_INS_STR,    X86_INS_SMSW,
	    X86_INS_LGDT,    X86_INS_LIDT,     X86_INS_LLDT,    X86_INS_LTR,    X86_INS_LMSW,
	    X86_INS_CLTS,    X86_INS_INVLPG,   X86_INS_WBINVD,  X86_INS_INVD,   X86_INS_LAR,
	    X86_INS_LSL,     X86_INS_VERR,     X86_INS_VERW,    X86_INS_LJMP,   X86_INS_LCALL,
	    X86_INS_RETF,    X86_INS_RETFQ,    X86_INS_ENTER,   X86_INS_LEAVE,  X86_INS_XLATB,
	    X86_INS_UD2,     X86_INS_XGETBV,   X86_INS_RDTSCP,  X86_INS_SWAPGS, X86_INS_LFS,
	    X86_INS_LGS,     X86_INS_LSS,      X86_INS_RDFSBASE, X86_INS_RDGSBASE,
	    X86_INS_WRFSBASE, X86_INS_WRGSBASE, X86_INS_FNSTENV, X86_INS_FNSAVE, X86_INS_FXSAVE,
	    X86_INS_TZCNT,   X86_INS_LZCNT,    X86_INS_POPCNT,  X86_INS_FXSAVE64, X86_INS_RETFQ,
	    X86_INS_FXRSTOR64, X86_INS_MONITOR, X86_INS_MWAIT,  0,
	};
	return in(i->id, list);
}
/* clang-format on */

static bool is_string(const cs_insn *i)
{
	/* By opcode, past the prefixes: MOVSD and CMPSD are SSE's names too. */
	unsigned n = 0;
	while (i->bytes[n] == 0x66 || i->bytes[n] == 0xf2 || i->bytes[n] == 0xf3)
		n++;
	uint8_t op = i->bytes[n];
	return (op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf);
}

/* lea rdi, [rdi + r14], or rsi, or with r9 at a by-part site. */
static bool makes_pointer(const cs_insn *i, x86_reg r)
{
	const cs_x86_op *o = i->detail->x86.operands;
	return i->id == X86_INS_LEA && o[0].reg == r && o[1].mem.base == r && o[1].mem.scale == 1 &&
	       !o[1].mem.disp && o[1].mem.index == X86_REG_R9;
}

/* A load by a cell of struct vcpu that was loaded just before: the test of a limit. */
static bool tests_limit(const cs_insn *i, const x86_op_mem *m, const cs_insn *prev)
{
	const cs_x86_op *o = i->detail->x86.operands;
	if (i->id != X86_INS_MOVZX || o[0].reg != X86_REG_R10D || o[1].size != 1 || !prev ||
	    prev->id != X86_INS_MOV || m->scale != 1 || m->disp < 0)
		return false;
	const cs_x86_op *p = prev->detail->x86.operands;
	int64_t cell = p[1].type == X86_OP_MEM && p[1].mem.base == X86_REG_R15 ? p[1].mem.disp : 0;
	return (p[0].reg == m->base || p[0].reg == m->index) &&
	       cell >= (int64_t)offsetof(struct vcpu, native.reach) &&
	       cell <= (int64_t)offsetof(struct vcpu, native.code_reach);
}

static bool memory_ok(const struct random_case *c, const cs_insn *i, const cs_x86_op *o,
                      const cs_insn *prev)
{
	const cs_x86 *x = &i->detail->x86;
	const x86_op_mem *m = &o->mem;

	if (m->segment == X86_REG_GS)
		return x->addr_size == 4 && m->base != X86_REG_EIP && m->base != X86_REG_RIP &&
		       m->base != X86_REG_ESP;
	if (m->segment != X86_REG_INVALID || x->addr_size != 8)
		return false;
	if (tests_limit(i, m, prev))
		return true;
	switch (m->base) {
	case X86_REG_R15:
		if (m->index == X86_REG_R9)
			return m->scale == 8 &&
			       m->disp == offsetof(struct vcpu, native.base_by_part);
		return m->index == X86_REG_INVALID && m->disp >= 0 &&
		       (m->disp < (int64_t)offsetof(struct vcpu, cr0) ||
		        (i->id == X86_INS_JMP && m->disp == offsetof(struct vcpu, far.stub)));
	case X86_REG_R13:
		return m->index == X86_REG_R9 && m->scale == 8 && (m->disp == 0 || m->disp == 8);
	case X86_REG_R9:
		return c->site && !m->disp && m->scale == 1 &&
		       (m->index == X86_REG_INVALID || m->index == X86_REG_R8);
	case X86_REG_RSI:
		/* Borrowed for AH to BH: holds one of the former. */
		return c->site && prev && prev->id == X86_INS_LEA && m->index == X86_REG_INVALID &&
		       !m->disp && prev->detail->x86.operands[0].reg == X86_REG_RSI &&
		       prev->detail->x86.operands[1].mem.base == X86_REG_R9;
	default:
		return false;
	}
}

static bool stack_ok(const cs_insn *i)
{
	switch (i->id) {
	case X86_INS_PUSH:
	case X86_INS_POP:
		return i->size == 2 && i->bytes[0] == 0x41 &&
		       i->bytes[1] == (i->id == X86_INS_PUSH ? 0x53 : 0x5b);
	case X86_INS_PUSHFQ:
	case X86_INS_POPFQ:
	case X86_INS_RET:
		return i->size == 1;
	case X86_INS_CALL:
		return i->bytes[0] == 0xe8 || i->detail->x86.operands[0].mem.base == X86_REG_R15;
	case X86_INS_PUSHF:
	case X86_INS_POPF:
	case X86_INS_PUSHAL:
	case X86_INS_PUSHAW:
	case X86_INS_POPAL:
	case X86_INS_POPAW:
		return false;
	}
	return true;
}

static void check_insn(struct random_case *c, const cs_insn *i, const cs_insn *prev,
                       const cs_insn *prev2)
{
	static const unsigned no_register[] = {X86_REG_RSP, X86_REG_ESP,
	                                       X86_REG_SP,  X86_REG_SPL,
	                                       X86_REG_BPL, X86_REG_SIL,
	                                       X86_REG_DIL, X86_REG_CS,
	                                       X86_REG_DS,  X86_REG_ES,
	                                       X86_REG_SS,  X86_REG_FS,
	                                       X86_REG_GS,  0};
	static const unsigned no_write[] = {X86_REG_R13,  X86_REG_R13D,
	                                    X86_REG_R13W, X86_REG_R13B,
	                                    X86_REG_R14,  X86_REG_R14D,
	                                    X86_REG_R14W, X86_REG_R14B,
	                                    X86_REG_R15,  X86_REG_R15D,
	                                    X86_REG_R15W, X86_REG_R15B,
	                                    X86_REG_R12,  0};
	const cs_x86 *x = &i->detail->x86;
	unsigned at = i->address;

	if (forbidden(i))
		broken(c, at, i->mnemonic);
	if (!stack_ok(i))
		broken(c, at, "uses the host's stack");
	if (is_string(i)) {
		bool rsi = i->bytes[i->size - 1] < 0xaa || (i->bytes[i->size - 1] & 0xfe) == 0xac;
		bool rdi = (i->bytes[i->size - 1] & 0xfe) != 0xac;
		if (x->addr_size != 8 || !prev || (rdi && !makes_pointer(prev, X86_REG_RDI)) ||
		    (rsi && !rdi && !makes_pointer(prev, X86_REG_RSI)))
			broken(c, at, "string operation without its template");
		/* lea rsi comes before what makes rdi. */
		if (rsi && rdi && !c->site && !(prev2 && makes_pointer(prev2, X86_REG_RSI)))
			broken(c, at, "string operation without its template");
		return;
	}
	if (i->id == X86_INS_MASKMOVQ || i->id == X86_INS_MASKMOVDQU) {
		if (x->addr_size != 8 || !prev || prev->id != X86_INS_LEA ||
		    prev->detail->x86.operands[0].reg != X86_REG_RDI)
			broken(c, at, "MASKMOV without its template");
		return;
	}
	for (unsigned n = 0; n < x->op_count; n++) {
		const cs_x86_op *o = &x->operands[n];
		if (o->type == X86_OP_REG) {
			if (in(o->reg, no_register))
				broken(c, at, "register that translated code must not name");
			if (n == 0 && o->access & CS_AC_WRITE && in(o->reg, no_write))
				broken(c, at, "writes a fixed register");
		} else if (o->type == X86_OP_MEM && i->id != X86_INS_LEA &&
		           !memory_ok(c, i, o, prev)) {
			broken(c, at, "memory outside the window");
		}
	}
}

static void disassemble(struct random_case *c)
{
	static cs_insn *ring[3];
	const uint8_t *p = c->host;
	size_t left = c->code.host_len;
	uint64_t address = 0;
	unsigned padding = 0;

	for (unsigned i = 0; !ring[i]; i = (i + 1) % 3)
		ring[i] = cs_malloc(capstone);
	memset(c->is_start, 0, sizeof c->is_start);
	c->n = 0;
	while (left) {
		cs_insn *i = ring[c->n % 3];
		unsigned at = address;
		if (*p == 0xcc) {
			p++, left--, address++, padding++;
			continue;
		}
		if (!cs_disasm_iter(capstone, &p, &left, &address, i))
			broken(c, at, "not an instruction");
		c->is_start[at] = true;
		check_insn(c, i, c->n ? ring[(c->n + 2) % 3] : NULL,
		           c->n > 1 ? ring[(c->n + 1) % 3] : NULL);
		c->start[c->n++] = at;
	}
	if (padding != 16)
		broken(c, 0, "not sixteen int3");
}

/* Every branch in the unit leads to an instruction. */
static void check_branches(struct random_case *c)
{
	for (unsigned n = 0; n < c->n; n++) {
		unsigned at = c->start[n];
		const uint8_t *p = c->host + at;
		int32_t rel;
		if (*p == 0x67 && p[1] >= 0xe0 && p[1] <= 0xe3)
			at++, p++;
		if (*p == 0xeb || *p == 0xe3 || (*p & 0xf0) == 0x70 || (*p & 0xfc) == 0xe0) {
			rel = (int8_t)p[1];
			at += 2;
		} else if (*p == 0xe8 || *p == 0xe9) {
			memcpy(&rel, p + 1, 4);
			at += 5;
		} else if (*p == 0x0f && (p[1] & 0xf0) == 0x80) {
			memcpy(&rel, p + 2, 4);
			at += 6;
		} else {
			continue;
		}
		if (at + rel >= c->code.host_len || !c->is_start[at + rel])
			broken(c, at, "branch to no instruction");
	}
}

static void check_exits(struct random_case *c)
{
	static const uint8_t jump[4] = {0x41, 0xff, 0x67,
	                                offsetof(struct vcpu, native.stub) + 8 * STUB_EXIT};
	for (unsigned n = 0; n < c->code.n_exits; n++) {
		const struct tu_exit *x = &c->code.exits[n];
		uint32_t rel, id;
		const uint8_t *stub = c->host + x->stub;
		if (x->patch < 1 || x->patch + 4u > c->code.host_len ||
		    x->stub + 10u > c->code.host_len)
			broken(c, x->patch, "exit outside the unit");
		if (!c->is_start[x->patch - 1] &&
		    !(x->patch > 1 && c->is_start[x->patch - 2] && c->host[x->patch - 2] == 0x0f))
			broken(c, x->patch, "exit in no branch");
		memcpy(&rel, c->host + x->patch, 4);
		if (x->patch + 4 + rel != x->stub)
			broken(c, x->patch, "exit does not lead to its stub");
		memcpy(&id, stub + 2, 4);
		if (stub[0] != 0x41 || stub[1] != 0xb8 || id != c->req.exit_id + n ||
		    memcmp(stub + 6, jump, 4))
			broken(c, x->stub, "not a stub");
	}
}

static void check_map(struct random_case *c)
{
	const struct tu_code *o = &c->code;
	if (!o->n_pc || o->pc[0].host || o->pc[0].guest || o->pc[0].undo)
		broken(c, 0, "PC map does not start at 0");
	for (unsigned n = 1; n < o->n_pc; n++) {
		if (o->pc[n].host < o->pc[n - 1].host || o->pc[n].guest < o->pc[n - 1].guest)
			broken(c, o->pc[n].host, "PC map is not monotone");
		if (!c->is_start[o->pc[n].host])
			broken(c, o->pc[n].host, "PC map names no instruction");
		if (o->pc[n].guest > o->guest_len)
			broken(c, o->pc[n].host, "PC map beyond the unit");
	}
	for (unsigned n = 0; n < o->n_pads; n++)
		if (!c->is_start[o->pads[n].host])
			broken(c, o->pads[n].host, "pad at no instruction");
}

static void check_counts(struct random_case *c)
{
	const struct tu_code *o = &c->code;
	if (!o->n_insns || o->n_insns > TU_MAX_INSNS || o->n_exits > TU_MAX_EXITS ||
	    o->n_pads > TU_MAX_PADS || o->n_pc > TU_MAX_PC || o->host_len >= TU_MAX_HOST ||
	    o->guest_len > c->req.avail || o->guest_len < o->n_insns)
		broken(c, 0, "counts");
	if (c->req.max_insns && o->n_insns > c->req.max_insns)
		broken(c, 0, "more instructions than asked for");
}

/* All rules; the unit must have been made. */
static void check_case(struct random_case *c)
{
	check_counts(c);
	disassemble(c);
	check_branches(c);
	check_exits(c);
	check_map(c);
}

static bool rules_start(void)
{
	return !cs_open(CS_ARCH_X86, CS_MODE_64, &capstone) &&
	       !cs_option(capstone, CS_OPT_DETAIL, CS_OPT_ON);
}

#endif
