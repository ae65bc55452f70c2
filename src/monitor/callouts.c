/* The instructions that are done in C: one function each, in the table at the end. */
#include "monitor/gate.h"

typedef enum callout_result callout_fn(struct monitor *m, uint32_t packed, uint64_t operand);
#define CO(name)                                                                                   \
	static enum callout_result co_##name(struct monitor *m, uint32_t packed, uint64_t operand)
#define TRAP (&m->fault.trap)

static inline void next_eip(struct monitor *m, uint32_t packed)
{
	m->v->eip += CALLOUT_LEN(packed);
}

static enum callout_result done(struct monitor *m, uint32_t packed)
{
	next_eip(m, packed);
	return RESUME;
}

/* The same, but the mode or the window may have changed. */
static enum callout_result done_dirty(struct monitor *m, uint32_t packed)
{
	next_eip(m, packed);
	m->state_dirty = true;
	return NEXT;
}

static enum callout_result jumped(struct monitor *m)
{
	m->state_dirty = true;
	return NEXT;
}

static enum callout_result fault(struct monitor *m, enum vector v, bool error)
{
	m->fault.trap = error ? trap_error(v, 0) : trap_plain(v);
	return FAULTED;
}

static void set_gpr(struct vcpu *v, unsigned r, uint32_t value, unsigned size)
{
	v->gpr[r] = size == 2 ? (v->gpr[r] & 0xffff0000) | (value & 0xffff) : value;
}

/* Memory operands by segment and offset. */
static bool ea_read(struct monitor *m, uint32_t packed, uint32_t off, void *dst, unsigned n)
{
	enum sreg s = CALLOUT_SEG(packed);
	gla_t a = gla(m->v->seg[s].base + off);
	return cpu_seg_check(m->v, s, off, n, false, TRAP) && guest_operand(m, a, n, false, TRAP) &&
	       guest_read(m, a, dst, n, at_user(m), TRAP);
}

static bool ea_write(struct monitor *m, uint32_t packed, uint32_t off, const void *src, unsigned n)
{
	enum sreg s = CALLOUT_SEG(packed);
	gla_t a = gla(m->v->seg[s].base + off);
	return cpu_seg_check(m->v, s, off, n, true, TRAP) && guest_operand(m, a, n, true, TRAP) &&
	       guest_write(m, a, src, n, at_user(m), TRAP);
}

/* --- the stack --- */

static uint32_t stack_offset(const struct vcpu *v, uint32_t sp)
{
	return vcpu_stack32(v) ? sp : sp & 0xffff;
}

static void stack_set(struct vcpu *v, uint32_t sp)
{
	v->gpr[ESP] = vcpu_stack32(v) ? sp : (v->gpr[ESP] & 0xffff0000) | (sp & 0xffff);
}

static bool stack_access(struct monitor *m, uint32_t sp, void *data, unsigned n, bool write)
{
	struct vcpu *v = m->v;
	uint32_t off = stack_offset(v, sp);
	gla_t a = gla(v->seg[SREG_SS].base + off);
	if (!cpu_seg_check(v, SREG_SS, off, n, write, TRAP) || !guest_operand(m, a, n, write, TRAP))
		return false;
	return write ? guest_write(m, a, data, n, at_user(m), TRAP)
	             : guest_read(m, a, data, n, at_user(m), TRAP);
}

/* --- traps and checks --- */

CO(TRAP)
{
	return fault(m, CALLOUT_ARG(packed), CALLOUT_SIZE(packed));
}

CO(PENDING)
{
	m->v->inhibit = CALLOUT_ARG(packed) ? SHADOW_STI : 0;
	return NEXT;
}

CO(PRE)
{
	return redirect_pre(m, packed, (uint32_t)operand);
}

CO(POST)
{
	return redirect_post(m);
}

CO(SEGCHECK)
{
	unsigned arg = CALLOUT_ARG(packed);
	bool ok = cpu_seg_check(m->v, CALLOUT_SEG(packed), (uint32_t)operand, arg & 0x3ff,
	                        arg >> 10 & 1, TRAP);
	return ok ? RESUME_MID : FAULTED;
}

CO(CSLIMIT)
{
	return (uint32_t)operand > m->v->seg[SREG_CS].limit ? fault(m, VEC_GP, true) : RESUME_MID;
}

CO(STRING)
{
	return string_run(m, packed);
}

