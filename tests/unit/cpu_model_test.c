/* links: cpu */
/* CPUID and the model-specific registers, model by model. */
#include "cpu_fixture.h"

static void use(struct machine *m, const char *name)
{
	const struct cpu_model *model = cpu_model_find(name);

	assert_non_null(model);
	cpu_reset(&m->v, model);
}

static void leaf(struct machine *m, uint32_t n, uint32_t sub, uint32_t a, uint32_t b, uint32_t c,
                 uint32_t d)
{
	const uint32_t want[] = {a, b, c, d};
	uint32_t out[4];

	cpu_cpuid(&m->v, n, sub, out);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(out[i], want[i]);
}

static uint64_t rdmsr(struct machine *m, uint32_t msr)
{
	uint64_t value = 0;

	assert_done(cpu_rdmsr(&m->v, msr, 0, &value, &t));
	return value;
}

static void wrmsr(struct machine *m, uint32_t msr, uint64_t value)
{
	assert_done(cpu_wrmsr(&m->v, msr, 0, value, &t));
}

static void finding(void **state)
{
	unsigned n = 0;

	while (cpu_model_at(n)) {
		assert_ptr_equal(cpu_model_find(cpu_model_at(n)->name), cpu_model_at(n));
		n++;
	}
	assert_int_equal(n, 7);
	assert_string_equal(cpu_model_default()->name, "pentium3");
	assert_null(cpu_model_find("pentium5"));
	assert_null(cpu_model_find("pent"));
	assert_null(cpu_model_find(""));
}

#define GENUINE 0x756e6547, 0x6c65746e, 0x49656e69 /* in EBX, ECX, EDX */

static void cpuid_of_each(void **state)
{
	struct machine *m = *state;

	use(m, "486");
	leaf(m, 0, 0, 1, GENUINE);
	leaf(m, 1, 0, 0x480, 0, 0, 0x3);
	leaf(m, 0x80000000, 0, 0x480, 0, 0, 0x3); /* no such leaf: the last basic one */
	use(m, "pentium");
	leaf(m, 1, 0, 0x52c, 0, 0, 0x1bf);
	use(m, "pentium3");
	leaf(m, 0, 0, 2, GENUINE);
	leaf(m, 1, 0, 0x68a, 2, 0, 0x0383f9ff);
	leaf(m, 2, 0, 0x03020101, 0, 0, 0x0c040882);
	leaf(m, 0x80000000, 0, 0x03020101, 0, 0, 0x0c040882);
	use(m, "pentium4");
	leaf(m, 0, 0, 5, GENUINE);
	leaf(m, 1, 0, 0xf41, 0x800, 1, 0x0f8bfbff);
	leaf(m, 2, 0, 0x605b5001, 0, 0, 0x007c7040);
	leaf(m, 4, 0, 0x121, 0x01c0003f, 0x1f, 0);
	leaf(m, 4, 1, 0x143, 0x01c0103f, 0x3ff, 0);
	leaf(m, 4, 2, 0, 0, 0, 0);
	leaf(m, 0x80000000, 0, 0x80000008, 0, 0, 0);
	leaf(m, 0x80000001, 0, 0, 0, 0, 0x00100000);
	leaf(m, 0x80000008, 0, 0x2024, 0, 0, 0);
	use(m, "n270");
	leaf(m, 0, 0, 10, GENUINE);
	leaf(m, 1, 0, 0x106c2, 0x800, 0x00400201, 0x0f89fbff);
	leaf(m, 2, 0, 0x4fba5901, 0x0e3080c0, 0, 0);
	leaf(m, 0x80000001, 0, 0, 0, 1, 0x00100000);
	leaf(m, 11, 0, 0, 0, 0, 0);
}

