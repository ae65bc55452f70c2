/* links: translator */
/* What does not exist, or only in 64-bit mode or on later processors, is the
 * guest's #UD; what is too long is #GP; what is cut off asks for more. */
#include "translator_fixture.h"

static const struct cpu_model all = {.name = "all", .isa = 0xffffffff};

struct bytes {
	const char *what;
	uint8_t n, b[16];
};
/* clang-format off */
#define B(what, ...) {what, sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}}
/* clang-format on */

static void assert_trap(const struct bytes *c, int vector)
{
	/* Zeros behind it, so that it is not cut off. */
	uint8_t bytes[32] = {0};
	memcpy(bytes, c->b, c->n);
	int got = trap_of(bytes, sizeof bytes, FLAT32_CPL0, &all);
	if (got != vector)
		fail_msg("%s: vector %d, expected %d", c->what, got, vector);
}

static void test_not_of_32_bit_mode(void **state)
{
	static const struct bytes list[] = {
		B("rdfsbase eax", 0xf3, 0x0f, 0xae, 0xc0),
		B("rdgsbase ecx", 0xf3, 0x0f, 0xae, 0xc9),
		B("wrfsbase edx", 0xf3, 0x0f, 0xae, 0xd2),
		B("wrgsbase esp", 0xf3, 0x0f, 0xae, 0xdc),
		B("syscall", 0x0f, 0x05),
		B("sysret", 0x0f, 0x07),
		B("swapgs", 0x0f, 0x01, 0xf8),
	};
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
		assert_trap(&list[i], VEC_UD);
}

static void test_later_encodings(void **state)
{
	static const struct bytes list[] = {
		B("VEX, 2 bytes", 0xc5, 0xf8, 0x58, 0xc1),
		B("VEX, 3 bytes", 0xc4, 0xe2, 0x79, 0x00, 0xc1),
		B("VEX, shlx", 0xc4, 0xe2, 0xf9, 0xf7, 0xc0),
		B("EVEX", 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1),
		B("XOP", 0x8f, 0xe8, 0x78, 0xc2, 0xc1, 0x01),
		B("3DNow!", 0x0f, 0x0f, 0xc1, 0xb4),
		B("femms", 0x0f, 0x0e),
		B("movdir64b", 0x66, 0x0f, 0x38, 0xf8, 0x03),
		B("movdiri", 0x0f, 0x38, 0xf9, 0x03),
		B("enqcmd", 0xf2, 0x0f, 0x38, 0xf8, 0x03),
		B("adcx", 0x66, 0x0f, 0x38, 0xf6, 0xc1),
		B("crc32", 0xf2, 0x0f, 0x38, 0xf1, 0xc1),
		B("popcnt", 0xf3, 0x0f, 0xb8, 0xc1),
		B("rdrand", 0x0f, 0xc7, 0xf0),
		B("rdseed", 0x0f, 0xc7, 0xf8),
		B("rdpid", 0xf3, 0x0f, 0xc7, 0xf8),
		B("rdtscp", 0x0f, 0x01, 0xf9),
		B("xgetbv", 0x0f, 0x01, 0xd0),
		B("vmcall", 0x0f, 0x01, 0xc1),
		B("vmrun", 0x0f, 0x01, 0xd8),
		B("clac", 0x0f, 0x01, 0xca),
		B("stac", 0x0f, 0x01, 0xcb),
		B("rstorssp", 0xf3, 0x0f, 0x01, 0x2b),
		B("xsave", 0x0f, 0xae, 0x23),
		B("xrstor", 0x0f, 0xae, 0x2b),
		B("ptwrite", 0xf3, 0x0f, 0xae, 0x23),
		B("incssp", 0xf3, 0x0f, 0xae, 0xe8),
		B("getsec", 0x0f, 0x37),
		B("vmread", 0x0f, 0x78, 0xc1),
		B("invept", 0x66, 0x0f, 0x38, 0x80, 0x03),
		B("sha1msg1", 0x0f, 0x38, 0xc9, 0xc1),
		B("aesenc", 0x66, 0x0f, 0x38, 0xdc, 0xc1),
		B("pblendw", 0x66, 0x0f, 0x3a, 0x0e, 0xc1, 0x01),
		B("ptest", 0x66, 0x0f, 0x38, 0x17, 0xc1),
		B("movntss", 0xf3, 0x0f, 0x2b, 0x03),
		B("xbegin", 0xc7, 0xf8, 0, 0, 0, 0),
		B("xabort", 0xc6, 0xf8, 0x01),
	};
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
		assert_trap(&list[i], VEC_UD);
}

