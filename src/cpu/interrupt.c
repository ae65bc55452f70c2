/* Delivery of interrupts and exceptions.  SDM vol. 3, ch. 6; vol. 2, INT n. */
#include "cpu/descriptor.h"
#include "cpu/task.h"
#include "cpu/v86.h"

struct event {
	enum intr_kind kind;
	uint8_t vector;
	bool has_error;
	uint32_t error;
	uint32_t eip;    /* to push */
	uint32_t eflags; /* to push */
};

static bool is_software(const struct event *e)
{
	return e->kind == INTR_SOFTWARE || e->kind == INTR_INT_N;
}

/* EXT: clear only while a software interrupt is delivered.  SDM vol. 3, 6.13. */
static uint32_t event_ext(const struct event *e)
{
	return is_software(e) ? 0 : ERR_EXT;
}

static bool deliver_real(struct vcpu *v, const struct event *e, struct trap *t)
{
	const uint32_t frame[] = {e->eip, v->seg[SREG_CS].selector, e->eflags};
	struct stack s = stack_current(v, 0);
	uint16_t entry[2];

	if (e->vector * 4u + 3 > v->idtr.limit)
		return fail(t, VEC_GP, 0);
	if (!mem_read(v, v->idtr.base + e->vector * 4u, entry, sizeof(entry), PRIV_SUPERVISOR, t) ||
	    !stack_push(v, &s, frame, 3, 2, t))
		return false;
	v->gpr[ESP] = s.sp;
	segment_set_real(&v->seg[SREG_CS], entry[1]);
	v->eip = entry[0];
	v->if_flag = 0;
	v->vflags &= ~(uint32_t)(FLAG_TF | FLAG_RF | FLAG_AC);
	return true;
}

static void enter_handler(struct vcpu *v, const struct descriptor *gate,
                          const struct descriptor *code, unsigned cpl)
{
	code_commit(v, code, gate_selector(gate), cpl, gate_offset(gate));
	if (!(desc_attr(gate) & 1)) /* an interrupt gate */
		v->if_flag = 0;
	v->vflags &= ~(uint32_t)(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM);
}

/* The part of the frame that every form has; returns how many items. */
static unsigned frame_common(const struct vcpu *v, const struct event *e, uint32_t *frame)
{
	unsigned n = 0;

	if (e->has_error)
		frame[n++] = e->error;
	frame[n++] = e->eip;
	frame[n++] = v->seg[SREG_CS].selector;
	frame[n++] = e->eflags;
	return n;
}

static bool deliver_same(struct vcpu *v, const struct event *e, const struct descriptor *gate,
                         struct descriptor *code, struct trap *t)
{
	uint32_t ext = event_ext(e);
	struct stack s = stack_current(v, ext);
	uint32_t frame[4];
	unsigned size = desc_attr(gate) & SYS_32 ? 4 : 2;
	unsigned n = frame_common(v, e, frame);

	if (gate_offset(gate) > desc_limit(code))
		return stack_room(&s, n, size, t) && fail(t, VEC_GP, ext);
	if (!stack_push(v, &s, frame, n, size, t) || !desc_access(v, code, t))
		return false;
	v->gpr[ESP] = s.sp;
	enter_handler(v, gate, code, v->cpl);
	return true;
}

static bool deliver_inner(struct vcpu *v, const struct event *e, const struct descriptor *gate,
                          struct descriptor *code, struct trap *t)
{
	static const uint8_t v86_saved[] = {SREG_ES, SREG_DS, SREG_FS, SREG_GS};
	unsigned dpl = attr_dpl(desc_attr(code));
	bool v86 = v->vflags & FLAG_VM;
	uint32_t ext = event_ext(e);
	uint32_t frame[10], esp;
	unsigned size = desc_attr(gate) & SYS_32 ? 4 : 2;
	struct segment ss;
	struct stack s;
	unsigned n;

