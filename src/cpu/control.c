/* Control and debug registers, SYSENTER and SYSEXIT. */
#include "cpu/descriptor.h"

enum {
	CR0_LOW = CR0_PE | CR0_MP | CR0_EM | CR0_TS, /* of LMSW */
};

static const uint32_t cr0_defined = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP |
                                    CR0_AM | CR0_NW | CR0_CD | CR0_PG;

/* Changes that the MMU must know of, or that latch the PDPTEs anew.
 * SDM vol. 3, 4.4.1 and 4.10.4.1. */
static const uint32_t cr0_paging = CR0_WP | CR0_NW | CR0_CD | CR0_PG;
static const uint32_t cr4_paging = CR4_PSE | CR4_PAE | CR4_PGE;

static uint32_t cr4_defined(const struct cpu_model *m)
{
	static const struct {
		uint32_t isa, bits;
	} rows[] = {
		{ISA_VME, CR4_VME | CR4_PVI}, {ISA_TSC, CR4_TSD}, {ISA_DE, CR4_DE},
		{ISA_PSE, CR4_PSE},           {ISA_PAE, CR4_PAE}, {ISA_MCE, CR4_MCE},
		{ISA_PGE, CR4_PGE},           {ISA_PMC, CR4_PCE}, {ISA_FXSR, CR4_OSFXSR},
		{ISA_SSE, CR4_OSXMMEXCPT},
	};
	uint32_t bits = 0;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (m->isa & rows[i].isa)
			bits |= rows[i].bits;
	}
	return bits;
}

/* Puts a new value into *reg; back to the old one when the MMU refuses it. */
static bool paging_write(struct vcpu *v, uint32_t *reg, uint32_t value, bool load, struct trap *t)
{
	uint32_t old = *reg;

	*reg = value;
	if (!load || v->env.paging_load(v->env.ctx, reg == &v->cr3, t))
		return true;
	*reg = old;
	return false;
}

/* No segment is null outside of protected mode, where a load changes the base alone.  The manuals do
 * not say what becomes of one: SDM vol. 3, 9.9.2, step 4 asks that none be. */
static void leave_null(struct vcpu *v)
{
	for (unsigned i = SREG_ES; i <= SREG_GS; i++) {
		if (!(v->seg[i].attr & SEG_UNUSABLE))
			continue;
		v->seg[i].limit = 0xffff;
		v->seg[i].attr = SEG_P | SEG_S | SEG_WRITE | SEG_ACCESSED;
	}
}

static bool cr0_write(struct vcpu *v, uint32_t value, struct trap *t)
{
	if (v->model->isa & ISA_486)
		value = (value & cr0_defined) | CR0_ET;
	else
		value &= CR0_LOW | CR0_ET | CR0_PG;
	if ((value & CR0_PG) && !(value & CR0_PE))
		return fail(t, VEC_GP, 0);
	if ((value & CR0_NW) && !(value & CR0_CD))
		return fail(t, VEC_GP, 0);
	if (!paging_write(v, &v->cr0, value, (v->cr0 ^ value) & cr0_paging, t))
		return false;
	if (!(value & CR0_PE))
		leave_null(v);
	return true;
}

static bool exists(const struct vcpu *v, unsigned n)
{
	return n == 0 || n == 2 || n == 3 || (n == 4 && v->model->isa & ISA_CPUID);
}

bool cpu_cr_write(struct vcpu *v, unsigned n, uint32_t value, struct trap *t)
{
	if (!exists(v, n))
		return fail_plain(t, VEC_UD);
	if (!cpu_need_cpl0(v, t))
		return false;
	switch (n) {
	case 0:
		return cr0_write(v, value, t);
	case 2:
		v->cr2 = value;
		return true;
	case 3:
		return paging_write(v, &v->cr3, value, true, t);
	default:
		if (value & ~cr4_defined(v->model))
			return fail(t, VEC_GP, 0);
		return paging_write(v, &v->cr4, value, (v->cr4 ^ value) & cr4_paging, t);
	}
}

bool cpu_cr_read(struct vcpu *v, unsigned n, uint32_t *value, struct trap *t)
{
	if (!exists(v, n))
		return fail_plain(t, VEC_UD);
	if (!cpu_need_cpl0(v, t))
		return false;
	*value = n == 0 ? v->cr0 : n == 2 ? v->cr2 : n == 3 ? v->cr3 : v->cr4;
	return true;
}

/* LMSW can set PE but not clear it. */
bool cpu_lmsw(struct vcpu *v, uint16_t value, struct trap *t)
{
	if (!cpu_need_cpl0(v, t))
		return false;
	v->cr0 = (v->cr0 & ~(uint32_t)(CR0_LOW & ~CR0_PE)) | (value & CR0_LOW);
	return true;
}

bool cpu_clts(struct vcpu *v, struct trap *t)
{
	if (!cpu_need_cpl0(v, t))
		return false;
	v->cr0 &= ~CR0_TS;
	return true;
}