static void test_holes(void **state)
{
	static const struct bytes list[] = {
		B("ud2", 0x0f, 0x0b),
		B("0F 04", 0x0f, 0x04),
		B("0F 0A", 0x0f, 0x0a),
		B("0F 24 (mov to TR)", 0x0f, 0x24, 0xc0),
		B("0F 00 /6", 0x0f, 0x00, 0xf0),
		B("0F BA /3", 0x0f, 0xba, 0xd8, 0x01),
		B("0F 71 /0", 0x0f, 0x71, 0xc0, 0x01),
		B("psrlw of memory by an immediate", 0x0f, 0x71, 0x13, 0x01),
		B("8F /1", 0x8f, 0x0b),
		B("C6 /1", 0xc6, 0x0b, 0x01),
		B("FE /2", 0xfe, 0x13),
		B("FF /7", 0xff, 0x3b),
		B("call far of a register", 0xff, 0xd8),
		B("jmp far of a register", 0xff, 0xe8),
		B("lea of a register", 0x8d, 0xc0),
		B("cmpxchg8b of a register", 0x0f, 0xc7, 0xc8),
		B("sgdt of a register", 0x0f, 0x01, 0xc7),
		B("lgdt of a register", 0x0f, 0x01, 0xd7),
		B("mov to CS", 0x8e, 0xc8),
		B("mov to segment register 6", 0x8e, 0xf0),
		B("mov from segment register 7", 0x8c, 0xf8),
		B("mov from CR1", 0x0f, 0x20, 0xc8),
		B("mov to CR5", 0x0f, 0x22, 0xe8),
		B("mov to CR8", 0x0f, 0x22, 0xc1 | 7 << 3),
		B("mov from CR8 by LOCK", 0xf0, 0x0f, 0x20, 0xc0),
		B("D9 /1 of memory", 0xd9, 0x0b),
		B("DB /4 of memory", 0xdb, 0x23),
		B("DB /6 of memory", 0xdb, 0x33),
		B("DD /5 of memory", 0xdd, 0x2b),
		B("D9 D1", 0xd9, 0xd1),
		B("D9 E2", 0xd9, 0xe2),
		B("D9 EF", 0xd9, 0xef),
		B("DA E8", 0xda, 0xe8),
		B("DB F8", 0xdb, 0xf8),
		B("DE D8", 0xde, 0xd8),
		B("DF E1", 0xdf, 0xe1),
		B("DF F8", 0xdf, 0xf8),
	};
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++)
		assert_trap(&list[i], VEC_UD);
}

/* SDM vol. 2: "not recognized in virtual-8086 mode", nor in real-address mode: before privilege, and
 * before what the operand raises. */
static void test_protected_mode_alone(void **state)
{
	static const uint32_t modes[] = {MODE_PE | MODE_VM | MODE_CPL, 0};
	static const struct {
		uint8_t b[4];
		int privileged; /* 0: #UD whoever asks; -1: permitted to all */
	} list[] = {
		{{0x63, 0xc1}, 0},        {{0x63, 0x07}, 0},       /* arpl */
		{{0x0f, 0x00, 0xc1}, 0},  {{0x0f, 0x00, 0x07}, 0}, /* sldt */
		{{0x0f, 0x00, 0xc9}, 0},  {{0x0f, 0x00, 0x0f}, 0}, /* str */
		{{0x0f, 0x00, 0xd1}, 0},  {{0x0f, 0x00, 0x17}, 0}, /* lldt */
		{{0x0f, 0x00, 0xd9}, 0},  {{0x0f, 0x00, 0x1f}, 0}, /* ltr */
		{{0x0f, 0x00, 0xe1}, 0},  {{0x0f, 0x00, 0x27}, 0}, /* verr */
		{{0x0f, 0x00, 0xe9}, 0},  {{0x0f, 0x00, 0x2f}, 0}, /* verw */
		{{0x0f, 0x02, 0xc1}, 0},  {{0x0f, 0x02, 0x07}, 0}, /* lar */
		{{0x0f, 0x03, 0xc1}, 0},  {{0x0f, 0x03, 0x07}, 0}, /* lsl */
		{{0x0f, 0x01, 0xf1}, 1},                           /* lmsw */
		{{0x0f, 0x01, 0x17}, 1},                           /* lgdt */
		{{0x0f, 0x01, 0xe1}, -1},                          /* smsw */
		{{0x0f, 0x01, 0x07}, -1},                          /* sgdt */
	};
	for (unsigned m = 0; m < sizeof modes / sizeof *modes; m++)
		for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
			uint8_t bytes[32] = {0};
			int want = list[i].privileged == 0                         ? VEC_UD
			           : list[i].privileged == 1 && mode_cpl(modes[m]) ? VEC_GP
			                                                           : -1;
			memcpy(bytes, list[i].b, 4);
			assert_int_equal(trap_of(bytes, sizeof bytes, modes[m], &all), want);
		}
	/* With protection they are. */
	for (unsigned i = 0; list[i].privileged == 0; i++) {
		uint8_t bytes[32] = {0};
		memcpy(bytes, list[i].b, 4);
		assert_int_equal(trap_of(bytes, sizeof bytes, MODE_PE, &all), -1);
	}
}