	if (!stack_inner(v, dpl, ext, 8, &ss, &esp, t))
		return false;
	n = frame_common(v, e, frame);
	frame[n++] = v->gpr[ESP];
	frame[n++] = v->seg[SREG_SS].selector;
	for (unsigned i = 0; v86 && i < sizeof(v86_saved); i++)
		frame[n++] = v->seg[v86_saved[i]].selector;
	s = stack_of(&ss, esp, dpl, sel_error(ss.selector, ext));
	if (gate_offset(gate) > desc_limit(code))
		return stack_room(&s, n, size, t) && fail(t, VEC_GP, ext);
	if (!stack_push(v, &s, frame, n, size, t) || !desc_access(v, code, t))
		return false;
	for (unsigned i = 0; v86 && i < sizeof(v86_saved); i++)
		segment_null(&v->seg[v86_saved[i]], 0);
	v->seg[SREG_SS] = ss;
	v->gpr[ESP] = s.sp;
	enter_handler(v, gate, code, dpl);
	return true;
}

static bool deliver_task(struct vcpu *v, const struct event *e, const struct descriptor *gate,
                         struct trap *t)
{
	const struct task_switch s = {
		.how = TASK_CALL,
		.sel = gate_selector(gate),
		.eip = e->eip,
		.eflags = e->eflags,
		.ext = event_ext(e),
		.has_error = e->has_error,
		.error = e->error,
	};
	struct descriptor tss;

	return task_gate_fetch(v, s.sel, s.ext, &tss, t) && task_switch(v, &s, &tss, t);
}

static bool deliver(struct vcpu *v, const struct event *e, struct trap *t)
{
	uint32_t ext = event_ext(e);
	uint32_t gate_error = e->vector * 8u | ERR_IDT | ext;
	struct descriptor gate, code;
	uint32_t raw[2], attr;
	unsigned dpl;
	uint16_t sel;

	if (!(v->cr0 & CR0_PE))
		return deliver_real(v, e, t);
	if ((v->vflags & FLAG_VM) && e->kind == INTR_INT_N) {
		bool redirected;

		if (!v86_interrupt(v, e->vector, e->eip, &redirected, t))
			return false;
		if (redirected)
			return true;
	}
	if (e->vector * 8u + 7 > v->idtr.limit)
		return fail(t, VEC_GP, gate_error);
	if (!mem_read(v, v->idtr.base + e->vector * 8u, raw, sizeof(raw), PRIV_SUPERVISOR, t))
		return false;
	gate.lo = raw[0];
	gate.hi = raw[1];
	attr = desc_attr(&gate);
	switch (attr_system(attr)) {
	case SYS_TASK_GATE:
	case SYS_INT16:
	case SYS_TRAP16:
	case SYS_INT32:
	case SYS_TRAP32:
		break;
	default:
		return fail(t, VEC_GP, gate_error);
	}
	if (is_software(e) && attr_dpl(attr) < v->cpl)
		return fail(t, VEC_GP, gate_error);
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, gate_error);
	if (attr_system(attr) == SYS_TASK_GATE)
		return deliver_task(v, e, &gate, t);

	sel = gate_selector(&gate);
	if (sel_null(sel))
		return fail(t, VEC_GP, ext);
	if (!desc_fetch(v, sel, VEC_GP, ext, &code, t))
		return false;
	attr = desc_attr(&code);
	dpl = attr_dpl(attr);
	if (!attr_code(attr) || dpl > v->cpl)
		return fail(t, VEC_GP, sel_error(sel, ext));
	if (!(attr & SEG_P))
		return fail(t, VEC_NP, sel_error(sel, ext));
	if ((v->vflags & FLAG_VM) && (attr_conforming(attr) || dpl != 0))
		return fail(t, VEC_GP, sel_error(sel, ext));
	if (attr_conforming(attr) || dpl == v->cpl)
		return deliver_same(v, e, &gate, &code, t);
	return deliver_inner(v, e, &gate, &code, t);
}

