/* CPU models: what CPUID says, and which instructions exist. */
#ifndef UNRING_CPU_MODEL_H
#define UNRING_CPU_MODEL_H

#include "base/types.h"

/* Features that decide whether an instruction form exists (else #UD). */
enum isa {
	ISA_386 = 0,      /* always there */
	ISA_486 = 1 << 0, /* CMPXCHG, XADD, BSWAP, INVLPG, WBINVD; CR0.WP, EFLAGS.AC */
	ISA_FPU = 1 << 1, /* without it ESC instructions do nothing */
	ISA_TSC = 1 << 2,
	ISA_MSR = 1 << 3,
	ISA_CX8 = 1 << 4,
	ISA_CMOV = 1 << 5, /* with FPU: FCMOV, FCOMI */
	ISA_SEP = 1 << 6,
	ISA_MMX = 1 << 7,
	ISA_FXSR = 1 << 8,
	ISA_SSE = 1 << 9,
	ISA_SSE2 = 1 << 10,
	ISA_SSE3 = 1 << 11,
	ISA_SSSE3 = 1 << 12,
	ISA_CLFLUSH = 1 << 13,
	ISA_MONITOR = 1 << 14,
	ISA_PMC = 1 << 15, /* RDPMC */
	ISA_MOVBE = 1 << 16,
	ISA_P6 = 1 << 17, /* UD2, long NOP */
	ISA_PAE = 1 << 18,
	ISA_NX = 1 << 19,
	ISA_PSE = 1 << 20,
	ISA_PGE = 1 << 21,
	ISA_VME = 1 << 22,
	ISA_DE = 1 << 23,
	ISA_MCE = 1 << 24,
	ISA_MTRR = 1 << 25,
	ISA_PAT = 1 << 26,
	ISA_PSE36 = 1 << 27,
	ISA_CPUID = 1 << 28, /* CPUID, EFLAGS.ID, CR4 */
};

/* CPUID 1 EDX: a local APIC, whose base is after a reset FEE00000h, on, of the processor that boots.
 * SDM vol. 3, 11.4.4. */
enum { CPUID_APIC = 1 << 9 };
#define APIC_BASE_RESET 0xfee00900ull
enum { APIC_BASE_BOOTS = 1 << 8, APIC_BASE_ON = 1 << 11 };

struct cpu_model {
	const char *name;    /* of --cpu */
	const char *summary; /* for --cpu help */
	uint32_t isa;
	uint32_t signature; /* family, model, stepping: CPUID 1 EAX, EDX at reset */
	const char *vendor; /* 12 characters */
	const char *brand;  /* leaves 80000002h to 80000004h, or NULL */
	uint32_t max_leaf;  /* 0: no CPUID instruction */
	uint32_t max_ext_leaf;
	uint32_t edx1, ecx1;        /* CPUID 1 */
	uint32_t ext_edx, ext_ecx;  /* CPUID 80000001h */
	const uint8_t *leaf2;       /* 16 descriptor bytes, or NULL */
	uint32_t ebx1;              /* CPUID 1: brand index, CLFLUSH line */
	const uint32_t (*leaf4)[4]; /* caches, ended by a row of zeros, or NULL */
	uint32_t ext_l2;            /* CPUID 80000006h ECX */
	unsigned phys_bits;         /* of physical addresses */
	unsigned mc_banks;          /* machine-check banks, with MCA */
	uint32_t microcode;         /* revision of the update that a BIOS has loaded */
	unsigned platform_id;       /* IA32_PLATFORM_ID bits 52 to 50 */
};

/* NULL when there is none of that name. */
const struct cpu_model *cpu_model_find(const char *name);
/* The i-th model, NULL past the end. */
const struct cpu_model *cpu_model_at(unsigned i);
/* "pentium3" */
const struct cpu_model *cpu_model_default(void);

#endif
