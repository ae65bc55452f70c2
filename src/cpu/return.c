/* Far returns and IRET.  SDM vol. 2, RET and IRET/IRETD. */
#include "cpu/descriptor.h"
#include "cpu/task.h"
#include "cpu/v86.h"

/* Flags that IRET may change at this CPL; before the return.  SDM vol. 2, IRET. */
static uint32_t iret_mask(const struct vcpu *v, unsigned size)
{
	uint32_t mask = FLAGS_NATIVE | FLAG_TF | FLAG_NT;

	if (size == 4)
		mask |= FLAG_RF | FLAG_AC | FLAG_ID;
	if (v->cpl <= vcpu_iopl(v))
		mask |= FLAG_IF;
	if (v->cpl == 0) {
		mask |= FLAG_IOPL;
		if (size == 4)
			mask |= FLAG_VIF | FLAG_VIP;
	}
	return mask;
}

static void flags_merge(struct vcpu *v, uint32_t value, uint32_t mask)
{
	vcpu_eflags_set(v, (vcpu_eflags(v) & ~mask) | (value & mask));
}

/* The checks of a popped CS.  *code is valid for a return to its RPL. */
static bool return_code(struct vcpu *v, uint16_t sel, struct descriptor *code, struct trap *t)
{
	unsigned rpl = sel & SEL_RPL;
	uint32_t attr;

	if (sel_null(sel))
		return fail(t, VEC_GP, 0);
	if (!desc_fetch(v, sel, VEC_GP, 0, code, t))
		return false;
	attr = desc_attr(code);
	if (!attr_code(attr) || rpl < v->cpl ||
	    (attr_conforming(attr) ? attr_dpl(attr) > rpl : attr_dpl(attr) != rpl))
		return fail(t, VEC_GP, sel_error(sel, 0));
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, 0));
	return true;
}

/* Data segments that the outer level may not use become null; so do null
 * selectors with an RPL, as on silicon. */
static void drop_inner_segments(struct vcpu *v)
{
	static const uint8_t data[] = {SREG_ES, SREG_DS, SREG_FS, SREG_GS};

	for (unsigned i = 0; i < sizeof(data); i++) {
		struct segment *s = &v->seg[data[i]];

		if ((s->attr & SEG_UNUSABLE) ||
		    (!attr_conforming(s->attr) && attr_dpl(s->attr) < v->cpl))
			segment_null(s, 0);
	}
}

/* A popped frame at work: s is the old stack, skip the bytes of it read. */
struct far_frame {
	uint32_t eip;
	uint16_t cs;
	unsigned size;
	unsigned skip;
	unsigned release; /* RET n: bytes of parameters, on both stacks */
};

static bool return_same(struct vcpu *v, const struct far_frame *f, struct descriptor *code,
                        struct trap *t)
{
	struct stack s = stack_current(v, 0);

	if (f->eip > desc_limit(code))
		return fail(t, VEC_GP, 0);
	if (!desc_access(v, code, t))
		return false;
	stack_move(&s, f->skip + f->release);
	v->gpr[ESP] = s.sp;
	code_commit(v, code, f->cs, v->cpl, f->eip);
	return true;
}

static bool return_outer(struct vcpu *v, const struct far_frame *f, struct descriptor *code,
                         struct trap *t)
{
	struct stack inner = stack_current(v, 0);
	unsigned rpl = f->cs & SEL_RPL;
	struct segment ss;
	struct stack outer;
	uint32_t frame[2]; /* ESP, SS */

	if (!stack_peek(v, &inner, f->skip + f->release, frame, 2, f->size, t) ||
	    !segment_prepare_stack(v, frame[1], rpl, VEC_GP, 0, &ss, t))
		return false;
	if (f->eip > desc_limit(code))
		return fail(t, VEC_GP, 0);
	if (!desc_access(v, code, t))
		return false;
	/* With a 16-bit stack the upper half of ESP stays the inner one's. */
	outer = stack_of(&ss, v->gpr[ESP], rpl, 0);
	outer.sp = (outer.sp & ~outer.mask) | (frame[0] & outer.mask);
	stack_move(&outer, f->release);
	v->seg[SREG_SS] = ss;
	v->gpr[ESP] = outer.sp;
	code_commit(v, code, f->cs, rpl, f->eip);
	drop_inner_segments(v);
	return true;
}

