/* The CPU models, and CPUID.  Each is a real stepping without what there is not
 * here (ACPI, thermal monitor, debug store, MONITOR, SpeedStep). */
#include "cpu/descriptor.h"

/* CPUID 1 EDX by name; SDM vol. 2, table 3-11. */
enum {
	D_FPU = 1 << 0,
	D_VME = 1 << 1,
	D_DE = 1 << 2,
	D_PSE = 1 << 3,
	D_TSC = 1 << 4,
	D_MSR = 1 << 5,
	D_PAE = 1 << 6,
	D_MCE = 1 << 7,
	D_CX8 = 1 << 8,
	D_SEP = 1 << 11,
	D_MTRR = 1 << 12,
	D_PGE = 1 << 13,
	D_MCA = 1 << 14,
	D_CMOV = 1 << 15,
	D_PAT = 1 << 16,
	D_PSE36 = 1 << 17,
	D_CLFSH = 1 << 19,
	D_MMX = 1 << 23,
	D_FXSR = 1 << 24,
	D_SSE = 1 << 25,
	D_SSE2 = 1 << 26,
	D_SS = 1 << 27,

	C_SSE3 = 1 << 0,
	C_SSSE3 = 1 << 9,
	C_MOVBE = 1 << 22,

	X_NX = 1 << 20,  /* 80000001h EDX */
	X_LAHF = 1 << 0, /* ECX */

	D_PENTIUM = D_FPU | D_VME | D_DE | D_PSE | D_TSC | D_MSR | D_MCE | D_CX8,
	D_BONNELL = D_PENTIUM | CPUID_APIC | D_PAE | D_SEP | D_MTRR | D_PGE | D_MCA | D_CMOV |
	            D_PAT | D_CLFSH | D_MMX | D_FXSR | D_SSE | D_SSE2 | D_SS,
	D_PENTIUM3 = D_PENTIUM | D_PAE | D_SEP | D_MTRR | D_PGE | D_MCA | D_CMOV | D_PAT | D_PSE36 |
	             D_MMX | D_FXSR | D_SSE,
	D_PRESCOTT = D_PENTIUM3 | CPUID_APIC | D_CLFSH | D_SSE2 | D_SS,

	I_486 = ISA_486 | ISA_CPUID | ISA_FPU | ISA_VME,
	I_PENTIUM = I_486 | ISA_DE | ISA_PSE | ISA_TSC | ISA_MSR | ISA_MCE | ISA_CX8,
	I_P6 = I_PENTIUM | ISA_P6 | ISA_PMC | ISA_PAE | ISA_SEP | ISA_MTRR | ISA_PGE | ISA_CMOV |
	       ISA_PAT | ISA_MMX | ISA_FXSR | ISA_SSE,
	I_PENTIUM3 = I_P6 | ISA_PSE36,
	I_PRESCOTT = I_PENTIUM3 | ISA_SSE2 | ISA_SSE3 | ISA_CLFLUSH | ISA_NX,
	I_BONNELL = I_P6 | ISA_SSE2 | ISA_SSE3 | ISA_SSSE3 | ISA_CLFLUSH | ISA_MOVBE | ISA_NX,
};

/* Descriptor bytes in the order EAX EBX ECX EDX, low byte first; the first says
 * how often to ask.  SDM vol. 2, table 3-12. */
static const uint8_t leaf2_pentium3[16] = {0x01, 0x01, 0x02, 0x03, [12] = 0x82, 0x08, 0x04, 0x0c};
static const uint8_t leaf2_prescott[16] = {0x01, 0x50, 0x5b, 0x60, [12] = 0x40, 0x70, 0x7c};
static const uint8_t leaf2_bonnell[16] = {0x01, 0x59, 0xba, 0x4f, 0xc0, 0x80, 0x30, 0x0e};

/* Type and level; ways, partitions and line, each less one; sets less one. */
static const uint32_t leaf4_prescott[][4] = {
	{0x121, 0x01c0003f, 0x1f, 0}, {0x143, 0x01c0103f, 0x3ff, 0}, {0}};
static const uint32_t leaf4_bonnell[][4] = {{0x121, 0x0140003f, 0x3f, 0},
                                            {0x122, 0x01c0003f, 0x3f, 0},
                                            {0x143, 0x01c0003f, 0x3ff, 0},
                                            {0}};