/* --- integer --- */

/* SDM vol. 2, AAA, AAD, AAM, AAS, DAA, DAS.  Undefined flags are left as the
 * result's. */
CO(BCD)
{
	struct vcpu *v = m->v;
	uint8_t al = (uint8_t)v->gpr[EAX], ah = (uint8_t)(v->gpr[EAX] >> 8);
	bool af = v->flags & FLAG_AF, cf = v->flags & FLAG_CF, low = (al & 15) > 9 || af;
	uint8_t base = (uint8_t)operand, old = al;
	uint32_t f = 0;

	switch (CALLOUT_ARG(packed)) {
	case 0x27:   /* DAA */
	case 0x2f: { /* DAS */
		int sign = CALLOUT_ARG(packed) == 0x27 ? 1 : -1;
		bool carry = old > 0x99 || cf;
		if (low) {
			/* The borrow or carry out of the low step counts too. */
			if (sign > 0 ? al > 0xff - 6 : al < 6)
				f |= FLAG_CF;
			al += sign * 6;
			f |= FLAG_AF;
		}
		if (cf)
			f |= FLAG_CF;
		if (carry) {
			al += sign * 0x60;
			f |= FLAG_CF;
		} else if (sign > 0) {
			f &= ~(uint32_t)FLAG_CF;
		}
		break;
	}
	case 0x37: /* AAA */
	case 0x3f: /* AAS */
		if (low) {
			uint16_t ax = (uint16_t)(ah << 8 | al);
			ax += CALLOUT_ARG(packed) == 0x37 ? 0x106 : -0x106;
			al = (uint8_t)ax;
			ah = ax >> 8;
			f |= FLAG_AF | FLAG_CF;
		}
		al &= 15;
		break;
	case 0xd4: /* AAM */
		if (!base)
			return fault(m, VEC_DE, false);
		ah = al / base;
		al = al % base;
		break;
	case 0xd5: /* AAD */
		al = (uint8_t)(al + ah * base);
		ah = 0;
		break;
	}
	if (!al)
		f |= FLAG_ZF;
	if (al & 0x80)
		f |= FLAG_SF;
	if (!__builtin_parity(al))
		f |= FLAG_PF;
	v->flags = (v->flags & FLAG_DF) | f;
	v->gpr[EAX] = (v->gpr[EAX] & 0xffff0000) | (uint32_t)ah << 8 | al;
	return done(m, packed);
}

CO(BOUND)
{
	unsigned n = CALLOUT_SIZE(packed);
	uint32_t r = m->v->gpr[CALLOUT_ARG(packed)];
	int32_t pair[2];
	int16_t pair16[2];
	uint32_t ea = (uint32_t)operand;
	if (n == 4) {
		if (!ea_read(m, packed, ea, &pair[0], 4) ||
		    !ea_read(m, packed, ea + 4, &pair[1], 4))
			return FAULTED;
		return (int32_t)r < pair[0] || (int32_t)r > pair[1] ? fault(m, VEC_BR, false)
		                                                    : done(m, packed);
	}
	if (!ea_read(m, packed, ea, &pair16[0], 2) || !ea_read(m, packed, ea + 2, &pair16[1], 2))
		return FAULTED;
	return (int16_t)r < pair16[0] || (int16_t)r > pair16[1] ? fault(m, VEC_BR, false)
	                                                        : done(m, packed);
}

/* SDM vol. 2, ENTER. */
CO(ENTER)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed), level = CALLOUT_ARG(packed);
	uint32_t sp = v->gpr[ESP] - n, bp = v->gpr[EBP], frame = sp, slot;

	if (!stack_access(m, sp, &v->gpr[EBP], n, true))
		return FAULTED;
	for (unsigned i = 1; i < level; i++) {
		bp -= n;
		sp -= n;
		if (!stack_access(m, bp, &slot, n, false) || !stack_access(m, sp, &slot, n, true))
			return FAULTED;
	}
	if (level) {
		sp -= n;
		slot = vcpu_stack32(v) ? frame : (v->gpr[ESP] & 0xffff0000) | (frame & 0xffff);
		if (!stack_access(m, sp, &slot, n, true))
			return FAULTED;
	}
	sp -= (uint32_t)operand;
	/* A write at the new top must be possible. */
	uint32_t off = stack_offset(v, sp);
	gla_t top = gla(v->seg[SREG_SS].base + off);
	if (!cpu_seg_check(v, SREG_SS, off, n, true, TRAP) ||
	    !guest_aligned(m, top, n, true, TRAP) ||
	    !guest_probe_write(m, top, n, at_user(m), TRAP))
		return FAULTED;
	stack_set(v, sp);
	set_gpr(v, EBP, frame, vcpu_stack32(v) ? n : 2);
	return done(m, packed);
}

