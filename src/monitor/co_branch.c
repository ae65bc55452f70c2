/* Interrupts by software, IRET, far transfers, SYSENTER and SYSEXIT. */
#include "monitor/callouts.h"

/* The state before a far transfer, by which it is known that nothing but CS has changed. */
struct before {
	bool protected;
	uint32_t vflags;
};

static struct before before(const struct monitor *m)
{
	return (struct before){mode_protected(m->v), m->v->vflags};
}

static enum callout_result transferred(struct monitor *m, struct before b)
{
	const struct vcpu *v = m->v;
	uint32_t changed = (v->vflags ^ b.vflags) & ~(uint32_t)FLAG_RF;
	if (b.protected || mode_protected(v) || changed)
		return jumped(m);
	m->code_moved = true;
	return NEXT;
}

static enum callout_result software(struct monitor *m, uint32_t packed, enum intr_kind kind,
                                    uint8_t vector)
{
	if (log_on(LOG_INT))
		gate_log(m, "int %02x at %08x eax=%08x", vector, m->v->eip, m->v->gpr[EAX]);
	m->soft_int = true;
	struct before b = before(m);
	if (!cpu_software(m->v, kind, vector, m->v->eip + CALLOUT_LEN(packed)))
		monitor_stop(m, END_TRIPLE, 1);
	return transferred(m, b);
}

static bool is_watched(const struct monitor_platform *p, uint8_t vector)
{
	return p->int_n && ((vector < 64 && p->int_always >> vector & 1) || *p->int_watched);
}

enum callout_result co_INT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	unsigned arg = CALLOUT_ARG(packed);
	uint8_t vector = arg == INT_LIVE ? (uint8_t)operand : arg;
	if (!mode_protected(m->v) && is_watched(&m->cfg.platform, vector))
		gate_int_n(m, vector);
	return software(m, packed, INTR_INT_N, vector);
}

enum callout_result co_INT3(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return software(m, packed, INTR_SOFTWARE, VEC_BP);
}

enum callout_result co_INTO(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return software(m, packed, INTR_SOFTWARE, VEC_OF);
}

enum callout_result co_INT1(struct monitor *m, uint32_t packed, uint64_t operand)
{
	next_eip(m, packed);
	return fault(m, VEC_DB, false);
}

enum callout_result co_IRET(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct before b = before(m);
	m->nmi_blocked = false; /* even if it faults */
	bool ok = cpu_iret(m->v, CALLOUT_SIZE(packed), m->v->eip + CALLOUT_LEN(packed), TRAP);
	return ok ? transferred(m, b) : FAULTED;
}

enum callout_result co_FAR_JMP(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct before b = before(m);
	bool ok = cpu_far_jump(m->v, operand >> 32, (uint32_t)operand, CALLOUT_SIZE(packed),
	                       m->v->eip + CALLOUT_LEN(packed), TRAP);
	return ok ? transferred(m, b) : FAULTED;
}

enum callout_result co_FAR_CALL(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct before b = before(m);
	bool ok = cpu_far_call(m->v, operand >> 32, (uint32_t)operand, CALLOUT_SIZE(packed),
	                       m->v->eip + CALLOUT_LEN(packed), TRAP);
	return ok ? transferred(m, b) : FAULTED;
}

enum callout_result co_FAR_JMP_MEM(struct monitor *m, uint32_t packed, uint64_t operand)
{
	uint32_t off;
	uint16_t sel;
	if (!far_pointer(m, packed, (uint32_t)operand, &off, &sel))
		return FAULTED;
	return co_FAR_JMP(m, packed, far_pack(sel, off));
}

enum callout_result co_FAR_CALL_MEM(struct monitor *m, uint32_t packed, uint64_t operand)
{
	uint32_t off;
	uint16_t sel;
	if (!far_pointer(m, packed, (uint32_t)operand, &off, &sel))
		return FAULTED;
	return co_FAR_CALL(m, packed, far_pack(sel, off));
}

enum callout_result co_RETF(struct monitor *m, uint32_t packed, uint64_t operand)
{
	struct before b = before(m);
	bool ok = cpu_far_return(m->v, CALLOUT_SIZE(packed), (unsigned)operand, TRAP);
	return ok ? transferred(m, b) : FAULTED;
}

enum callout_result co_SYSENTER(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_sysenter(m->v, TRAP) ? jumped(m) : FAULTED;
}

enum callout_result co_SYSEXIT(struct monitor *m, uint32_t packed, uint64_t operand)
{
	return cpu_sysexit(m->v, TRAP) ? jumped(m) : FAULTED;
}