static void test_too_long(void **state)
{
	static const uint8_t body[] = {0x81, 0x84, 0x81, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t bytes[32];
	for (unsigned prefixes = 0; prefixes <= 20; prefixes++) {
		memset(bytes, 0x3e, prefixes);
		memcpy(bytes + prefixes, body, sizeof body);
		/* The length is known to be too much after 15 bytes. */
		int got = trap_of(bytes, prefixes + sizeof body, FLAT32_CPL0, &all);
		assert_int_equal(got, prefixes + sizeof body > 15 ? VEC_GP : -1);
	}
	/* Nothing but prefixes, in either size of code. */
	memset(bytes, 0x66, sizeof bytes);
	assert_int_equal(trap_of(bytes, 15, FLAT32_CPL0, &all), VEC_GP);
	assert_int_equal(trap_of(bytes, 15, FLAT32_CPL0 & ~MODE_CODE32, &all), VEC_GP);
}

/* Whatever the instruction is, one byte less is too little. */
static void test_cut_off(void **state)
{
	const struct row *r;
	unsigned count = 0;
	for (unsigned n = 0; (r = table_at(n)); n++)
		for (unsigned f = 0; f < FORMS; f++) {
			uint8_t bytes[ROW_BYTES];
			struct translation t;
			struct insn i;
			if (!row_bytes(r, f, false, bytes, &i))
				continue;
			for (unsigned len = 0; len < i.len; len++) {
				translate(&t, bytes, len, FLAT32_CPL0, &all, 0);
				assert_int_equal(t.status, TU_NEED_BYTES);
			}
			translate(&t, bytes, i.len, FLAT32_CPL0, &all, 0);
			assert_int_equal(t.status, TU_OK);
			assert_int_equal(t.code.guest_len, i.len);
			count++;
		}
	assert_true(count > 10000);
}

/* A cut-off instruction that is not the first ends the unit before it. */
static void test_cut_off_later(void **state)
{
	static const uint8_t bytes[] = {0x90, 0x40, 0x81, 0xc0, 1, 2};
	struct translation t;
	translate(&t, bytes, sizeof bytes, FLAT32_CPL0, &all, 0);
	assert_int_equal(t.status, TU_OK);
	assert_int_equal(t.code.n_insns, 2);
	assert_int_equal(t.code.guest_len, 2);
	assert_int_equal(t.code.exits[0].target, 0x401002);
}

/* F2 and F3 that mean nothing are dropped: the host might know a meaning, as in
 * TZCNT (F3 0F BC) and LZCNT (F3 0F BD). */
static void test_dropped_prefixes(void **state)
{
	const struct row *r;
	unsigned count = 0;
	for (unsigned n = 0; (r = table_at(n)); n++) {
		bool bit_scan = r->map == 1 && (r->opcode == 0xbc || r->opcode == 0xbd);
		bool pause = r->map == 0 && r->opcode == 0x90;
		bool group15 = r->map == 1 && r->opcode == 0xae; /* there they are #UD */
		if (r->pfx || pause || group15 || !(r->flags & ROW_RE || r->handler == H_plain))
			continue;
		for (unsigned f = 0; f < FORMS; f++) {
			uint8_t bytes[ROW_BYTES];
			struct translation plain, prefixed;
			struct insn i;
			if (!row_bytes(r, f, false, bytes, &i))
				continue;
			translate(&plain, bytes, i.len, FLAT32_CPL0, &all, 1);
			memmove(bytes + 1, bytes, ROW_BYTES - 1);
			for (unsigned rep = 0xf2; rep <= 0xf3; rep++) {
				bytes[0] = rep;
				translate(&prefixed, bytes, i.len + 1, FLAT32_CPL0, &all, 1);
				if (prefixed.code.host_len != plain.code.host_len ||
				    memcmp(prefixed.host, plain.host, plain.code.host_len))
					fail_msg("%x %s (%x %02x, form %x)", rep, r->name, r->map,
					         r->opcode, f);
				count += bit_scan;
			}
		}
	}
	assert_true(count > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_of_32_bit_mode),
		cmocka_unit_test(test_later_encodings),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_protected_mode_alone),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_cut_off_later),
		cmocka_unit_test(test_dropped_prefixes),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