static const struct cpu_model models[] = {
	{
		.name = "386",
		.summary = "Intel386 DX, without a coprocessor; SeaBIOS needs more",
		.isa = ISA_386,
		.signature = 0x308,
		.vendor = "GenuineIntel",
		.phys_bits = 32,
	},
	{
		.name = "486sx",
		.summary = "Intel486 SX: no FPU, no CPUID",
		.isa = ISA_486,
		.signature = 0x423,
		.vendor = "GenuineIntel",
		.phys_bits = 32,
	},
	{
		.name = "486",
		.summary = "IntelDX4: FPU, VME",
		.isa = I_486,
		.signature = 0x480,
		.vendor = "GenuineIntel",
		.max_leaf = 1,
		.edx1 = D_FPU | D_VME,
		.phys_bits = 32,
	},
	{
		.name = "pentium",
		.summary = "Pentium (P54C): TSC, MSR, CMPXCHG8B, 4 MiB pages",
		.isa = I_PENTIUM,
		.signature = 0x52c,
		.vendor = "GenuineIntel",
		.max_leaf = 1,
		.edx1 = D_PENTIUM,
		.phys_bits = 32,
	},
	{
		.name = "pentium3",
		.summary = "Pentium III (Coppermine): CMOV, SYSENTER, PAE, MMX, SSE (default)",
		.isa = I_PENTIUM3,
		.signature = 0x68a,
		.vendor = "GenuineIntel",
		.max_leaf = 2,
		.edx1 = D_PENTIUM3,
		.leaf2 = leaf2_pentium3,
		.ebx1 = 2,
		.phys_bits = 36,
		.mc_banks = 5,
		.microcode = 1,
		.platform_id = 4,
	},
	{
		.name = "pentium4",
		.summary = "Pentium 4 (late Prescott): SSE2, SSE3, CLFLUSH, NX",
		.isa = I_PRESCOTT,
		.signature = 0xf41,
		.vendor = "GenuineIntel",
		.brand = "              Intel(R) Pentium(R) 4 CPU 2.93GHz",
		.max_leaf = 5,
		.max_ext_leaf = 0x80000008,
		.edx1 = D_PRESCOTT,
		.ecx1 = C_SSE3,
		.ext_edx = X_NX,
		.leaf2 = leaf2_prescott,
		.ebx1 = 0x800,
		.leaf4 = leaf4_prescott,
		.ext_l2 = 0x04006040,
		.phys_bits = 36,
		.mc_banks = 4,
		.microcode = 0x17,
		.platform_id = 4,
	},
	{
		.name = "n270",
		.summary = "Atom N270 (Bonnell): SSE2, SSE3, SSSE3, MOVBE, NX; in order",
		.isa = I_BONNELL,
		.signature = 0x106c2,
		.vendor = "GenuineIntel",
		.brand = "Intel(R) Atom(TM) CPU N270   @ 1.60GHz",
		.max_leaf = 10,
		.max_ext_leaf = 0x80000008,
		.edx1 = D_BONNELL,
		.ecx1 = C_SSE3 | C_SSSE3 | C_MOVBE,
		.ext_edx = X_NX,
		.ext_ecx = X_LAHF,
		.leaf2 = leaf2_bonnell,
		.ebx1 = 0x800,
		.leaf4 = leaf4_bonnell,
		.ext_l2 = 0x02006040,
		.phys_bits = 32,
		.mc_banks = 5,
		.microcode = 0x218, /* with the fix of erratum AAE44: 4 MiB pages are sound */
		.platform_id = 2,
	},
};

static bool names_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct cpu_model *cpu_model_at(unsigned i)
{
	return i < sizeof(models) / sizeof(models[0]) ? &models[i] : NULL;
}

const struct cpu_model *cpu_model_find(const char *name)
{
	const struct cpu_model *m;

	for (unsigned i = 0; (m = cpu_model_at(i)); i++) {
		if (names_equal(m->name, name))
			return m;
	}
	return NULL;
}

const struct cpu_model *cpu_model_default(void)
{
	return cpu_model_find("pentium3");
}

/* The four characters at text + 4 * i; zeros past its end. */
static uint32_t text_word(const char *text, unsigned i)
{
	unsigned at = 0;
	uint32_t word = 0;

	while (at < 4 * i && text[at])
		at++;
	for (unsigned k = 0; k < 4 && text[at]; k++, at++)
		word |= (uint32_t)(uint8_t)text[at] << 8 * k;
	return word;
}

static uint32_t word_at(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void leaf_basic(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t max,
                       uint32_t out[4])
{
	const struct cpu_model *m = v->model;

	switch (leaf) {
	case 0:
		out[0] = max;
		out[1] = text_word(m->vendor, 0);
		out[3] = text_word(m->vendor, 1);
		out[2] = text_word(m->vendor, 2);
		break;
	case 1:
		out[0] = m->signature;
		out[1] = m->ebx1;
		out[2] = m->ecx1;
		out[3] = m->edx1;
		if (!(v->apic_base & APIC_BASE_ON))
			out[3] &= ~(uint32_t)CPUID_APIC;
		break;
	case 2:
		for (unsigned i = 0; i < 4 && m->leaf2; i++)
			out[i] = word_at(m->leaf2 + 4 * i);
		break;
	case 4:
		for (unsigned row = 0; m->leaf4 && m->leaf4[row][0]; row++) {
			for (unsigned i = 0; i < 4 && row == subleaf; i++)
				out[i] = m->leaf4[row][i];
		}
		break;
	default:
		break;
	}
}

static void leaf_extended(const struct vcpu *v, uint32_t leaf, uint32_t out[4])
{
	const struct cpu_model *m = v->model;

	switch (leaf) {
	case 0x80000000:
		out[0] = m->max_ext_leaf;
		break;
	case 0x80000001:
		out[2] = m->ext_ecx;
		out[3] = m->ext_edx;
		if (v->misc_enable & MISC_ENABLE_XD_OFF)
			out[3] &= ~(uint32_t)X_NX;
		break;
	case 0x80000002:
	case 0x80000003:
	case 0x80000004:
		for (unsigned i = 0; i < 4; i++)
			out[i] = text_word(m->brand, (leaf - 0x80000002) * 4 + i);
		break;
	case 0x80000006:
		out[2] = m->ext_l2;
		break;
	case 0x80000008:
		out[0] = 32 << 8 | m->phys_bits;
		break;
	default:
		break;
	}
}

void cpu_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	const struct cpu_model *m = v->model;
	uint32_t max = m->max_leaf;

	if ((v->misc_enable & MISC_ENABLE_LIMIT_CPUID) && max > 3)
		max = 3;
	out[0] = out[1] = out[2] = out[3] = 0;
	if (leaf >= 0x80000000 && leaf <= m->max_ext_leaf)
		leaf_extended(v, leaf, out);
	else /* beyond the last: what the last basic leaf says.  SDM vol. 2, CPUID */
		leaf_basic(v, leaf > max ? max : leaf, subleaf, max, out);
}
