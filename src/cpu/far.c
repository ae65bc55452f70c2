/* Far jumps and calls: code segments, call gates, task gates and TSSs; the
 * checks follow the pseudo code of SDM vol. 2, JMP and CALL, line by line. */
#include "cpu/descriptor.h"
#include "cpu/task.h"

struct far_transfer {
	bool call;
	uint16_t sel;
	uint32_t off;
	unsigned size; /* of the operand: 2 or 4 */
	uint32_t next; /* EIP to return to */
};

static bool far_unprotected(struct vcpu *v, const struct far_transfer *f, struct trap *t)
{
	if (f->off > v->seg[SREG_CS].limit)
		return fail(t, VEC_GP, 0);
	if (f->call) {
		const uint32_t frame[] = {f->next, v->seg[SREG_CS].selector};
		struct stack s = stack_current(v, 0);

		if (!stack_push(v, &s, frame, 2, f->size, t))
			return false;
		v->gpr[ESP] = s.sp;
	}
	segment_set_unprotected(v, SREG_CS, f->sel);
	v->eip = f->off;
	return true;
}

/* To a present code segment at the same CPL, directly or through a gate. */
static bool far_same(struct vcpu *v, const struct far_transfer *f, uint16_t sel,
                     struct descriptor *code, uint32_t off, unsigned size, struct trap *t)
{
	struct stack s = stack_current(v, 0);

	if (off > desc_limit(code))
		return (!f->call || stack_room(&s, 2, size, t)) && fail(t, VEC_GP, 0);
	if (f->call) {
		const uint32_t frame[] = {f->next, v->seg[SREG_CS].selector};

		if (!stack_push(v, &s, frame, 2, size, t))
			return false;
	}
	if (!desc_access(v, code, t))
		return false;
	v->gpr[ESP] = s.sp;
	code_commit(v, code, sel, v->cpl, off);
	return true;
}

static bool far_code(struct vcpu *v, const struct far_transfer *f, struct descriptor *d,
                     struct trap *t)
{
	uint32_t attr = desc_attr(d);

	if (attr_conforming(attr)) {
		if (attr_dpl(attr) > v->cpl)
			return fail(t, VEC_GP, sel_error(f->sel, 0));
	} else if ((f->sel & SEL_RPL) > v->cpl || attr_dpl(attr) != v->cpl) {
		return fail(t, VEC_GP, sel_error(f->sel, 0));
	}
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, sel_error(f->sel, 0));
	return far_same(v, f, f->sel, d, f->off, f->size, t);
}

/* A call to more privilege: the parameters go over to the inner stack. */
static bool far_inner(struct vcpu *v, const struct far_transfer *f, const struct descriptor *gate,
                      struct descriptor *code, struct trap *t)
{
	unsigned dpl = attr_dpl(desc_attr(code));
	unsigned size = desc_attr(gate) & SYS_32 ? 4 : 2;
	unsigned params = gate->hi & 0x1f;
	struct stack outer = stack_current(v, 0);
	struct stack inner;
	struct segment ss;
	uint32_t frame[STACK_ITEMS_MAX];
	uint32_t esp;

	if (!stack_inner(v, dpl, 0, 6, &ss, &esp, t))
		return false;
	inner = stack_of(&ss, esp, dpl, sel_error(ss.selector, 0));
	if (gate_offset(gate) > desc_limit(code))
		return stack_room(&inner, 4 + params, size, t) && fail(t, VEC_GP, 0);
	frame[0] = f->next;
	frame[1] = v->seg[SREG_CS].selector;
	if (params && !stack_peek(v, &outer, 0, frame + 2, params, size, t))
		return false;
	frame[2 + params] = v->gpr[ESP];
	frame[3 + params] = v->seg[SREG_SS].selector;
	if (!stack_push(v, &inner, frame, 4 + params, size, t) || !desc_access(v, code, t))
		return false;
	v->seg[SREG_SS] = ss;
	v->gpr[ESP] = inner.sp;
	code_commit(v, code, gate_selector(gate), dpl, gate_offset(gate));
	return true;
}

static bool far_call_gate(struct vcpu *v, const struct far_transfer *f,
                          const struct descriptor *gate, struct trap *t)
{
	uint16_t sel = gate_selector(gate);
	struct descriptor code;
	uint32_t attr;

	if (sel_null(sel))
		return fail(t, VEC_GP, 0);
	if (!desc_fetch(v, sel, VEC_GP, 0, &code, t))
		return false;
	attr = desc_attr(&code);
	if (!attr_code(attr) || attr_dpl(attr) > v->cpl)
		return fail(t, VEC_GP, sel_error(sel, 0));
	if (!f->call && !attr_conforming(attr) && attr_dpl(attr) != v->cpl)
		return fail(t, VEC_GP, sel_error(sel, 0));
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, 0));
	if (f->call && !attr_conforming(attr) && attr_dpl(attr) < v->cpl)
		return far_inner(v, f, gate, &code, t);
	return far_same(v, f, sel, &code, gate_offset(gate), desc_attr(gate) & SYS_32 ? 4 : 2, t);
}

static bool far_task(struct vcpu *v, const struct far_transfer *f, uint16_t tss,
                     const struct descriptor *d, struct trap *t)
{
	const struct task_switch s = {
		.how = f->call ? TASK_CALL : TASK_JUMP,
		.sel = tss,
		.eip = f->next,
		.eflags = vcpu_eflags(v),
	};

	return task_switch(v, &s, d, t);
}

static bool far_transfer(struct vcpu *v, const struct far_transfer *f, struct trap *t)
{
	struct descriptor d, tss;
	uint16_t tss_sel;
	uint32_t attr;

	if (!mode_protected(v))
		return far_unprotected(v, f, t);
	if (sel_null(f->sel))
		return fail(t, VEC_GP, 0);
	if (!desc_fetch(v, f->sel, VEC_GP, 0, &d, t))
		return false;
	attr = desc_attr(&d);
	if (attr_code(attr))
		return far_code(v, f, &d, t);

	switch (attr_system(attr)) {
	case SYS_CALL16:
	case SYS_CALL32:
	case SYS_TASK_GATE:
		break;
	case SYS_TSS16:
	case SYS_TSS32:
		if (!(f->sel & SEL_TI))
			break;
		/* fall through */
	default:
		return fail(t, VEC_GP, sel_error(f->sel, 0));
	}
	if (attr_dpl(attr) < v->cpl || attr_dpl(attr) < (f->sel & SEL_RPL))
		return fail(t, VEC_GP, sel_error(f->sel, 0));
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, sel_error(f->sel, 0));

	switch (attr_system(attr)) {
	case SYS_CALL16:
	case SYS_CALL32:
		return far_call_gate(v, f, &d, t);
	case SYS_TASK_GATE:
		tss_sel = gate_selector(&d);
		return task_gate_fetch(v, tss_sel, 0, &tss, t) && far_task(v, f, tss_sel, &tss, t);
	default:
		return far_task(v, f, f->sel, &d, t);
	}
}

bool cpu_far_jump(struct vcpu *v, uint16_t sel, uint32_t off, unsigned opsize, uint32_t next,
                  struct trap *t)
{
	const struct far_transfer f = {false, sel, opsize == 2 ? off & 0xffff : off, opsize, next};

	return far_transfer(v, &f, t);
}

bool cpu_far_call(struct vcpu *v, uint16_t sel, uint32_t off, unsigned opsize, uint32_t next,
                  struct trap *t)
{
	const struct far_transfer f = {true, sel, opsize == 2 ? off & 0xffff : off, opsize, next};

	return far_transfer(v, &f, t);
}