CO(ARPL)
{
	struct vcpu *v = m->v;
	unsigned arg = CALLOUT_ARG(packed);
	uint16_t src = (uint16_t)v->gpr[arg & 7], dst;
	bool reg = arg >> 6 & 1;

	if (!(v->cr0 & CR0_PE) || v->vflags & FLAG_VM)
		return fault(m, VEC_UD, false);
	if (reg)
		dst = (uint16_t)v->gpr[arg >> 3 & 7];
	else if (!ea_read(m, packed, (uint32_t)operand, &dst, 2))
		return FAULTED;
	if ((dst & 3) < (src & 3)) {
		dst = (dst & ~3) | (src & 3);
		if (reg)
			set_gpr(v, arg >> 3 & 7, dst, 2);
		else if (!ea_write(m, packed, (uint32_t)operand, &dst, 2))
			return FAULTED;
		v->flags |= FLAG_ZF;
	} else {
		v->flags &= ~(uint32_t)FLAG_ZF;
	}
	return done(m, packed);
}

/* --- interrupts and far transfers --- */

static enum callout_result software(struct monitor *m, uint32_t packed, uint8_t vector)
{
	if (log_on(LOG_INT))
		gate_log(m, "int %02x at %08x eax=%08x", vector, m->v->eip, m->v->gpr[EAX]);
	m->soft_int = true;
	if (!cpu_software(m->v, vector, m->v->eip + CALLOUT_LEN(packed)))
		monitor_stop(m, END_TRIPLE, 1);
	return jumped(m);
}

CO(INT)
{
	return software(m, packed, CALLOUT_ARG(packed));
}

CO(INT3)
{
	return software(m, packed, VEC_BP);
}

CO(INTO)
{
	return software(m, packed, VEC_OF);
}

CO(INT1)
{
	next_eip(m, packed);
	return fault(m, VEC_DB, false);
}

CO(IRET)
{
	bool ok = cpu_iret(m->v, CALLOUT_SIZE(packed), m->v->eip + CALLOUT_LEN(packed), TRAP);
	return ok ? jumped(m) : FAULTED;
}

CO(FAR_JMP)
{
	bool ok = cpu_far_jump(m->v, operand >> 32, (uint32_t)operand, CALLOUT_SIZE(packed),
	                       m->v->eip + CALLOUT_LEN(packed), TRAP);
	return ok ? jumped(m) : FAULTED;
}

CO(FAR_CALL)
{
	bool ok = cpu_far_call(m->v, operand >> 32, (uint32_t)operand, CALLOUT_SIZE(packed),
	                       m->v->eip + CALLOUT_LEN(packed), TRAP);
	return ok ? jumped(m) : FAULTED;
}

static bool far_pointer(struct monitor *m, uint32_t packed, uint32_t ea, uint32_t *off,
                        uint16_t *sel)
{
	unsigned n = CALLOUT_SIZE(packed);
	*off = 0;
	return ea_read(m, packed, ea, off, n) && ea_read(m, packed, ea + n, sel, 2);
}

CO(FAR_JMP_MEM)
{
	uint32_t off;
	uint16_t sel;
	if (!far_pointer(m, packed, (uint32_t)operand, &off, &sel))
		return FAULTED;
	return co_FAR_JMP(m, packed, (uint64_t)sel << 32 | off);
}

CO(FAR_CALL_MEM)
{
	uint32_t off;
	uint16_t sel;
	if (!far_pointer(m, packed, (uint32_t)operand, &off, &sel))
		return FAULTED;
	return co_FAR_CALL(m, packed, (uint64_t)sel << 32 | off);
}

CO(RETF)
{
	bool ok = cpu_far_return(m->v, CALLOUT_SIZE(packed), (unsigned)operand, TRAP);
	return ok ? jumped(m) : FAULTED;
}

CO(SYSENTER)
{
	return cpu_sysenter(m->v, TRAP) ? jumped(m) : FAULTED;
}

