/* The mode key: everything outside a unit's bytes that its translation depends on.
 * Neither EIP nor CS.base is: see ARCHITECTURE.md. */
#ifndef UNRING_CPU_MODE_H
#define UNRING_CPU_MODE_H

#include "cpu/vcpu.h"

/* How translated code reaches a segment. */
enum seg_class {
	CLASS_FLAT,    /* base 0, limit 4 GiB, readable and writable; in protected mode alone */
	CLASS_BASED,   /* the same with a base, or with any that a load there may give */
	CLASS_LIMITED, /* anything else: each access is checked, by v->native.reach */
	CLASS_DOWN,    /* the same of a segment that expands down */
};

enum {
	MODE_CPL = 3 << 0,
	MODE_CODE32 = 1 << 2,  /* CS.D */
	MODE_STACK32 = 1 << 3, /* SS.B */
	MODE_PE = 1 << 4,
	MODE_VM = 1 << 5,
	MODE_TS = 1 << 6,
	MODE_EM = 1 << 7,
	MODE_MP = 1 << 8,
	MODE_OSFXSR = 1 << 9,
	MODE_TSD = 1 << 10,
	MODE_IF = 1 << 11, /* CPL <= IOPL: CLI and STI change IF, and need no further check */
	MODE_TF = 1 << 12,
	MODE_64K = 1 << 13,     /* not protected, and no segment is shorter than 64 KiB */
	MODE_AC = 1 << 14,      /* alignment checks are on: CR0.AM, EFLAGS.AC, CPL 3 */
	MODE_CSLIMIT = 1 << 15, /* CS is shorter than 4 GiB */
	MODE_SEG_SHIFT = 16,    /* two bits for each of ES CS SS DS FS GS */
	MODE_TSC_EXITS = 1 << 28,
	MODE_IVT = 1 << 29, /* real mode; all of the IVT is at 0, and INT n clears no AC */
};

struct mode_key {
	uint32_t bits;
	uint32_t cs_limit; /* FFFFFFFFh unless MODE_CSLIMIT; a unit may serve several */
};

static inline enum seg_class mode_class(uint32_t bits, enum sreg s)
{
	return bits >> (MODE_SEG_SHIFT + 2 * s) & 3;
}

static inline uint32_t mode_with_class(uint32_t bits, enum sreg s, enum seg_class c)
{
	unsigned at = MODE_SEG_SHIFT + 2 * s;
	return (bits & ~(3u << at)) | (uint32_t)c << at;
}

/* Is any segment of the classes that are checked? */
static inline bool mode_limited(uint32_t bits)
{
	return bits & 0xaaau << MODE_SEG_SHIFT;
}

static inline unsigned mode_cpl(uint32_t bits)
{
	return bits & MODE_CPL;
}

/* Protected mode, and not its virtual-8086 form? */
static inline bool mode_protected(const struct vcpu *v)
{
	return v->cr0 & CR0_PE && !(v->vflags & FLAG_VM);
}

/* The same by the bits of a key. */
static inline bool mode_bits_protected(uint32_t bits)
{
	return (bits & (MODE_PE | MODE_VM)) == MODE_PE;
}

/* The key that the vCPU's state calls for now. */
struct mode_key mode_of(const struct vcpu *v);

/* The class of one segment register. */
enum seg_class mode_seg_class(const struct vcpu *v, enum sreg s);

/* What v->native.reach has to say of a segment register, as the state is now.  SDM vol. 3, 5.3. */
void mode_reach(struct vcpu *v, enum sreg s);

#endif
