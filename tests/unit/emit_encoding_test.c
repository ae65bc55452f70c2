/* links: translator capstone */
/* The emitter's encodings, read back by Capstone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "translator/emit.h"

#include <capstone/capstone.h>

static csh capstone;
static cs_insn *insn;

static const x86_reg reg64[16] = {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX,
                                  X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
                                  X86_REG_R8,  X86_REG_R9,  X86_REG_R10, X86_REG_R11,
                                  X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15};
static const x86_reg reg32[16] = {X86_REG_EAX,  X86_REG_ECX,  X86_REG_EDX,  X86_REG_EBX,
                                  X86_REG_ESP,  X86_REG_EBP,  X86_REG_ESI,  X86_REG_EDI,
                                  X86_REG_R8D,  X86_REG_R9D,  X86_REG_R10D, X86_REG_R11D,
                                  X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D};
static const x86_reg reg16[16] = {X86_REG_AX,   X86_REG_CX,   X86_REG_DX,   X86_REG_BX,
                                  X86_REG_SP,   X86_REG_BP,   X86_REG_SI,   X86_REG_DI,
                                  X86_REG_R8W,  X86_REG_R9W,  X86_REG_R10W, X86_REG_R11W,
                                  X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W};

static uint8_t buffer[64];

static struct emit fresh(void)
{
	return (struct emit){.base = buffer, .p = buffer, .end = buffer + sizeof buffer};
}

/* What was emitted is one instruction, of this name. */
static const cs_x86 *decode_one(const struct emit *e, unsigned id)
{
	const uint8_t *p = buffer;
	size_t left = emit_here(e);
	uint64_t address = 0;
	assert_true(cs_disasm_iter(capstone, &p, &left, &address, insn));
	assert_int_equal(left, 0);
	assert_int_equal(insn->id, id);
	return &insn->detail->x86;
}

static void check_operand(const struct memop *m)
{
	const x86_reg *names = m->gs ? reg32 : reg64;
	struct emit e = fresh();
	emit_load32(&e, R11, *m);
	const cs_x86 *x = decode_one(&e, X86_INS_MOV);
	const x86_op_mem *got = &x->operands[1].mem;

	assert_int_equal(x->operands[0].reg, X86_REG_R11D);
	assert_int_equal(x->operands[1].type, X86_OP_MEM);
	assert_int_equal(x->addr_size, m->gs ? 4 : 8);
	assert_int_equal(got->segment, m->gs ? X86_REG_GS : X86_REG_INVALID);
	if (m->base != NOREG)
		assert_int_equal(got->base, names[m->base]);
	else
		assert_true(got->base == X86_REG_INVALID);
	if (m->index != NOREG) {
		assert_int_equal(got->index, names[m->index]);
		assert_int_equal(got->scale, 1 << m->scale);
	} else {
		/* No index may show as RIZ. */
		assert_true(got->index == X86_REG_INVALID || got->index == X86_REG_RIZ ||
		            got->index == X86_REG_EIZ);
	}
	assert_int_equal((int32_t)got->disp, m->disp);
}

/* All shapes of a memory operand; no displacement is ever longer than needed. */
static void test_operands(void **state)
{
	static const int32_t disps[] = {0, 1, -1, 127, -128, 128, -129, 0x12345678, INT32_MIN};
	enum { N = sizeof disps / sizeof *disps };
	for (unsigned gs = 0; gs < 2; gs++)
		for (unsigned base = 0; base <= 16; base++)
			for (unsigned index = 0; index <= 16; index++)
				for (unsigned scale = 0; scale < 4; scale++)
					for (unsigned d = 0; d < N; d++) {
						/* RSP is no index. */
						if (index == RSP)
							continue;
						check_operand(&(struct memop){
							.gs = gs,
							.base = base == 16 ? NOREG : base,
							.index = index == 16 ? NOREG : index,
							.scale = index == 16 ? 0 : scale,
							.disp = disps[d]});
					}
}

static void test_lengths(void **state)
{
	static const struct {
		struct memop m;
		unsigned length;
	} list[] = {
		{{.base = RBX, .index = NOREG}, 3},
		{{.base = RBX, .index = NOREG, .disp = 127}, 4},
		{{.base = RBX, .index = NOREG, .disp = 128}, 7},
		{{.base = RBP, .index = NOREG}, 4},
		{{.base = R13, .index = NOREG}, 4},
		{{.base = R12, .index = NOREG}, 4},
		{{.base = RBX, .index = RCX}, 4},
		{{.base = NOREG, .index = NOREG, .disp = 1}, 8},
		{{.gs = true, .base = R12, .index = NOREG, .disp = -4}, 7},
	};
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
		struct emit e = fresh();
		emit_load32(&e, R8, list[i].m);
		assert_int_equal(emit_here(&e), list[i].length);
	}
}

static void two_registers(void (*f)(struct emit *, uint8_t, uint8_t), unsigned id,
                          const x86_reg *dst, const x86_reg *src)
{
	for (unsigned d = 0; d < 16; d++)
		for (unsigned s = 0; s < 16; s++) {
			struct emit e = fresh();
			f(&e, d, s);
			const cs_x86 *x = decode_one(&e, id);
			assert_int_equal(x->operands[0].reg, dst[d]);
			assert_int_equal(x->operands[1].reg, src[s]);
		}
}