/* Each feature bit that CPUID shows is an instruction set that exists, and back. */
static void cpuid_agrees_with_isa(void **state)
{
	static const struct {
		uint32_t isa;
		unsigned bit; /* EDX 0 to 31, ECX 32 to 63 */
	} pairs[] = {
		{ISA_FPU, 0},   {ISA_VME, 1},          {ISA_DE, 2},         {ISA_PSE, 3},
		{ISA_TSC, 4},   {ISA_MSR, 5},          {ISA_PAE, 6},        {ISA_MCE, 7},
		{ISA_CX8, 8},   {ISA_SEP, 11},         {ISA_MTRR, 12},      {ISA_PGE, 13},
		{ISA_CMOV, 15}, {ISA_PAT, 16},         {ISA_PSE36, 17},     {ISA_CLFLUSH, 19},
		{ISA_MMX, 23},  {ISA_FXSR, 24},        {ISA_SSE, 25},       {ISA_SSE2, 26},
		{ISA_SSE3, 32}, {ISA_MONITOR, 32 + 3}, {ISA_SSSE3, 32 + 9}, {ISA_MOVBE, 32 + 22},
	};
	struct machine *m = *state;
	const struct cpu_model *model;
	uint32_t out[4];

	for (unsigned k = 0; (model = cpu_model_at(k)); k++) {
		uint64_t bits;

		if (!(model->isa & ISA_CPUID))
			continue;
		cpu_reset(&m->v, model);
		cpu_cpuid(&m->v, 1, 0, out);
		bits = (uint64_t)out[2] << 32 | out[3];
		for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
			assert_int_equal(bits >> pairs[i].bit & 1, !!(model->isa & pairs[i].isa));
		assert_int_equal(bits >> 9 & 1, !!(model->isa & ISA_SSE2)); /* APIC */
		assert_false(bits >> 21 & 3);                               /* DS, ACPI */
		assert_int_equal(out[0], model->signature);
		cpu_cpuid(&m->v, 0x80000001, 0, out);
		if (model->max_ext_leaf)
			assert_int_equal(out[3] >> 20 & 1, !!(model->isa & ISA_NX));
		else
			assert_false(model->isa & ISA_NX);
	}
}

static void brand_strings(void **state)
{
	struct machine *m = *state;
	char text[49] = "";

	use(m, "n270");
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t out[4];
		cpu_cpuid(&m->v, 0x80000002 + i, 0, out);
		memcpy(text + 16 * i, out, 16);
	}
	assert_string_equal(text, "Intel(R) Atom(TM) CPU N270   @ 1.60GHz");
}

static void misc_enable_hides_leaves(void **state)
{
	struct machine *m = *state;
	uint64_t value;

	use(m, "pentium4");
	value = rdmsr(m, 0x1a0);
	assert_true(value & 1);
	wrmsr(m, 0x1a0, (value | 1ull << 22 | 1ull << 34) & ~(1ull << 11));
	assert_int_equal(rdmsr(m, 0x1a0), value | 1ull << 22 | 1ull << 34);
	leaf(m, 0, 0, 3, GENUINE);
	leaf(m, 0x80000001, 0, 0, 0, 0, 0);
	use(m, "pentium3");
	assert_fault(m, cpu_rdmsr(&m->v, 0x1a0, 0, &value, &t), VEC_GP, 0);
}

static void msr_presence(void **state)
{
	enum { FIRST = 3 }; /* 386, 486sx and 486 have no MSR at all */
	/* Bits of models in order, from the one before it on. */
	static const struct {
		uint32_t msr;
		unsigned models;
	} cases[] = {
		{0x0, 0x1e},     {0x10, 0x1e},  {0x17, 0x1c},  {0x1b, 0x18},       {0x8b, 0x1c},
		{0xfe, 0x1c},    {0x174, 0x1c}, {0x176, 0x1c}, {0x179, 0x1c},      {0x1a0, 0x18},
		{0x1d9, 0x1c},   {0x200, 0x1c}, {0x20f, 0x1c}, {0x210, 0},         {0x250, 0x1c},
		{0x258, 0x1c},   {0x25a, 0},    {0x26f, 0x1c}, {0x270, 0},         {0x277, 0x1c},
		{0x2ff, 0x1c},   {0x400, 0x1c}, {0x40f, 0x1c}, {0x413, 0x14},      {0x414, 0},
		{0x3f, 0},       {0x198, 0},    {0x3ff, 0},    {0xc0000080, 0x18}, {0xc0000081, 0},
		{0xc0000100, 0},
	};
	struct machine *m = *state;
	const struct cpu_model *model;

	for (unsigned k = FIRST; (model = cpu_model_at(k)); k++) {
		cpu_reset(&m->v, model);
		for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct trap t = {0};
			uint64_t value;
			bool there = cases[i].models >> (k - FIRST + 1) & 1;

			if (cpu_rdmsr(&m->v, cases[i].msr, 0, &value, &t) != there)
				fail_msg("MSR %x of %s", cases[i].msr, model->name);
			assert_true(there || (t.vector == VEC_GP && t.error == 0));
		}
	}
	use(m, "486");
	{
		struct trap t;
		uint64_t value;
		assert_false(cpu_rdmsr(&m->v, 0x10, 0, &value, &t));
		assert_int_equal(t.vector, VEC_UD);
	}
	use(m, "pentium3");
	m->v.cpl = 3;
	assert_fault(m, cpu_wrmsr(&m->v, 0x174, 0, 0, &t), VEC_GP, 0);
}

