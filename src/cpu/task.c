/* Hardware task switches, in the order of the steps of SDM vol. 3, 7.3. */
#include "cpu/task.h"
#include "cpu/v86.h"

/* Offsets in the TSS of the 386 and of the 286.  SDM vol. 3, 7.2.1 and 7.6. */
enum {
	T32_CR3 = 0x1c,
	T32_EIP = 0x20,
	T32_EFLAGS = 0x24,
	T32_GPR = 0x28,
	T32_SEG = 0x48, /* ES CS SS DS FS GS, a dword each */
	T32_LDT = 0x60,
	T32_T = 0x64,
	T32_SIZE = 0x68,
	T16_IP = 0x0e,
	T16_FLAGS = 0x10,
	T16_GPR = 0x12,
	T16_SEG = 0x22, /* ES CS SS DS, a word each */
	T16_LDT = 0x2a,
	T16_SIZE = 0x2c,
};

/* What a TSS holds of a task. */
struct task {
	uint32_t eip, eflags, cr3;
	uint32_t gpr[8];
	uint16_t seg[6];
	uint16_t ldt;
	bool trap;
};

bool task_gate_fetch(struct vcpu *v, uint16_t sel, uint32_t ext, struct descriptor *d,
                     struct trap *t)
{
	unsigned type;

	if (sel_null(sel) || (sel & SEL_TI))
		return fail(t, VEC_GP, sel_error(sel, ext));
	if (!desc_fetch(v, sel, VEC_GP, ext, d, t))
		return false;
	type = attr_system(desc_attr(d));
	if (type != SYS_TSS16 && type != SYS_TSS32)
		return fail(t, VEC_GP, sel_error(sel, ext));
	if (!(desc_attr(d) & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, ext));
	return true;
}

/* Checks before the point of no return: that what will be written can be. */
static bool old_probe(struct vcpu *v, const struct task_switch *s, struct trap *t)
{
	const struct segment *tr = &v->seg[SREG_TR];
	bool wide = tr->attr & SYS_32;
	unsigned from = wide ? T32_EIP : T16_IP;
	unsigned to = wide ? T32_LDT : T16_LDT;

	if (to - 1 > tr->limit)
		return fail(t, VEC_TS, sel_error(tr->selector, s->ext));
	if (!v->env.probe_write(v->env.ctx, gla(tr->base + from), to - from, PRIV_SUPERVISOR, t))
		return false;
	return s->how == TASK_CALL ||
	       v->env.probe_write(v->env.ctx, gla(v->gdtr.base + (tr->selector & ~7u) + 5), 1,
	                          PRIV_SUPERVISOR, t);
}

static bool new_probe(struct vcpu *v, const struct task_switch *s, const struct segment *tss,
                      const struct descriptor *d, struct trap *t)
{
	if (s->how != TASK_IRET &&
	    !v->env.probe_write(v->env.ctx, gla(d->at.v + 5), 1, PRIV_SUPERVISOR, t))
		return false;
	return s->how != TASK_CALL ||
	       v->env.probe_write(v->env.ctx, gla(tss->base), 2, PRIV_SUPERVISOR, t);
}

static bool task_read(struct vcpu *v, const struct segment *tss, struct task *k, struct trap *t)
{
	uint32_t image[T32_SIZE / 4];
	unsigned size = tss->attr & SYS_32 ? T32_SIZE : T16_SIZE;
	const uint8_t *bytes = (const uint8_t *)image;
	const uint16_t *words = (const uint16_t *)image;

	for (unsigned at = 0; at < size; at += 4) {
		if (!mem_read(v, tss->base + at, &image[at / 4], 4, PRIV_SUPERVISOR, t))
			return false;
	}
	if (size == T32_SIZE) {
		k->cr3 = image[T32_CR3 / 4];
		k->eip = image[T32_EIP / 4];
		k->eflags = image[T32_EFLAGS / 4];
		for (unsigned i = 0; i < 8; i++)
			k->gpr[i] = image[T32_GPR / 4 + i];
		for (unsigned i = 0; i < 6; i++)
			k->seg[i] = image[T32_SEG / 4 + i];
		k->ldt = image[T32_LDT / 4];
		k->trap = bytes[T32_T] & 1;
		return true;
	}
	k->cr3 = v->cr3;
	k->eip = words[T16_IP / 2];
	k->eflags = words[T16_FLAGS / 2];
	/* The manual is silent on the upper halves; silicon fills them with ones. */
	for (unsigned i = 0; i < 8; i++)
		k->gpr[i] = 0xffff0000 | words[T16_GPR / 2 + i];
	for (unsigned i = 0; i < 4; i++)
		k->seg[i] = words[T16_SEG / 2 + i];
	k->seg[SREG_FS] = k->seg[SREG_GS] = 0;
	k->ldt = words[T16_LDT / 2];
	k->trap = false;
	return true;
}