CO(SYSEXIT)
{
	return cpu_sysexit(m->v, TRAP) ? jumped(m) : FAULTED;
}

/* --- ports, HLT, flags --- */

/* The platform switches tsc_exits while it handles a port. */
static bool tsc_mode_changed(const struct monitor *m)
{
	return m->v->tsc_exits != !!(m->modes[m->mode].bits & MODE_TSC_EXITS);
}

CO(IN)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint16_t port = (uint16_t)operand;
	if (!cpu_io_check(v, port, n, TRAP))
		return FAULTED;
	stats.io_reads++;
	m->debug_hits |= cpu_dr_match_io(v, port, n);
	uint32_t value = gate_io_read(m, port, n);
	if (log_on(LOG_IO))
		gate_log(m, "in %04x.%u = %x at %08x", port, n, value, v->eip);
	if (n == 1)
		v->gpr[EAX] = (v->gpr[EAX] & ~0xffu) | (value & 0xff);
	else
		set_gpr(v, EAX, value, n);
	interrupt_line_update(m);
	return tsc_mode_changed(m) ? done_dirty(m, packed) : done(m, packed);
}

CO(OUT)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint16_t port = (uint16_t)operand;
	uint32_t value = n == 4 ? v->gpr[EAX] : v->gpr[EAX] & ((1u << 8 * n) - 1);
	if (!cpu_io_check(v, port, n, TRAP))
		return FAULTED;
	stats.io_writes++;
	if (log_on(LOG_IO))
		gate_log(m, "out %04x.%u = %x at %08x", port, n, value, v->eip);
	m->debug_hits |= cpu_dr_match_io(v, port, n);
	gate_io_write(m, port, n, value);
	interrupt_line_update(m);
	return done(m, packed);
}

void wait_for_interrupt(struct monitor *m)
{
	struct vcpu *v = m->v;
	uint32_t eip = v->eip;
	if (!v->if_flag) {
		monitor_stop(m, END_HALT, 0);
		return;
	}
	interrupt_line_update(m);
	while (m->end == END_RUNNING && !(v->pending & PENDING_INTR) && v->eip == eip) {
		stats.halts++;
		gate_wait(m);
		interrupt_line_update(m);
		debug_halted(m);
	}
}

CO(HLT)
{
	next_eip(m, packed);
	if (!(m->v->vflags & FLAG_TF)) /* whose trap ends it at once */
		wait_for_interrupt(m);
	return NEXT;
}

/* CLI and STI above IOPL.  SDM vol. 2, table 3-7: PVI keeps a virtual flag. */
static enum callout_result virtual_if(struct monitor *m, uint32_t packed, bool on)
{
	struct vcpu *v = m->v;
	if (v->cpl != 3 || v->vflags & FLAG_VM || !(v->cr4 & CR4_PVI) ||
	    (on && v->vflags & FLAG_VIP))
		return fault(m, VEC_GP, true);
	v->vflags = on ? v->vflags | FLAG_VIF : v->vflags & ~(uint32_t)FLAG_VIF;
	return done(m, packed);
}

CO(CLI)
{
	return virtual_if(m, packed, false);
}

CO(STI)
{
	return virtual_if(m, packed, true);
}

CO(PUSHF)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint32_t f = vcpu_eflags(v) & ~(uint32_t)(FLAG_VM | FLAG_RF);
	if (v->vflags & FLAG_VM && vcpu_iopl(v) < 3)
		return fault(m, VEC_GP, true);
	if (!stack_access(m, v->gpr[ESP] - n, &f, n, true))
		return FAULTED;
	stack_set(v, v->gpr[ESP] - n);
	return done(m, packed);
}

CO(POPF)
{
	struct vcpu *v = m->v;
	unsigned n = CALLOUT_SIZE(packed);
	uint32_t f = 0;
	if (v->vflags & FLAG_VM && vcpu_iopl(v) < 3)
		return fault(m, VEC_GP, true);
	if (!stack_access(m, v->gpr[ESP], &f, n, false))
		return FAULTED;
	stack_set(v, v->gpr[ESP] + n);
	cpu_popf(v, f, n);
	return done_dirty(m, packed);
}

/* --- segments --- */