/* Faults push RF = 1, so that an instruction breakpoint does not hit again when
 * the handler returns; traps, aborts and interrupts push it as it stands.
 * SDM vol. 3, 17.3.1.1. */
static bool is_fault(uint8_t vector, uint32_t dr6)
{
	switch (vector) {
	case VEC_DB:
		return dr6 & DR6_BD;
	case VEC_NMI:
	case VEC_BP:
	case VEC_OF:
	case VEC_DF:
	case VEC_MC:
		return false;
	default:
		return true;
	}
}

static struct event exception_event(const struct vcpu *v, const struct trap *t)
{
	return (struct event){
		.kind = INTR_EXCEPTION,
		.vector = t->vector,
		.has_error = t->has_error,
		.error = t->error,
		.eip = v->eip,
		.eflags = vcpu_eflags(v) | (is_fault(t->vector, t->dr6) ? FLAG_RF : 0),
	};
}

bool cpu_interrupt(struct vcpu *v, enum intr_kind kind, uint8_t vector, bool has_error,
                   uint32_t error, struct trap *t)
{
	const struct trap what = {.vector = vector, .has_error = has_error, .error = error};
	struct event e = exception_event(v, &what);

	e.kind = kind;
	if (kind != INTR_EXCEPTION)
		e.eflags = vcpu_eflags(v);
	return deliver(v, &e, t);
}

enum trap_class { BENIGN, CONTRIBUTORY, PAGE_FAULT };

/* SDM vol. 3, table 6-4. */
static enum trap_class trap_class(uint8_t vector)
{
	switch (vector) {
	case VEC_PF:
		return PAGE_FAULT;
	case VEC_DE:
	case VEC_TS:
	case VEC_NP:
	case VEC_SS:
	case VEC_GP:
		return CONTRIBUTORY;
	default:
		return BENIGN;
	}
}

/* SDM vol. 3, table 6-5. */
static bool doubles(uint8_t first, uint8_t second)
{
	return trap_class(second) != BENIGN &&
	       (trap_class(first) == PAGE_FAULT ||
	        (trap_class(first) == CONTRIBUTORY && trap_class(second) == CONTRIBUTORY));
}

/* Deliveries in a row before others get a look. */
enum { TURNS = 16 };

bool cpu_exception(struct vcpu *v, const struct trap *first)
{
	struct trap t = *first;

	v->delivering = false;
	if (t.vector == VEC_PF)
		v->cr2 = t.cr2.v;
	for (unsigned turn = 0; turn < TURNS; turn++) {
		struct event e;
		struct trap second;

		if (t.vector == VEC_DB) {
			v->dr[6] |= t.dr6;
			v->dr[7] &= ~(uint32_t)DR7_GD;
		}
		e = exception_event(v, &t);
		if (deliver(v, &e, &second))
			return true;
		if (second.vector == VEC_PF) /* even if it becomes a #DF */
			v->cr2 = second.cr2.v;
		if (t.vector == VEC_DF && trap_class(second.vector) != BENIGN)
			return false;
		t = doubles(t.vector, second.vector) ? trap_error(VEC_DF, 0) : second;
	}
	/* Benign ones after benign ones: a processor, too, delivers them for ever. */
	v->exception = t;
	v->delivering = true;
	return true;
}

bool cpu_external(struct vcpu *v, uint8_t vector)
{
	struct trap t;

	return cpu_interrupt(v, INTR_EXTERNAL, vector, false, 0, &t) || cpu_exception(v, &t);
}

bool cpu_software(struct vcpu *v, enum intr_kind kind, uint8_t vector, uint32_t next)
{
	const struct event e = {
		.kind = kind,
		.vector = vector,
		.eip = next,
		.eflags = vcpu_eflags(v) & ~(uint32_t)FLAG_RF,
	};
	struct trap t;

	return deliver(v, &e, &t) || cpu_exception(v, &t);
}
