/* One instruction outside templates.  What it may be is said here by opcode, from
 * the opcode maps of the manual (SDM vol. 2, A.3); what it is, by Capstone; and the
 * prefixes are read once more by hand, because everything hangs on them. */
#include "verify/internal.h"

#include <string.h>

bool insn_shape(const uint8_t *p, size_t n, bool rex, struct shape *s)
{
	const uint8_t *end = p + n;
	memset(s, 0, sizeof *s);
	for (; p < end; p++) {
		if (*p == 0x65)
			s->p65++;
		else if (*p == 0x67)
			s->p67++;
		else if (*p == 0x66)
			s->p66++;
		else if (*p == 0xf0)
			s->lock++;
		else if (*p == 0xf2 || *p == 0xf3)
			s->other += s->rep != 0, s->rep = *p;
		else if (*p == 0x26 || *p == 0x2e || *p == 0x36 || *p == 0x3e || *p == 0x64)
			s->other++;
		else
			break;
	}
	if (rex && p < end && (*p & 0xf0) == 0x40)
		s->rex = *p++;
	if (p < end && *p == 0x0f) {
		s->map = 1;
		p++;
		if (p < end && (*p == 0x38 || *p == 0x3a)) {
			s->map = *p == 0x38 ? 2 : 3;
			p++;
		}
	}
	if (p >= end)
		return false;
	s->opcode = *p++;
	s->modrm = p;
	return true;
}

enum kind {
	NO,    /* not permitted outside templates */
	PLAIN, /* no ModRM */
	MODRM, /* general registers or memory */
	LEA,
	VECTOR, /* MMX, SSE: ModRM names vector registers on one side at least */
	X87,
};

static bool between(unsigned v, unsigned low, unsigned high)
{
	return v - low <= high - low;
}

/* The one-byte map. */
/* clang-format off */
static enum kind kind_one(unsigned op, unsigned reg, bool mem)
{
	if (op < 0x40)
		return (op & 7) < 4 ? MODRM : (op & 7) < 6 ? PLAIN : NO;
	switch (op) {
	case 0x69: case 0x6b:
	case 0x80: case 0x81: case 0x83:
	case 0x84 ... 0x8b:
	case 0xc0: case 0xc1:
	case 0xd0 ... 0xd3:
		return MODRM;
	case 0x8d:
		return mem ? LEA : NO;
	case 0xc6: case 0xc7:
		return reg == 0 ? MODRM : NO;
	case 0xf6: case 0xf7: /* 1: TEST once more, on all processors */
		return MODRM;
	case 0xfe: case 0xff:
		return reg < 2 ? MODRM : NO;
	case 0x90:
	case 0x98: case 0x99:
	case 0x9b:
	case 0x9e: case 0x9f:
	case 0xa8: case 0xa9:
	case 0xb0 ... 0xbf:
	case 0xf5: case 0xf8: case 0xf9: case 0xfc: case 0xfd:
		return PLAIN;
	case 0xd8 ... 0xdf:
		/* Stored environments name the host's instruction; the rest does not exist. */
		if (mem && ((op == 0xd9 && (reg == 6 || reg == 1)) ||
		            (op == 0xdd && (reg == 6 || reg == 5)) ||
		            (op == 0xdb && (reg == 4 || reg == 6))))
			return NO;
		return X87;
	}
	return NO;
}

/* 0F: reg and mem are of a ModRM byte, where there is one. */
static enum kind kind_0f(unsigned op, unsigned reg, bool mem)
{
	switch (op) {
	case 0x40 ... 0x4f: case 0x90 ... 0x9f:
	case 0xa3: case 0xa4: case 0xa5: case 0xab: case 0xac: case 0xad: case 0xaf:
	case 0xb0: case 0xb1: case 0xb3: case 0xb6: case 0xb7:
	case 0xbb ... 0xc1:
		return MODRM;
	case 0xba:
		return reg >= 4 ? MODRM : NO;
	case 0xc7:
		return mem && reg == 1 ? MODRM : NO;
	case 0xc3:
		return mem ? MODRM : NO;
	case 0xc8 ... 0xcf: case 0x77:
		return PLAIN;
	case 0xae:
		return mem ? (between(reg, 1, 3) || reg == 7 ? VECTOR : NO) : reg >= 5 ? PLAIN : NO;
	case 0x10 ... 0x17: case 0x28 ... 0x2f:
	case 0x50 ... 0x76: case 0x7c ... 0x7f:
	case 0xc2: case 0xc4 ... 0xc6:
	case 0xd0 ... 0xf6: case 0xf8 ... 0xfe:
		return VECTOR;
	}
	return NO;
}
/* clang-format on */