/* A segment register has been loaded: goes on in the unit if the mode is the same. */
static enum callout_result segment_loaded(struct monitor *m, uint32_t packed, enum sreg s)
{
	if (s == SREG_SS) {
		m->v->inhibit = SHADOW_SS;
		return done_dirty(m, packed);
	}
	if (mode_seg_class(m->v, s) != mode_class(m->modes[m->mode].bits, s))
		return done_dirty(m, packed);
	x87_note_segments(m);
	return done(m, packed);
}

CO(MOV_SREG)
{
	enum sreg s = CALLOUT_SEG(packed);
	if (!cpu_seg_load(m->v, s, (uint16_t)operand, TRAP))
		return FAULTED;
	return segment_loaded(m, packed, s);
}

CO(POP_SREG)
{
	enum sreg s = CALLOUT_SEG(packed);
	struct vcpu *v = m->v;
	uint32_t sp = v->gpr[ESP] + CALLOUT_SIZE(packed);
	bool wide = vcpu_stack32(v);
	if (!cpu_seg_load(v, s, (uint16_t)operand, TRAP))
		return FAULTED;
	v->gpr[ESP] = wide ? sp : (v->gpr[ESP] & 0xffff0000) | (sp & 0xffff);
	return segment_loaded(m, packed, s);
}

CO(LOAD_FAR)
{
	unsigned arg = CALLOUT_ARG(packed);
	uint32_t off;
	uint16_t sel;
	if (!far_pointer(m, packed, (uint32_t)operand, &off, &sel) ||
	    !cpu_seg_load(m->v, arg & 7, sel, TRAP))
		return FAULTED;
	set_gpr(m->v, arg >> 3 & 7, off, CALLOUT_SIZE(packed));
	return done_dirty(m, packed);
}

/* LGDT, LIDT: 24 bits of base with a 16-bit operand.  Store: all of it. */
static enum callout_result table_load(struct monitor *m, uint32_t packed, uint32_t ea,
                                      struct table_reg *r)
{
	uint16_t limit;
	uint32_t base;
	if (!ea_read(m, packed, ea, &limit, 2) || !ea_read(m, packed, ea + 2, &base, 4))
		return FAULTED;
	r->limit = limit;
	r->base = CALLOUT_SIZE(packed) == 2 ? base & 0xffffff : base;
	return done(m, packed);
}

static enum callout_result table_store(struct monitor *m, uint32_t packed, uint32_t ea,
                                       const struct table_reg *r)
{
	uint8_t image[6];
	__builtin_memcpy(image, &r->limit, 2);
	__builtin_memcpy(image + 2, &r->base, 4);
	return ea_write(m, packed, ea, image, 6) ? done(m, packed) : FAULTED;
}

CO(LGDT)
{
	return table_load(m, packed, (uint32_t)operand, &m->v->gdtr);
}

CO(LIDT)
{
	return table_load(m, packed, (uint32_t)operand, &m->v->idtr);
}

CO(SGDT)
{
	return table_store(m, packed, (uint32_t)operand, &m->v->gdtr);
}

CO(SIDT)
{
	return table_store(m, packed, (uint32_t)operand, &m->v->idtr);
}

static bool is_protected(const struct vcpu *v)
{
	return v->cr0 & CR0_PE && !(v->vflags & FLAG_VM);
}

CO(LLDT)
{
	if (!is_protected(m->v))
		return fault(m, VEC_UD, false);
	return cpu_lldt(m->v, (uint16_t)operand, TRAP) ? done(m, packed) : FAULTED;
}

CO(LTR)
{
	if (!is_protected(m->v))
		return fault(m, VEC_UD, false);
	return cpu_ltr(m->v, (uint16_t)operand, TRAP) ? done(m, packed) : FAULTED;
}

static enum callout_result store_reg(struct monitor *m, uint32_t packed, uint32_t value)
{
	set_gpr(m->v, CALLOUT_ARG(packed), value, CALLOUT_SIZE(packed));
	return done(m, packed);
}

static enum callout_result store_mem(struct monitor *m, uint32_t packed, uint32_t ea,
                                     uint32_t value)
{
	return ea_write(m, packed, ea, &value, 2) ? done(m, packed) : FAULTED;
}

CO(SLDT_REG)
{
	return is_protected(m->v) ? store_reg(m, packed, m->v->seg[SREG_LDTR].selector)
	                          : fault(m, VEC_UD, false);
}

