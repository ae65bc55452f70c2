/* The vCPU: architectural state, and beside it the few cells that translated
 * code reads through r15.  Emitted code takes every offset from here
 * (offsetof), so the hot cells come first and the layout is asserted.
 *
 * Guest flags live apart:
 *   flags    CF PF AF ZF SF OF DF, as an EFLAGS image (in host RFLAGS while
 *            translated code runs; here at every exit)
 *   if_flag  IF alone: 0 or 200h
 *   vflags   TF IOPL NT RF VM AC VIF VIP ID, never loaded into the host
 * vcpu_eflags() and vcpu_eflags_set() put them together and apart. */
#ifndef UNRING_CPU_VCPU_H
#define UNRING_CPU_VCPU_H

#include "abi/native.h"
#include "base/types.h"
#include "cpu/trap.h"

enum gpr { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum sreg { SREG_ES, SREG_CS, SREG_SS, SREG_DS, SREG_FS, SREG_GS, SREG_LDTR, SREG_TR };

enum {
	FLAG_CF = 1 << 0,
	FLAG_1 = 1 << 1,
	FLAG_PF = 1 << 2,
	FLAG_AF = 1 << 4,
	FLAG_ZF = 1 << 6,
	FLAG_SF = 1 << 7,
	FLAG_TF = 1 << 8,
	FLAG_IF = 1 << 9,
	FLAG_DF = 1 << 10,
	FLAG_OF = 1 << 11,
	FLAG_IOPL = 3 << 12,
	FLAG_NT = 1 << 14,
	FLAG_RF = 1 << 16,
	FLAG_VM = 1 << 17,
	FLAG_AC = 1 << 18,
	FLAG_VIF = 1 << 19,
	FLAG_VIP = 1 << 20,
	FLAG_ID = 1 << 21,
	FLAGS_ARITH = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF,
	FLAGS_NATIVE = FLAGS_ARITH | FLAG_DF,
	FLAGS_VIRTUAL = FLAG_TF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC | FLAG_VIF |
	                FLAG_VIP | FLAG_ID,
};

enum {
	CR0_PE = 1u << 0,
	CR0_MP = 1u << 1,
	CR0_EM = 1u << 2,
	CR0_TS = 1u << 3,
	CR0_ET = 1u << 4,
	CR0_NE = 1u << 5,
	CR0_WP = 1u << 16,
	CR0_AM = 1u << 18,
	CR0_NW = 1u << 29,
	CR0_CD = 1u << 30,
	CR0_PG = 1u << 31,
	CR4_VME = 1u << 0,
	CR4_PVI = 1u << 1,
	CR4_TSD = 1u << 2,
	CR4_DE = 1u << 3,
	CR4_PSE = 1u << 4,
	CR4_PAE = 1u << 5,
	CR4_MCE = 1u << 6,
	CR4_PGE = 1u << 7,
	CR4_PCE = 1u << 8,
	CR4_OSFXSR = 1u << 9,
	CR4_OSXMMEXCPT = 1u << 10,
	EFER_NXE = 1u << 11,
};

/* Segment access rights: the descriptor's second dword, bits 8 to 23, shifted
 * to 0 (type 0-3, S 4, DPL 5-6, P 7, AVL 12, D/B 14, G 15), and one bit of
 * ours: the register holds a null selector or nothing usable.  SDM vol. 3, 3.4.5. */
enum {
	SEG_TYPE = 0xf,
	SEG_ACCESSED = 1 << 0,
	SEG_WRITE = 1 << 1, /* data: writable; code: readable */
	SEG_READ = 1 << 1,
	SEG_DOWN = 1 << 2, /* data: expand-down */
	SEG_CONFORMING = 1 << 2,
	SEG_CODE = 1 << 3,
	SEG_S = 1 << 4,
	SEG_DPL_SHIFT = 5,
	SEG_DPL = 3 << 5,
	SEG_P = 1 << 7,
	SEG_AVL = 1 << 12,
	SEG_DB = 1 << 14,
	SEG_G = 1 << 15,
	SEG_UNUSABLE = 1 << 16,
};

/* A segment register with its hidden part; limit is in bytes (already scaled by G). */
struct segment {
	uint32_t base;
	uint32_t limit;
	uint32_t attr;
	uint16_t selector;
	uint16_t pad;
};

struct table_reg {
	uint32_t base;
	uint32_t limit;
};

struct vcpu;
struct cpu_model; /* cpu/model.h */

/* Who asks for a memory access: the guest at its CPL, or the processor itself
 * for a descriptor, a TSS, or a more privileged stack. */
enum priv { PRIV_SUPERVISOR = 0, PRIV_USER = 1 };

/* How src/cpu reaches guest memory: filled in by its user.  Addresses are
 * linear and wrap; size is 1 to 64 and may cross pages.  Each returns false
 * with *t filled when the access faults, and then nothing was written. */
struct cpu_env {
	void *ctx;
	bool (*read)(void *ctx, gla_t a, void *dst, unsigned size, enum priv p, struct trap *t);
	bool (*write)(void *ctx, gla_t a, const void *src, unsigned size, enum priv p,
	              struct trap *t);
	/* Would a write of size bytes (up to a page) succeed? */
	bool (*probe_write)(void *ctx, gla_t a, unsigned size, enum priv p, struct trap *t);
	/* Loads CR0, CR3, CR4 and EFER into the MMU, with the vCPU's fields
	 * already new; false with #GP for a reserved bit in a PDPTE.  cr3: CR3 is loaded, with the
	 * PDPTEs; else they are read anew only for what SDM vol. 3, 4.4.1 names. */
	bool (*paging_load)(void *ctx, bool cr3, struct trap *t);
	/* IA32_APIC_BASE was written. */
	void (*apic_base)(void *ctx, uint64_t value);
};

#define VCPU_MC_BANKS 5 /* the most that a model has */

struct vcpu {
	/* The guest's registers, at every exit of translated code. */
	uint32_t gpr[8];
	uint32_t eip;
	uint32_t flags;   /* FLAGS_NATIVE bits only */
	uint32_t if_flag; /* 0 or FLAG_IF */
	uint32_t vflags;  /* FLAGS_VIRTUAL bits only */