static void apic_base(void **state)
{
	struct machine *m = *state;
	uint32_t out[4];

	use(m, "pentium4");
	assert_int_equal(rdmsr(m, 0x1b), 0xfee00900);
	wrmsr(m, 0x1b, 0xfee00100);
	assert_int_equal(m->apic_base, 0xfee00100);
	assert_int_equal(rdmsr(m, 0x1b), 0xfee00100);
	cpu_cpuid(&m->v, 1, 0, out);
	assert_false(out[3] >> 9 & 1);
	wrmsr(m, 0x1b, 0xf12345900);
	assert_int_equal(m->apic_base, 0xf12345900);
	cpu_cpuid(&m->v, 1, 0, out);
	assert_true(out[3] >> 9 & 1);
	assert_fault(m, cpu_wrmsr(&m->v, 0x1b, 0, 0xfee00d00, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x1b, 0, 0xfee00901, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x1b, 0, 0x10fee00900, &t), VEC_GP, 0);
	assert_int_equal(rdmsr(m, 0x1b), 0xf12345900);
}

static void time_stamp_counter(void **state)
{
	struct machine *m = *state;
	uint64_t value;

	assert_done(cpu_rdmsr(&m->v, 0x10, 0x123456789abc, &value, &t));
	assert_int_equal(value, 0x123456789abc);
	m->v.native.tsc_minus = 1000;
	assert_done(cpu_wrmsr(&m->v, 0x10, 5000, 7000, &t));
	assert_int_equal(m->v.native.tsc_minus, 3000);
	use(m, "pentium3"); /* the upper half is cleared */
	m->v.native.tsc_minus = 0;
	assert_done(cpu_wrmsr(&m->v, 0x10, 0, 0x700000005, &t));
	assert_int_equal(m->v.native.tsc_minus, 5);
}

static void efer(void **state)
{
	struct machine *m = *state;

	wrmsr(m, 0xc0000080, EFER_NXE);
	assert_int_equal(rdmsr(m, 0xc0000080), EFER_NXE);
	assert_int_equal(m->paging_loads, 1);
	assert_fault(m, cpu_wrmsr(&m->v, 0xc0000080, 0, 1, &t), VEC_GP, 0);      /* SCE */
	assert_fault(m, cpu_wrmsr(&m->v, 0xc0000080, 0, 1 << 8, &t), VEC_GP, 0); /* LME */
	m->paging_refused = true;
	assert_fault(m, cpu_wrmsr(&m->v, 0xc0000080, 0, 0, &t), VEC_GP, 0);
	use(m, "pentium3");
	assert_fault(m, cpu_wrmsr(&m->v, 0xc0000080, 0, EFER_NXE, &t), VEC_GP, 0);
}