static bool task_save(struct vcpu *v, const struct task_switch *s, uint32_t eflags, struct trap *t)
{
	const struct segment *tr = &v->seg[SREG_TR];
	bool wide = tr->attr & SYS_32;
	unsigned size = wide ? 4 : 2;
	uint32_t a = tr->base + (wide ? T32_EIP : T16_IP);
	uint32_t regs[10] = {s->eip, eflags};

	for (unsigned i = 0; i < 8; i++)
		regs[2 + i] = v->gpr[i];
	for (unsigned i = 0; i < 10; i++, a += size) {
		if (!mem_write(v, a, &regs[i], size, PRIV_SUPERVISOR, t))
			return false;
	}
	for (unsigned i = 0; i < (wide ? 6 : 4); i++, a += size) {
		if (!mem_write(v, a, &v->seg[i].selector, 2, PRIV_SUPERVISOR, t))
			return false;
	}
	return true;
}

static bool busy_set(struct vcpu *v, gla_t descriptor, bool busy, struct trap *t)
{
	uint8_t byte;

	if (!mem_read(v, descriptor.v + 5, &byte, 1, PRIV_SUPERVISOR, t))
		return false;
	byte = busy ? byte | TSS_BUSY : byte & ~TSS_BUSY;
	return mem_write(v, descriptor.v + 5, &byte, 1, PRIV_SUPERVISOR, t);
}

/* The new task's LDT, in the order of SDM vol. 3, table 7-1. */
static bool load_ldt(struct vcpu *v, uint16_t sel, uint32_t ext, struct trap *t)
{
	struct descriptor d;

	if (sel_null(sel))
		return true;
	if (sel & SEL_TI)
		return fail(t, VEC_TS, sel_error(sel, ext));
	if (!desc_fetch(v, sel, VEC_TS, ext, &d, t))
		return false;
	if (attr_system(desc_attr(&d)) != SYS_LDT || !(desc_attr(&d) & SEG_P))
		return fail(t, VEC_TS, sel_error(sel, ext));
	segment_set(&v->seg[SREG_LDTR], sel, &d);
	return true;
}

static bool load_code(struct vcpu *v, uint16_t sel, uint32_t ext, struct trap *t)
{
	unsigned rpl = sel & SEL_RPL;
	struct descriptor d;
	uint32_t attr;

	if (sel_null(sel))
		return fail(t, VEC_TS, ext);
	if (!desc_fetch(v, sel, VEC_TS, ext, &d, t))
		return false;
	attr = desc_attr(&d);
	if (!attr_code(attr) ||
	    (attr_conforming(attr) ? attr_dpl(attr) > rpl : attr_dpl(attr) != rpl))
		return fail(t, VEC_TS, sel_error(sel, ext));
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, ext));
	if (!desc_access(v, &d, t))
		return false;
	segment_set(&v->seg[SREG_CS], sel, &d);
	return true;
}