	/* What translated code has beside them: nothing of the guest's. */
	struct native native;

	struct segment seg[8]; /* ES CS SS DS FS GS LDTR TR */
	uint32_t inhibit;      /* interrupt shadow: STI, MOV SS, POP SS */
	uint32_t cr0, cr2, cr3, cr4;
	uint32_t dr[8];
	uint64_t efer;
	struct table_reg gdtr, idtr;
	struct trap exception; /* whose delivery has not ended: cpu_exception */
	bool delivering;       /* there is one */
	uint8_t cpl;
	bool tsc_exits;    /* RDTSC is a callout: the platform looks at the time first */
	uint64_t pdpte[4]; /* latched at the CR3 load.  SDM vol. 3, 4.4.1 */

	/* model-specific registers */
	uint32_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t apic_base, pat, misc_enable, mtrr_def_type;
	uint64_t mtrr_fixed[11], mtrr_var[16];
	uint64_t mcg_status, bios_sign_id;

	const struct cpu_model *model;
	uint32_t flags_absent; /* that the model does not have: AC, ID */
	struct cpu_env env;

	uint64_t mcg_ctl, mc_ctl[VCPU_MC_BANKS], debugctl;

	struct native_far far; /* as `native` */
};

_Static_assert(offsetof(struct vcpu, native.stub) < 128, "hot cells are reached with disp8");

/* The whole EFLAGS image, and its parts set from one.  No checks of privilege. */
static inline uint32_t vcpu_eflags(const struct vcpu *v)
{
	return FLAG_1 | (v->flags & FLAGS_NATIVE) | v->if_flag | v->vflags;
}

static inline void vcpu_eflags_set(struct vcpu *v, uint32_t f)
{
	v->flags = f & FLAGS_NATIVE;
	v->if_flag = f & FLAG_IF;
	v->vflags = f & FLAGS_VIRTUAL & ~v->flags_absent;
}

static inline unsigned vcpu_iopl(const struct vcpu *v)
{
	return v->vflags >> 12 & 3;
}

/* Are IF and the ports the current privilege level's own?  In virtual-8086 mode CPL is 3.  SDM vol. 1,
 * 19.5.1; ports have another rule there. */
static inline bool vcpu_owns_if(const struct vcpu *v)
{
	return v->cpl <= vcpu_iopl(v);
}

static inline bool vcpu_code32(const struct vcpu *v)
{
	return v->seg[SREG_CS].attr & SEG_DB;
}

static inline bool vcpu_stack32(const struct vcpu *v)
{
	return v->seg[SREG_SS].attr & SEG_DB;
}

#endif