static void memory_types(void **state)
{
	struct machine *m = *state;

	use(m, "pentium3");
	assert_int_equal(rdmsr(m, 0x277), 0x0007040600070406);
	wrmsr(m, 0x277, 0x0706050401000706);
	assert_fault(m, cpu_wrmsr(&m->v, 0x277, 0, 2, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x277, 0, 8, &t), VEC_GP, 0);
	assert_int_equal(rdmsr(m, 0x277), 0x0706050401000706);

	assert_int_equal(rdmsr(m, 0xfe), 0x508);
	assert_fault(m, cpu_wrmsr(&m->v, 0xfe, 0, 0, &t), VEC_GP, 0);
	wrmsr(m, 0x2ff, 0xc06);
	assert_fault(m, cpu_wrmsr(&m->v, 0x2ff, 0, 0x1000, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x2ff, 0, 7, &t), VEC_GP, 0);
	wrmsr(m, 0x268, 0x0606060606060606);
	assert_fault(m, cpu_wrmsr(&m->v, 0x268, 0, 0x03, &t), VEC_GP, 0);
	wrmsr(m, 0x201, 0xff8000800);
	assert_int_equal(rdmsr(m, 0x201), 0xff8000800);
	assert_fault(m, cpu_wrmsr(&m->v, 0x201, 0, 0x1000000000, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x200, 0, 0x102, &t), VEC_GP, 0);
	/* The first and the last pair; a base has a type and no bits 8 to 11. */
	wrmsr(m, 0x200, 0xf00000006);
	wrmsr(m, 0x20f, 0xfff000800);
	assert_int_equal(rdmsr(m, 0x200), 0xf00000006);
	assert_int_equal(rdmsr(m, 0x20f), 0xfff000800);
	assert_fault(m, cpu_wrmsr(&m->v, 0x200, 0, 0x1000000006, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x20e, 0, 0x106, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x20e, 0, 2, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x210, 0, 0, &t), VEC_GP, 0);
	use(m, "n270"); /* 32 physical bits */
	assert_fault(m, cpu_wrmsr(&m->v, 0x201, 0, 0xff8000800, &t), VEC_GP, 0);
}

static void sysenter_and_microcode(void **state)
{
	struct machine *m = *state;

	wrmsr(m, 0x174, 0x60);
	wrmsr(m, 0x175, 0x12345678);
	wrmsr(m, 0x176, 0x87654321);
	assert_int_equal(m->v.sysenter_cs, 0x60);
	assert_int_equal(m->v.sysenter_esp, 0x12345678);
	assert_int_equal(rdmsr(m, 0x176), 0x87654321);

	wrmsr(m, 0x8b, 0);
	assert_int_equal(rdmsr(m, 0x8b) >> 32, 0x218);
	assert_int_equal(rdmsr(m, 0x17), 2ull << 50);
	assert_fault(m, cpu_wrmsr(&m->v, 0x17, 0, 0, &t), VEC_GP, 0);
}

static void machine_check_banks(void **state)
{
	struct machine *m = *state;

	use(m, "pentium3");
	assert_int_equal(rdmsr(m, 0x179) & 0xff, 5);
	wrmsr(m, 0x17b, -1ull);
	assert_fault(m, cpu_wrmsr(&m->v, 0x17b, 0, 1, &t), VEC_GP, 0);
	wrmsr(m, 0, 0); /* MC_ADDR: may be cleared only */
	assert_fault(m, cpu_wrmsr(&m->v, 0, 0, 1, &t), VEC_GP, 0);
	wrmsr(m, 0x1d9, 0x7f);
	assert_int_equal(rdmsr(m, 0x1d9), 0x7f);
	assert_fault(m, cpu_wrmsr(&m->v, 0x1d9, 0, 0x80, &t), VEC_GP, 0);
	use(m, "pentium");
	wrmsr(m, 0, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x1d9, 0, 0, &t), VEC_GP, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x174, 0, 0, &t), VEC_GP, 0);
	use(m, "pentium3");
	assert_fault(m, cpu_wrmsr(&m->v, 0x1a0, 0, 0, &t), VEC_GP, 0);
	wrmsr(m, 0x404, 0x1f);
	assert_int_equal(rdmsr(m, 0x404), 0x1f);
	assert_int_equal(rdmsr(m, 0x405), 0);
	wrmsr(m, 0x405, 0);
	assert_fault(m, cpu_wrmsr(&m->v, 0x405, 0, 1, &t), VEC_GP, 0);
	wrmsr(m, 0x17a, 7);
	assert_int_equal(rdmsr(m, 0x17a), 7);
	assert_fault(m, cpu_wrmsr(&m->v, 0x17a, 0, 8, &t), VEC_GP, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finding),
		TEST(cpuid_of_each),
		TEST(cpuid_agrees_with_isa),
		TEST(brand_strings),
		TEST(misc_enable_hides_leaves),
		TEST(msr_presence),
		TEST(apic_base),
		TEST(time_stamp_counter),
		TEST(efer),
		TEST(memory_types),
		TEST(sysenter_and_microcode),
		TEST(machine_check_banks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