static enum kind kind_of(const struct shape *s)
{
	unsigned reg = *s->modrm >> 3 & 7;
	bool mem = *s->modrm >> 6 != 3;
	switch (s->map) {
	case 0:
		return kind_one(s->opcode, reg, mem);
	case 1:
		return kind_0f(s->opcode, reg, mem);
	case 2:
		if (s->opcode == 0xf0 || s->opcode == 0xf1)
			return mem && !s->rep ? MODRM : NO; /* with F2: CRC32 */
		return s->opcode < 0x0c || between(s->opcode, 0x1c, 0x1e) ? VECTOR : NO;
	default:
		return s->opcode == 0x0f ? VECTOR : NO;
	}
}

/* F2 and F3 select among SSE instructions; elsewhere they make another instruction
 * on some host (TZCNT of BSF) or mean nothing. */
/* clang-format off */
static bool rep_permitted(const struct shape *s)
{
	bool f3 = s->rep == 0xf3;
	if (s->map == 0)
		return f3 && s->opcode == 0x90 && !s->rex;
	if (s->map != 1)
		return false;
	switch (s->opcode) {
	case 0x10 ... 0x12: case 0x2a: case 0x2c: case 0x2d: case 0x51: case 0x58 ... 0x5a:
	case 0x5c ... 0x5f: case 0x70: case 0xc2: case 0xd6: case 0xe6:
		return true;
	case 0x16: case 0x52: case 0x53: case 0x5b: case 0x6f: case 0x7e: case 0x7f:
		return f3;
	case 0x7c: case 0x7d: case 0xd0: case 0xf0:
		return !f3;
	}
	return false;
}

/* 66 where it makes nothing of an SSE instruction, or one that is no vector instruction on
 * some host (TPAUSE, CLFLUSHOPT, CLWB). */
static bool p66_permitted(const struct shape *s)
{
	if (s->map != 1)
		return true;
	switch (s->opcode) {
	case 0x12: case 0x16:
		return *s->modrm >> 6 != 3;
	case 0x52: case 0x53: case 0x77: case 0xae: case 0xc3:
		return false;
	}
	return true;
}