static bool load_segments(struct vcpu *v, const struct task *k, uint32_t ext, struct trap *t)
{
	static const uint8_t data[] = {SREG_DS, SREG_ES, SREG_FS, SREG_GS};

	if (!load_ldt(v, k->ldt, ext, t))
		return false;
	if (v->vflags & FLAG_VM) {
		for (unsigned i = 0; i < 6; i++)
			segment_set_v86(&v->seg[i], k->seg[i]);
		return true;
	}
	if (!load_code(v, k->seg[SREG_CS], ext, t) ||
	    !segment_prepare_stack(v, k->seg[SREG_SS], v->cpl, VEC_TS, ext, &v->seg[SREG_SS], t))
		return false;
	for (unsigned i = 0; i < sizeof(data); i++) {
		if (!segment_prepare_data(v, k->seg[data[i]], v->cpl, VEC_TS, ext, &v->seg[data[i]],
		                          t))
			return false;
	}
	return true;
}

/* Everything but descriptors: from here on, faults are the new task's. */
static bool task_commit(struct vcpu *v, const struct task_switch *s, const struct task *k,
                        const struct segment *tss, struct trap *t)
{
	bool ok = true;

	v->seg[SREG_TR] = *tss;
	for (unsigned i = 0; i < 8; i++)
		v->gpr[i] = k->gpr[i];
	v->eip = k->eip;
	vcpu_eflags_set(v, k->eflags | (s->how == TASK_CALL ? FLAG_NT : 0));
	v->cpl = v->vflags & FLAG_VM ? 3 : k->seg[SREG_CS] & SEL_RPL;
	for (unsigned i = 0; i < 6; i++)
		segment_null(&v->seg[i], k->seg[i]);
	segment_null(&v->seg[SREG_LDTR], k->ldt);
	v->cr0 |= CR0_TS;
	v->dr[7] &= ~(uint32_t)DR7_LOCAL;
	if ((v->cr0 & CR0_PG) && (tss->attr & SYS_32)) {
		uint32_t old = v->cr3;

		v->cr3 = k->cr3;
		ok = v->env.paging_load(v->env.ctx, true, t);
		if (!ok)
			v->cr3 = old;
	}
	return ok;
}

static bool push_error(struct vcpu *v, const struct task_switch *s, struct trap *t)
{
	struct stack stack = stack_current(v, s->ext);

	if (!stack_push(v, &stack, &s->error, 1, v->seg[SREG_TR].attr & SYS_32 ? 4 : 2, t))
		return false;
	v->gpr[ESP] = stack.sp;
	return true;
}

bool task_switch(struct vcpu *v, const struct task_switch *s, const struct descriptor *d,
                 struct trap *t)
{
	gla_t old_descriptor = gla(v->gdtr.base + (v->seg[SREG_TR].selector & ~7u));
	uint16_t old_selector = v->seg[SREG_TR].selector;
	uint32_t eflags = s->eflags;
	struct segment tss;
	struct task k;

	segment_set(&tss, s->sel, d);
	tss.attr |= TSS_BUSY;
	if (tss.limit < (tss.attr & SYS_32 ? T32_SIZE : T16_SIZE) - 1u)
		return fail(t, VEC_TS, sel_error(s->sel, s->ext));
	if (!old_probe(v, s, t) || !new_probe(v, s, &tss, d, t) || !task_read(v, &tss, &k, t))
		return false;

	if (s->how == TASK_IRET)
		eflags &= ~(uint32_t)FLAG_NT;
	if (s->how != TASK_CALL && !busy_set(v, old_descriptor, false, t))
		return false;
	if (!task_save(v, s, eflags, t))
		return false;
	if (s->how == TASK_CALL &&
	    !mem_write(v, tss.base, &old_selector, sizeof(old_selector), PRIV_SUPERVISOR, t))
		return false;
	if (s->how != TASK_IRET && !busy_set(v, d->at, true, t))
		return false;

	if (!task_commit(v, s, &k, &tss, t) || !load_segments(v, &k, s->ext, t))
		return false;
	if (s->has_error && !push_error(v, s, t))
		return false;
	if (v->eip > v->seg[SREG_CS].limit)
		return fail(t, VEC_GP, s->ext);
	if (k.trap) {
		*t = trap_plain(VEC_DB);
		t->dr6 = DR6_BT;
		return false;
	}
	return v86_enter(v, t);
}
