/* links: cpu */
/* Decimal arithmetic.  SDM vol. 2, AAA, AAD, AAM, AAS, DAA, DAS. */
#include "cpu_fixture.h"

enum { C = FLAG_CF, P = FLAG_PF, A = FLAG_AF, Z = FLAG_ZF, S = FLAG_SF };

struct row {
	uint32_t eax, flags;        /* before */
	uint32_t eax_then, carries; /* after: CF and AF */
};

/* The upper half of EAX and DF stay; SF, ZF and PF are AL's. */
static void check(struct machine *m, void (*f)(struct vcpu *), const struct row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		uint8_t al = r->eax_then;
		uint32_t want = r->carries | (al ? 0 : Z) | (al & 0x80 ? S : 0) |
		                (__builtin_popcount(al) & 1 ? 0 : P) | FLAG_DF;
		m->v.gpr[EAX] = 0xabcd0000 | r->eax;
		m->v.flags = r->flags | FLAG_DF | FLAG_OF;
		f(&m->v);
		assert_int_equal(m->v.gpr[EAX], 0xabcd0000 | r->eax_then);
		assert_int_equal(m->v.flags, want);
	}
}

#define CHECK_ROWS(f, rows) check(*state, f, rows, sizeof(rows) / sizeof((rows)[0]))

static void add(void **state)
{
	static const struct row rows[] = {
		{0x1279, 0, 0x1279, 0},         /* both digits are digits already */
		{0x00ae, P | S, 0x0014, A | C}, /* the manual's example */
		{0x002e, 0, 0x0034, A},         /* its second one */
		{0x0009, 0, 0x0009, 0},         {0x000a, 0, 0x0010, A}, {0x0002, A, 0x0008, A},
		{0x0000, A | C, 0x0066, A | C}, {0x0099, 0, 0x0099, 0}, {0x009a, 0, 0x0000, A | C},
		{0x00a0, 0, 0x0000, C},         {0x0011, C, 0x0071, C}, {0x00fa, 0, 0x0060, A | C},
		{0x00ff, C, 0x0065, A | C},
	};
	CHECK_ROWS(cpu_daa, rows);
}

static void subtract(void **state)
{
	static const struct row rows[] = {
		{0x00ee, A | C, 0x0088, A | C}, /* the manual's example: 35h - 47h */
		{0x1279, 0, 0x1279, 0},
		{0x0009, 0, 0x0009, 0},
		{0x000a, 0, 0x0004, A},
		{0x0099, 0, 0x0099, 0},
		{0x009a, 0, 0x0034, A | C},
		{0x00a0, 0, 0x0040, C},
		{0x0070, C, 0x0010, C},
		/* The low digit's own borrow counts, whatever the high one does. */
		{0x0005, A, 0x00ff, A | C},
		{0x0006, A, 0x0000, A},
	};
	CHECK_ROWS(cpu_das, rows);
}

static void ascii(void **state)
{
	static const struct row added[] =
		{
			{0x0009, 0, 0x0009, 0},     {0x0035, C, 0x0005, 0},
			{0x000a, 0, 0x0100, A | C}, {0x0002, A, 0x0108, A | C},
			{0x05fa, 0, 0x0700, A | C}, /* AL carries into AH as well */
			{0xff0f, 0, 0x0005, A | C},
		};
	static const struct row subtracted[] =
		{
			{0x0009, 0, 0x0009, 0},     {0x0035, C, 0x0005, 0},
			{0x020a, 0, 0x0104, A | C}, {0x0207, A, 0x0101, A | C},
			{0x0202, A, 0x000c, A | C}, /* AL borrows from AH as well */
			{0x0000, A, 0xfe0a, A | C},
		};
	CHECK_ROWS(cpu_aaa, added);
	CHECK_ROWS(cpu_aas, subtracted);
}

static void by_base(void **state)
{
	static const struct {
		uint32_t eax, base, aam, aad;
	} rows[] = {
		{0x0000, 10, 0x0000, 0x0000},  {0x0941, 10, 0x0605, 0x009b},
		{0x02ff, 10, 0x1905, 0x0013},  {0x0941, 16, 0x0401, 0x00d1},
		{0x7fff, 255, 0x0100, 0x0080}, {0x0503, 1, 0x0300, 0x0008},
	};
	struct machine *m = *state;
	struct vcpu *v = &m->v;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v->gpr[EAX] = 0x12340000 | rows[i].eax;
		assert_done(cpu_aam(v, rows[i].base, &t));
		assert_int_equal(v->gpr[EAX], 0x12340000 | rows[i].aam);
		assert_int_equal(!!(v->flags & Z), !(rows[i].aam & 0xff));
		v->gpr[EAX] = 0x12340000 | rows[i].eax;
		v->flags = C | A | FLAG_DF;
		cpu_aad(v, rows[i].base);
		assert_int_equal(v->gpr[EAX], 0x12340000 | rows[i].aad);
		assert_int_equal(v->flags & (C | A | FLAG_DF), FLAG_DF);
		assert_int_equal(!!(v->flags & S), !!(rows[i].aad & 0x80));
	}
	/* Base 0 divides by it. */
	struct vcpu before = *v;
	struct trap t;
	assert_false(cpu_aam(v, 0, &t));
	assert_int_equal(t.vector, VEC_DE);
	assert_false(t.has_error);
	assert_memory_equal(&before, v, sizeof(before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(add), TEST(subtract), TEST(ascii), TEST(by_base)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