/* A general register: its number and width, of any name; false for others. */
static bool general(x86_reg r, unsigned *number, unsigned *width)
{
#define NAMES(n, r64, r32, r16, r8)                                                                \
	[X86_REG_##r64] = {n, 8}, [X86_REG_##r32] = {n, 4}, [X86_REG_##r16] = {n, 2},              \
	[X86_REG_##r8] = {n, 1}
	static const struct {
		uint8_t number, width;
	} regs[X86_REG_ENDING] = {
		NAMES(0, RAX, EAX, AX, AL), NAMES(1, RCX, ECX, CX, CL), NAMES(2, RDX, EDX, DX, DL),
		NAMES(3, RBX, EBX, BX, BL), NAMES(4, RSP, ESP, SP, SPL), NAMES(5, RBP, EBP, BP, BPL),
		NAMES(6, RSI, ESI, SI, SIL), NAMES(7, RDI, EDI, DI, DIL), NAMES(8, R8, R8D, R8W, R8B),
		NAMES(9, R9, R9D, R9W, R9B), NAMES(10, R10, R10D, R10W, R10B),
		NAMES(11, R11, R11D, R11W, R11B), NAMES(12, R12, R12D, R12W, R12B),
		NAMES(13, R13, R13D, R13W, R13B), NAMES(14, R14, R14D, R14W, R14B),
		NAMES(15, R15, R15D, R15W, R15B),
		[X86_REG_AH] = {0, 1}, [X86_REG_CH] = {1, 1}, [X86_REG_DH] = {2, 1}, [X86_REG_BH] = {3, 1},
	};
#undef NAMES
	if (r >= X86_REG_ENDING || !regs[r].width)
		return false;
	*number = regs[r].number;
	*width = regs[r].width;
	return true;
}
/* clang-format on */

/* May an instruction outside templates name it? ESP is in r12; rsp and r13 to r15 are
 * the host's; of the byte registers only the guest's and the scratch ones. */
static bool nameable(unsigned number, unsigned width)
{
	if (number == RSP || number >= R13 || width == 8)
		return false;
	return width > 1 || number <= RBX || between(number, R8, R11);
}

static bool vector(x86_reg r)
{
	return between(r, X86_REG_XMM0, X86_REG_XMM7) || between(r, X86_REG_MM0, X86_REG_MM7) ||
	       between(r, X86_REG_ST0, X86_REG_ST7);
}

/* Does a ModRM memory operand get written?  By opcode: Capstone does not know it of
 * every x87 and SSE store. */
/* clang-format off */
static bool stores(const struct shape *s)
{
	unsigned op = s->opcode, reg = *s->modrm >> 3 & 7;
	if (s->map == 2)
		return op == 0xf1;
	if (s->map == 0) {
		if (op < 0x40)
			return (op & 7) < 2 && op < 0x38;
		switch (op) {
		case 0x80: case 0x81: case 0x83:
			return reg != 7;
		case 0x86 ... 0x89: case 0xc0: case 0xc1: case 0xc6: case 0xc7:
		case 0xd0 ... 0xd3: case 0xfe: case 0xff:
			return true;
		case 0xf6: case 0xf7:
			return reg == 2 || reg == 3;
		case 0xd9:
			return reg == 2 || reg == 3 || reg == 7;
		case 0xdb:
			return between(reg, 1, 3) || reg == 7;
		case 0xdd:
			return between(reg, 1, 3) || reg == 7;
		case 0xdf:
			return between(reg, 1, 3) || reg >= 6;
		}
		return false;
	}
	if (s->map != 1)
		return false;
	switch (op) {
	case 0x11: case 0x13: case 0x17: case 0x29: case 0x2b: case 0x7f:
	case 0x90 ... 0x9f: case 0xa4: case 0xa5: case 0xab: case 0xac: case 0xad:
	case 0xb0: case 0xb1: case 0xb3: case 0xbb: case 0xc0: case 0xc1: case 0xc3: case 0xc7:
	case 0xd6: case 0xe7:
		return true;
	case 0x7e:
		return s->rep != 0xf3;
	case 0xba:
		return reg > 4;
	case 0xae:
		return reg == 3;
	}
	return false;
}
/* clang-format on */

/* Of x87 operands Capstone does not always say it.  SDM vol. 2, A.5. */
static unsigned x87_size(unsigned op, unsigned reg, bool p66)
{
	static const uint8_t size[8][8] = {
		{4, 4, 4, 4, 4, 4, 4, 4},   {4, 0, 4, 4, 28, 2, 0, 2},  {4, 4, 4, 4, 4, 4, 4, 4},
		{4, 4, 4, 4, 0, 10, 0, 10}, {8, 8, 8, 8, 8, 8, 8, 8},   {8, 8, 8, 8, 108, 0, 0, 2},
		{2, 2, 2, 2, 2, 2, 2, 2},   {2, 2, 2, 2, 10, 8, 10, 8},
	};
	unsigned n = size[op & 7][reg];
	return n < 28 || !p66 ? n : n - 14;
}

static unsigned memory_size(const struct shape *s, unsigned said)
{
	unsigned reg = *s->modrm >> 3 & 7;
	if (s->map == 0 && between(s->opcode, 0xd8, 0xdf))
		return x87_size(s->opcode, reg, s->p66);
	if (s->map == 1 && s->opcode == 0xae)
		return reg == 1 ? 512 : reg == 7 ? 1 : 4;
	if (s->map == 1 && (s->opcode == 0x2e || s->opcode == 0x2f)) /* UCOMISx, COMISx */
		return s->p66 ? 8 : 4;
	if (s->map == 1 && between(s->opcode, 0x60, 0x62) && !s->p66) /* PUNPCKLxx mm, mm/m32 */
		return 4;
	return said;
}

/* The memory operand by its bytes. */
static enum verify_rule memory_check(const struct shape *s, enum mem_form form)
{
	uint8_t modrm = *s->modrm, sib = s->modrm[1];
	unsigned mod = modrm >> 6, rm = modrm & 7;
	if (mod == 0 && rm == 5)
		return RULE_RIP;
	if (form != MEM_GS && (s->p65 || s->p67))
		return RULE_MEMORY;
	switch (form) {
	case MEM_GS:
		return s->p65 == 1 && s->p67 == 1 ? RULE_COUNT : RULE_MEMORY;
	case MEM_R9:
		return (s->rex & 3) == 1 && (modrm & 0xc7) == 1 ? RULE_COUNT : RULE_MEMORY;
	case MEM_R9_R8:
		return (s->rex & 3) == 3 && (modrm & 0xc7) == 4 && sib == 1 ? RULE_COUNT
		                                                            : RULE_MEMORY;
	case MEM_RSI:
		return !s->rex && (modrm & 0xc7) == 6 ? RULE_COUNT : RULE_MEMORY;
	}
	return RULE_MEMORY;
}

static enum verify_rule operands_check(const struct check *c, const struct shape *s,
                                       enum mem_form form, bool lea, struct insn_facts *out)
{
	const cs_x86 *x = &c->insn->detail->x86;
	unsigned number, width;

	for (unsigned i = 0; i < x->op_count; i++) {
		const cs_x86_op *o = &x->operands[i];
		if (o->type == X86_OP_REG) {
			if (general(o->reg, &number, &width)) {
				if (!nameable(number, width))
					return RULE_REGISTER;
			} else if (!vector(o->reg)) {
				return RULE_REGISTER;
			}
		} else if (o->type == X86_OP_MEM) {
			if (lea)
				continue;
			out->memory = true;
			out->size = memory_size(s, o->size);
			if (form != MEM_GS)
				continue;
			/* With 67 the names are of 32 bits. */
			x86_reg named[2] = {o->mem.base, o->mem.index};
			for (unsigned n = 0; n < 2; n++) {
				if (named[n] == X86_REG_INVALID || named[n] == X86_REG_EIZ ||
				    named[n] == X86_REG_RIZ)
					continue;
				if (!general(named[n], &number, &width) || width != 4 ||
				    !nameable(number, width))
					return RULE_REGISTER;
			}
		}
	}
	cs_regs read, written;
	uint8_t n_read, n_written;
	if (cs_regs_access(c->host, c->insn, read, &n_read, written, &n_written))
		return RULE_DENIED;
	for (unsigned i = 0; i < n_written; i++) {
		if (!general(written[i], &number, &width))
			continue;
		if (!nameable(number, width))
			return RULE_REGISTER;
		out->written |= 1u << number;
		out->r8_whole |= number == R8 && width == 4;
	}
	return RULE_COUNT;
}

/* An address that is computed and not used: any register but the host's. */
static enum verify_rule lea_check(const struct check *c, const struct shape *s)
{
	const cs_x86_op *m = &c->insn->detail->x86.operands[1];
	unsigned number, width;
	if ((*s->modrm & 0xc7) == 5)
		return RULE_RIP;
	if (s->p65 || s->p67 || s->p66 || c->insn->detail->x86.op_count != 2 ||
	    m->type != X86_OP_MEM)
		return RULE_PREFIX;
	x86_reg named[2] = {m->mem.base, m->mem.index};
	for (unsigned n = 0; n < 2; n++)
		if (general(named[n], &number, &width) && (number == RSP || number >= R13))
			return RULE_REGISTER;
	return RULE_COUNT;
}

/* What Capstone's groups say beside the opcode maps above: a second opinion. */
/* clang-format off */
static bool system_group(const cs_insn *i)
{
	for (unsigned n = 0; n < i->detail->groups_count; n++)
		switch (i->detail->groups[n]) {
		case CS_GRP_JUMP:
		case CS_GRP_CALL:
		case CS_GRP_RET:
		case CS_GRP_INT:
		case CS_GRP_IRET:
		case CS_GRP_PRIVILEGE:
			return true;
		}
	switch (i->id) {
	case X86_INS_SYSCALL: case X86_INS_SYSENTER: case X86_INS_SYSEXIT: case X86_INS_SYSRET:
	case X86_INS_RDFSBASE: case X86_INS_RDGSBASE: case X86_INS_WRFSBASE: case X86_INS_WRGSBASE:
	case X86_INS_SWAPGS: case X86_INS_CPUID: case X86_INS_RDTSC: case X86_INS_RDTSCP:
	case X86_INS_RDPMC: case X86_INS_RDRAND: case X86_INS_RDSEED: case X86_INS_IN:
	case X86_INS_OUT: case X86_INS_PUSH: case X86_INS_POP: case X86_INS_PUSHFQ:
	case X86_INS_POPFQ: case X86_INS_PUSHF: case X86_INS_POPF: case X86_INS_ENTER:
	case X86_INS_LEAVE: case X86_INS_LDS: case X86_INS_LES: case X86_INS_LFS: case X86_INS_LGS:
	case X86_INS_LSS: case X86_INS_SGDT: case X86_INS_SIDT: case X86_INS_SLDT: case X86_INS_STR:
	case X86_INS_SMSW: case X86_INS_LAR: case X86_INS_LSL: case X86_INS_VERR: case X86_INS_VERW:
	case X86_INS_XGETBV: case X86_INS_XSETBV: case X86_INS_XSAVE: case X86_INS_XRSTOR:
	case X86_INS_MONITOR: case X86_INS_MWAIT: case X86_INS_UD2: case X86_INS_FXSAVE:
		return true;
	}
	return false;
}
/* clang-format on */

/* #DE, #MF, #XM: faults without a memory operand. */
static bool faults_unasked(enum kind kind, const struct shape *s)
{
	if (s->map == 0 && (s->opcode == 0xf6 || s->opcode == 0xf7))
		return (*s->modrm >> 3 & 7) >= 6;
	return kind == VECTOR || kind == X87 || (s->map == 0 && s->opcode == 0x9b);
}

static enum verify_rule decode(struct check *c, const uint8_t *p, size_t n, enum mem_form form,
                               struct insn_facts *out)
{
	struct shape s;
	const uint8_t *at = p;
	size_t left = n;
	uint64_t address = 0;

	*out = (struct insn_facts){.length = 0};
	/* The first byte that is no legacy prefix: these have no other meaning in 64-bit mode. */
	bool whole = insn_shape(p, n, true, &s);
	if (whole && !s.map && !s.rex && (s.opcode == 0xc4 || s.opcode == 0xc5 || s.opcode == 0x62))
		return RULE_VEX;
	if (!cs_disasm_iter(c->host, &at, &left, &address, c->insn))
		return RULE_DENIED;
	out->length = c->insn->size;
	if (!whole || s.modrm - p > c->insn->size)
		return RULE_DENIED;
	if (!s.map && s.opcode == 0x8f && s.modrm[0] & 0x38)
		return RULE_VEX;
	if (!s.map && (between(s.opcode, 0x70, 0x7f) || between(s.opcode, 0xe0, 0xe3) ||
	               s.opcode == 0xe8 || s.opcode == 0xe9 || s.opcode == 0xeb))
		return RULE_PREFIX; /* the sweep takes those that have the right ones */
	enum kind kind = kind_of(&s);
	bool has_modrm = kind == MODRM || kind == LEA || kind == VECTOR || kind == X87;
	if (has_modrm && s.modrm - p >= c->insn->size)
		return RULE_DENIED;
	if (system_group(c->insn))
		return RULE_SYSTEM;
	if (kind == NO)
		return RULE_DENIED;
	if (s.lock || s.other || s.p65 > 1 || s.p67 > 1 || s.p66 > 1 ||
	    (s.rep && !rep_permitted(&s)))
		return RULE_PREFIX;
	if (s.p66 && !s.rep && !p66_permitted(&s))
		return RULE_PREFIX;
	if (s.rex & 8)
		return RULE_REGISTER;
	bool mem = has_modrm && *s.modrm >> 6 != 3;
	if (kind == LEA) {
		enum verify_rule r = lea_check(c, &s);
		if (r != RULE_COUNT)
			return r;
	} else if (mem) {
		enum verify_rule r = memory_check(&s, form);
		if (r != RULE_COUNT)
			return r;
		out->memory = true;
		out->size = memory_size(&s, 0);
		out->store = stores(&s);
	} else if (s.p65 || s.p67) {
		return RULE_PREFIX;
	}
	enum verify_rule r = operands_check(c, &s, form, kind == LEA, out);
	out->lea = kind == LEA;
	out->map = (uint8_t)s.map;
	out->opcode = (uint8_t)s.opcode;
	out->reg = has_modrm ? *s.modrm >> 3 & 7 : 0;
	out->faults = out->memory || faults_unasked(kind, &s);
	if (c->insn->size >= 4)
		memcpy(&out->tail, p + c->insn->size - 4, 4);
	if (r == RULE_COUNT && !mem && out->memory)
		return RULE_MEMORY; /* implicit */
	if (r == RULE_COUNT && form != MEM_GS && !mem)
		return RULE_STUB;
	return r;
}

enum verify_rule insn_check(struct check *c, const uint8_t *p, size_t n, enum mem_form form,
                            struct insn_facts *out)
{
	uint64_t key = 0;
	memcpy(&key, p, n < MEMO_BYTES ? n : MEMO_BYTES);
	struct memo *m = &c->memo[(key + form) * 0x9e3779b97f4a7c15ull >> 32 & (MEMOS - 1)];
	/* A decoder looks at no byte behind the instruction. */
	if (m->f.length && m->f.length <= n && m->form == form &&
	    !memcmp(m->bytes, p, m->f.length)) {
		*out = m->f;
		return RULE_COUNT;
	}
	enum verify_rule r = decode(c, p, n, form, out);
	if (r == RULE_COUNT) {
		m->form = (uint8_t)form;
		m->f = *out;
		memcpy(m->bytes, p, out->length);
	}
	return r;
}