CO(STR_REG)
{
	return is_protected(m->v) ? store_reg(m, packed, m->v->seg[SREG_TR].selector)
	                          : fault(m, VEC_UD, false);
}

CO(SMSW_REG)
{
	return store_reg(m, packed, m->v->cr0);
}

CO(SLDT_MEM)
{
	return is_protected(m->v)
	               ? store_mem(m, packed, (uint32_t)operand, m->v->seg[SREG_LDTR].selector)
	               : fault(m, VEC_UD, false);
}

CO(STR_MEM)
{
	return is_protected(m->v)
	               ? store_mem(m, packed, (uint32_t)operand, m->v->seg[SREG_TR].selector)
	               : fault(m, VEC_UD, false);
}

CO(SMSW_MEM)
{
	return store_mem(m, packed, (uint32_t)operand, m->v->cr0);
}

static enum callout_result visible(struct monitor *m, uint32_t packed, bool ok, bool faulted,
                                   uint32_t value, bool store)
{
	struct vcpu *v = m->v;
	if (faulted)
		return FAULTED;
	if (ok && store)
		set_gpr(v, CALLOUT_ARG(packed), value, CALLOUT_SIZE(packed));
	v->flags = ok ? v->flags | FLAG_ZF : v->flags & ~(uint32_t)FLAG_ZF;
	return done(m, packed);
}

CO(LAR)
{
	uint32_t value = 0;
	bool faulted = false, ok = cpu_lar(m->v, (uint16_t)operand, &value, &faulted, TRAP);
	return visible(m, packed, ok, faulted, value, true);
}

CO(LSL)
{
	uint32_t value = 0;
	bool faulted = false, ok = cpu_lsl(m->v, (uint16_t)operand, &value, &faulted, TRAP);
	return visible(m, packed, ok, faulted, value, true);
}

CO(VERR)
{
	bool faulted = false, ok = cpu_verr(m->v, (uint16_t)operand, &faulted, TRAP);
	return visible(m, packed, ok, faulted, 0, false);
}

CO(VERW)
{
	bool faulted = false, ok = cpu_verw(m->v, (uint16_t)operand, &faulted, TRAP);
	return visible(m, packed, ok, faulted, 0, false);
}

/* --- control, debug and model-specific registers --- */

CO(LMSW)
{
	return cpu_lmsw(m->v, (uint16_t)operand, TRAP) ? done_dirty(m, packed) : FAULTED;
}

CO(CLTS)
{
	return cpu_clts(m->v, TRAP) ? done_dirty(m, packed) : FAULTED;
}

CO(MOV_CR_R)
{
	unsigned cr = CALLOUT_ARG(packed) & 7;
	if (cr == 3)
		stats.cr3_loads++;
	if (!cpu_cr_write(m->v, cr, (uint32_t)operand, TRAP))
		return FAULTED;
	if (log_on(LOG_MMU))
		gate_log(m, "cr%u = %08x at %08x", cr, (uint32_t)operand, m->v->eip);
	return done_dirty(m, packed);
}

CO(MOV_R_CR)
{
	uint32_t value;
	if (!cpu_cr_read(m->v, CALLOUT_ARG(packed) & 7, &value, TRAP))
		return FAULTED;
	m->v->gpr[CALLOUT_ARG(packed) >> 3] = value;
	return done(m, packed);
}

CO(MOV_DR_R)
{
	if (!cpu_dr_write(m->v, CALLOUT_ARG(packed) & 7, (uint32_t)operand, TRAP))
		return FAULTED;
	return done_dirty(m, packed);
}

CO(MOV_R_DR)
{
	uint32_t value;
	if (!cpu_dr_read(m->v, CALLOUT_ARG(packed) & 7, &value, TRAP))
		return FAULTED;
	m->v->gpr[CALLOUT_ARG(packed) >> 3] = value;
	return done(m, packed);
}

CO(INVLPG)
{
	mmu_invlpg(m->mmu, gla(m->v->seg[CALLOUT_SEG(packed)].base + (uint32_t)operand));
	return done(m, packed);
}

CO(WBINVD)
{
	return done(m, packed);
}

/* A signal may change tsc_minus at any time. */
static uint64_t guest_tsc(const struct vcpu *v)
{
	int64_t minus;
	uint64_t tsc;
	do {
		minus = __atomic_load_n(&v->tsc_minus, __ATOMIC_RELAXED);
		tsc = __builtin_ia32_rdtsc();
	} while (minus != __atomic_load_n(&v->tsc_minus, __ATOMIC_RELAXED));
	return tsc + (uint64_t)minus;
}