/* The number of the register meant, after the checks that reads and writes
 * share.  SDM vol. 2, MOV debug registers. */
static bool dr_select(struct vcpu *v, unsigned *n, struct trap *t)
{
	if (*n == 4 || *n == 5) {
		if (v->cr4 & CR4_DE)
			return fail_plain(t, VEC_UD);
		*n += 2;
	}
	if (!cpu_need_cpl0(v, t))
		return false;
	if (v->dr[7] & DR7_GD) {
		*t = trap_plain(VEC_DB);
		t->dr6 = DR6_BD;
		return false;
	}
	return true;
}

bool cpu_dr_write(struct vcpu *v, unsigned n, uint32_t value, struct trap *t)
{
	if (!dr_select(v, &n, t))
		return false;
	if (n == 6)
		value = (value & ~0x1000u) | DR6_FIXED;
	else if (n == 7)
		value = (value & ~0xd800u) | DR7_FIXED;
	v->dr[n] = value;
	return true;
}

bool cpu_dr_read(struct vcpu *v, unsigned n, uint32_t *value, struct trap *t)
{
	if (!dr_select(v, &n, t))
		return false;
	*value = v->dr[n];
	return true;
}

bool cpu_dr_get(const struct vcpu *v, unsigned n, enum dr_kind *kind, uint32_t *at, uint32_t *len)
{
	static const uint8_t lengths[] = {1, 2, 8, 4};

	*kind = v->dr[7] >> (16 + 4 * n) & 3;
	*len = *kind == DR_EXECUTE ? 1 : lengths[v->dr[7] >> (18 + 4 * n) & 3];
	*at = v->dr[n] & -*len;
	return (v->dr[7] >> (2 * n) & 3) && (*kind != DR_IO || v->cr4 & CR4_DE);
}

/* B0 to B3 for enabled breakpoints of the kinds (a bit per R/W value) that
 * overlap [a, a+size).  SDM vol. 3, 17.2.5. */
static uint32_t dr_hits(const struct vcpu *v, uint32_t a, uint32_t size, unsigned kinds)
{
	uint32_t hits = 0, at, len;
	enum dr_kind kind;

	for (unsigned i = 0; i < 4; i++)
		if (cpu_dr_get(v, i, &kind, &at, &len) && (kinds >> kind & 1) &&
		    (a - at < len || at - a < size))
			hits |= (uint32_t)DR6_B0 << i;
	return hits;
}

uint32_t cpu_dr_match(const struct vcpu *v, gla_t a, unsigned size, bool write)
{
	return dr_hits(v, a.v, size, 1 << DR_ACCESS | (write ? 1 << DR_STORE : 0));
}

uint32_t cpu_dr_match_code(const struct vcpu *v, gla_t a)
{
	return dr_hits(v, a.v, 1, 1 << DR_EXECUTE);
}

uint32_t cpu_dr_match_io(const struct vcpu *v, uint16_t port, unsigned size)
{
	return dr_hits(v, port, size, 1 << DR_IO);
}

static void fast_segment(struct segment *s, uint16_t sel, unsigned type, unsigned dpl)
{
	*s = (struct segment){.limit = 0xffffffff,
	                      .attr = type | SEG_S | dpl << SEG_DPL_SHIFT | SEG_P | SEG_DB | SEG_G,
	                      .selector = sel};
}

/* CS by a fixed descriptor, SS by the one after it. */
static void fast_enter(struct vcpu *v, uint16_t cs, unsigned cpl, uint32_t eip, uint32_t esp)
{
	fast_segment(&v->seg[SREG_CS], cs | cpl, SEG_CODE | SEG_READ | SEG_ACCESSED, cpl);
	fast_segment(&v->seg[SREG_SS], (cs + 8) | cpl, SEG_WRITE | SEG_ACCESSED, cpl);
	v->cpl = cpl;
	v->eip = eip;
	v->gpr[ESP] = esp;
}

bool cpu_sysenter(struct vcpu *v, struct trap *t)
{
	uint16_t cs = v->sysenter_cs & ~SEL_RPL;

	if (!(v->cr0 & CR0_PE) || cs == 0)
		return fail(t, VEC_GP, 0);
	v->if_flag = 0;
	v->vflags &= ~(uint32_t)(FLAG_VM | FLAG_RF);
	fast_enter(v, cs, 0, v->sysenter_eip, v->sysenter_esp);
	return true;
}

bool cpu_sysexit(struct vcpu *v, struct trap *t)
{
	uint16_t cs = v->sysenter_cs & ~SEL_RPL;

	if (!mode_protected(v) || cs == 0 || v->cpl != 0)
		return fail(t, VEC_GP, 0);
	fast_enter(v, cs + 16, 3, v->gpr[EDX], v->gpr[ECX]);
	return true;
}