static void test_moves(void **state)
{
	two_registers(emit_mov32, X86_INS_MOV, reg32, reg32);
	two_registers(emit_mov64, X86_INS_MOV, reg64, reg64);
	two_registers(emit_mov16, X86_INS_MOV, reg16, reg16);
	two_registers(emit_movzx16, X86_INS_MOVZX, reg32, reg16);
	for (unsigned d = 0; d < 16; d++) {
		struct emit e = fresh();
		emit_mov_imm(&e, d, 0x87654321);
		const cs_x86 *x = decode_one(&e, X86_INS_MOV);
		assert_int_equal(x->operands[0].reg, reg32[d]);
		assert_int_equal((uint32_t)x->operands[1].imm, 0x87654321);
	}
}

static void test_shifts(void **state)
{
	static const struct {
		void (*f)(struct emit *, uint8_t, uint8_t, uint8_t, bool);
		unsigned id;
	} list[] = {
		{emit_shlx, X86_INS_SHLX}, {emit_shrx, X86_INS_SHRX}, {emit_sarx, X86_INS_SARX}};
	for (unsigned i = 0; i < 3; i++)
		for (unsigned n = 0; n < 16 * 16 * 16 * 2; n++) {
			const x86_reg *names = n >> 12 ? reg64 : reg32;
			struct emit e = fresh();
			list[i].f(&e, n & 15, n >> 4 & 15, n >> 8 & 15, n >> 12);
			const cs_x86 *x = decode_one(&e, list[i].id);
			assert_int_equal(x->operands[0].reg, names[n & 15]);
			assert_int_equal(x->operands[1].reg, names[n >> 4 & 15]);
			assert_int_equal(x->operands[2].reg, names[n >> 8 & 15]);
		}
}

/* Prefixes: legacy ones first, 66 next to what may take it for its own, REX last. */
static void test_prefixes(void **state)
{
	static const uint8_t expected[] = {0xf0, 0x65, 0x67, 0x66, 0x44, 0x0f, 0xc1, 0x03};
	static const uint8_t scalar[] = {0x65, 0x67, 0xf3, 0x41, 0x0f, 0x58, 0x0c, 0x24};
	struct emit e = fresh();
	emit_enc(&e, &(struct enc){.map = 1,
	                           .opcode = 0xc1,
	                           .p66 = true,
	                           .lock = true,
	                           .reg = R8,
	                           .mem = true,
	                           .m = mem_gs(RBX, 0)});
	assert_int_equal(emit_here(&e), sizeof expected);
	assert_memory_equal(buffer, expected, sizeof expected);
	e = fresh();
	emit_enc(&e, &(struct enc){.map = 1,
	                           .opcode = 0x58,
	                           .rep = 0xf3,
	                           .reg = 1,
	                           .mem = true,
	                           .m = mem_gs(R12, 0)});
	assert_int_equal(emit_here(&e), sizeof scalar);
	assert_memory_equal(buffer, scalar, sizeof scalar);
}

static void test_stores(void **state)
{
	for (unsigned size = 2; size <= 4; size += 2) {
		struct emit e = fresh();
		emit_store(&e, mem_gs(R12, -4), R9, size);
		const cs_x86 *x = decode_one(&e, X86_INS_MOV);
		assert_int_equal(x->operands[0].size, size);
		assert_int_equal(x->operands[1].reg, (size == 2 ? reg16 : reg32)[R9]);
		e = fresh();
		emit_store_imm(&e, mem_host(R15, 8), 0x1234, size);
		x = decode_one(&e, X86_INS_MOV);
		assert_int_equal(x->operands[0].size, size);
		assert_int_equal(x->operands[1].imm, 0x1234);
	}
}

/* A full buffer is written no further. */
static void test_end(void **state)
{
	struct emit e = {.base = buffer, .p = buffer, .end = buffer + 3};
	memset(buffer, 0xaa, sizeof buffer);
	emit_mov_imm(&e, RAX, 0x11111111);
	assert_int_equal(emit_here(&e), 3);
	assert_int_equal(buffer[3], 0xaa);
}

static void test_short_branches(void **state)
{
	static const uint8_t expected[] = {0xe3, 3, 0xeb, 2, 0x90, 0x90, 0x90};
	struct emit e = fresh();
	unsigned a = emit_jrcxz(&e), b = emit_jmp8(&e);
	emit8(&e, 0x90);
	emit_patch8(&e, a);
	emit8(&e, 0x90);
	emit_patch8(&e, b);
	emit8(&e, 0x90);
	assert_int_equal(emit_here(&e), sizeof expected);
	assert_memory_equal(buffer, expected, sizeof expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operands), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_moves),    cmocka_unit_test(test_shifts),
		cmocka_unit_test(test_prefixes), cmocka_unit_test(test_stores),
		cmocka_unit_test(test_end),      cmocka_unit_test(test_short_branches),
	};
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &capstone) ||
	    cs_option(capstone, CS_OPT_DETAIL, CS_OPT_ON) || !(insn = cs_malloc(capstone)))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