CO(RDTSC)
{
	struct vcpu *v = m->v;
	uint64_t tsc = gate_tsc(m) + (uint64_t)v->tsc_minus;
	v->tsc_read = tsc;
	v->gpr[EAX] = (uint32_t)tsc;
	v->gpr[EDX] = (uint32_t)(tsc >> 32);
	return tsc_mode_changed(m) ? done_dirty(m, packed) : done(m, packed);
}

CO(RDMSR)
{
	struct vcpu *v = m->v;
	uint64_t value, tsc = guest_tsc(v);
	if (!cpu_rdmsr(v, v->gpr[ECX], tsc, &value, TRAP))
		return FAULTED;
	if (value == tsc)
		v->tsc_read = tsc;
	v->gpr[EAX] = (uint32_t)value;
	v->gpr[EDX] = (uint32_t)(value >> 32);
	return done(m, packed);
}

CO(WRMSR)
{
	struct vcpu *v = m->v;
	if (!cpu_wrmsr(v, v->gpr[ECX], guest_tsc(v), (uint64_t)v->gpr[EDX] << 32 | v->gpr[EAX],
	               TRAP))
		return FAULTED;
	return done_dirty(m, packed);
}

/* No performance counters: #GP for every index.  SDM vol. 2, RDPMC. */
CO(RDPMC)
{
	return fault(m, VEC_GP, true);
}

CO(CPUID)
{
	struct vcpu *v = m->v;
	uint32_t out[4];
	cpu_cpuid(v, v->gpr[EAX], v->gpr[ECX], out);
	v->gpr[EAX] = out[0];
	v->gpr[EBX] = out[1];
	v->gpr[ECX] = out[2];
	v->gpr[EDX] = out[3];
	return done(m, packed);
}

/* --- stored x87 environments (x87.c) --- */

CO(FNSTENV)
{
	uint8_t image[28];
	fpu_save_pointers(m);
	unsigned n = x87_environment(m, CALLOUT_SIZE(packed), image);
	if (!ea_write(m, packed, (uint32_t)operand, image, n))
		return FAULTED;
	m->fpu[0] |= 0x3f;
	return done(m, packed);
}

CO(FNSAVE)
{
	uint8_t image[108];
	fpu_save_pointers(m);
	unsigned n = x87_environment(m, CALLOUT_SIZE(packed), image), top = m->fpu[3] >> 3 & 7;
	for (unsigned i = 0; i < 8; i++)
		__builtin_memcpy(image + n + 10 * i, m->fpu + 32 + 16 * i, 10);
	if (!ea_write(m, packed, (uint32_t)operand, image, n + 80))
		return FAULTED;
	/* FNINIT: the registers stay where they are, ST(0) is again the first. */
	for (unsigned i = 0; i < 8; i++)
		__builtin_memcpy(m->fpu + 32 + 16 * ((i + top) & 7), image + n + 10 * i, 10);
	__builtin_memset(m->fpu, 0, 24);
	m->fpu[0] = 0x7f;
	m->fpu[1] = 0x03;
	return done(m, packed);
}

/* The 32-bit form ends after XMM7: the rest of the area is not written. */
CO(FXSAVE)
{
	static const uint32_t mxcsr_mask = 0xffff; /* not what else the host has */
	uint8_t image[288];
	uint32_t ea = (uint32_t)operand;
	if ((m->v->seg[CALLOUT_SEG(packed)].base + ea) & 15)
		return fault(m, VEC_GP, true);
	fpu_save_pointers(m);
	__builtin_memcpy(image, m->fpu, 288);
	__builtin_memcpy(image + 28, &mxcsr_mask, 4);
	return ea_write(m, packed, ea, image, 288) ? done(m, packed) : FAULTED;
}

static callout_fn *const table[] = {
#define CALLOUT(name) co_##name,
#include "translator/callouts.inc"
#undef CALLOUT
};

enum callout_result callout_run(struct monitor *m, uint32_t packed, uint64_t operand)
{
	m->callout_counts[CALLOUT_ID(packed)]++;
	stats.callouts++;
	return table[CALLOUT_ID(packed)](m, packed, operand);
}