static bool return_protected(struct vcpu *v, const struct far_frame *f, struct trap *t)
{
	struct descriptor code;

	if (!return_code(v, f->cs, &code, t))
		return false;
	if ((f->cs & SEL_RPL) > v->cpl)
		return return_outer(v, f, &code, t);
	return return_same(v, f, &code, t);
}

static bool return_unprotected(struct vcpu *v, const struct far_frame *f, struct trap *t)
{
	struct stack s = stack_current(v, 0);

	if (f->eip > v->seg[SREG_CS].limit)
		return fail(t, VEC_GP, 0);
	stack_move(&s, f->skip + f->release);
	v->gpr[ESP] = s.sp;
	segment_set_unprotected(v, SREG_CS, f->cs);
	v->eip = f->eip;
	return true;
}

bool cpu_far_return(struct vcpu *v, unsigned opsize, unsigned pop_bytes, struct trap *t)
{
	struct stack s = stack_current(v, 0);
	uint32_t frame[2]; /* EIP, CS */
	struct far_frame f;

	if (!stack_peek(v, &s, 0, frame, 2, opsize, t))
		return false;
	f = (struct far_frame){frame[0], frame[1], opsize, 2 * opsize, pop_bytes};
	return mode_protected(v) ? return_protected(v, &f, t) : return_unprotected(v, &f, t);
}

/* IRET to virtual-8086 mode.  frame is EIP CS EFLAGS ESP SS ES DS FS GS. */
static bool iret_v86(struct vcpu *v, const struct stack *s, uint32_t *frame, struct trap *t)
{
	static const uint8_t order[] = {SREG_SS, SREG_ES, SREG_DS, SREG_FS, SREG_GS};

	if (!stack_peek(v, s, 12, frame + 3, 6, 4, t))
		return false;
	if (frame[0] > 0xffff)
		return fail(t, VEC_GP, 0);
	vcpu_eflags_set(v, frame[2]);
	segment_set_v86(&v->seg[SREG_CS], frame[1]);
	for (unsigned i = 0; i < sizeof(order); i++)
		segment_set_v86(&v->seg[order[i]], frame[4 + i]);
	v->gpr[ESP] = frame[3];
	v->eip = frame[0];
	v->cpl = 3;
	return v86_enter(v, t);
}

static bool iret_task(struct vcpu *v, uint32_t next, struct trap *t)
{
	const struct segment *tr = &v->seg[SREG_TR];
	struct task_switch s = {.how = TASK_IRET, .eip = next, .eflags = vcpu_eflags(v)};
	struct descriptor d;
	unsigned type;

	if (!mem_read(v, tr->base, &s.sel, sizeof(s.sel), PRIV_SUPERVISOR, t))
		return false;
	if (s.sel & SEL_TI)
		return fail(t, VEC_TS, sel_error(s.sel, 0));
	if (!desc_fetch(v, s.sel, VEC_TS, 0, &d, t))
		return false;
	type = attr_system(desc_attr(&d));
	if (type != SYS_TSS16_BUSY && type != SYS_TSS32_BUSY)
		return fail(t, VEC_TS, sel_error(s.sel, 0));
	if (!(desc_attr(&d) & SEG_P))
		return fail(t, VEC_NP, sel_error(s.sel, 0));
	return task_switch(v, &s, &d, t);
}

bool cpu_iret(struct vcpu *v, unsigned opsize, uint32_t next, struct trap *t)
{
	struct stack s = stack_current(v, 0);
	uint32_t mask = iret_mask(v, opsize);
	uint32_t frame[9]; /* EIP, CS, EFLAGS, and what each form adds */
	struct far_frame f;
	bool ok;

	if (v86_traps(v, opsize))
		return fail(t, VEC_GP, 0);
	if (mode_protected(v) && (v->vflags & FLAG_NT))
		return iret_task(v, next, t);
	if (!stack_peek(v, &s, 0, frame, 3, opsize, t))
		return false;
	f = (struct far_frame){frame[0], frame[1], opsize, 3 * opsize, 0};
	if (!mode_protected(v)) {
		mask &= ~(uint32_t)(FLAG_VIF | FLAG_VIP);
		ok = v86_flags_load(v, &frame[2], &mask, t) && return_unprotected(v, &f, t);
	} else if (opsize == 4 && (frame[2] & FLAG_VM) && v->cpl == 0) {
		return iret_v86(v, &s, frame, t);
	} else {
		ok = return_protected(v, &f, t);
	}
	if (!ok)
		return false;
	flags_merge(v, frame[2], mask);
	return v86_enter(v, t);
}
