/* What the user is told of the guest at its end. */
#include "monitor/gate.h"

void monitor_report(struct monitor *m, FILE *f)
{
	static const char *const gpr[8] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
	static const char *const seg[8] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
	const struct vcpu *v = m->v;

	if (m->end == END_TRIPLE)
		fprintf(f, "unring: triple fault at %04x:%08x\n", v->seg[SREG_CS].selector, v->eip);
	else if (m->end == END_KILLED)
		fprintf(f, "unring: the VM was stopped: %s\n", m->why);
	else if (m->end == END_HALT)
		fprintf(f, "unring: the guest has halted with interrupts off\n");
	for (int i = 0; i < 8; i++)
		fprintf(f, "%s=%08x%s", gpr[i], v->gpr[i],
		        i & 3 ? (i == 3 || i == 7 ? "\n" : " ") : " ");
	fprintf(f, "eip=%08x eflags=%08x cpl=%u cr0=%08x cr2=%08x cr3=%08x cr4=%08x\n", v->eip,
	        vcpu_eflags(v), v->cpl, v->cr0, v->cr2, v->cr3, v->cr4);
	for (int i = 0; i < 8; i++)
		fprintf(f, "%s=%04x base=%08x limit=%08x attr=%05x\n", seg[i], v->seg[i].selector,
		        v->seg[i].base, v->seg[i].limit, v->seg[i].attr);
	fprintf(f, "gdtr=%08x:%04x idtr=%08x:%04x\nlast units:", v->gdtr.base, v->gdtr.limit,
	        v->idtr.base, v->idtr.limit);
	for (unsigned i = 0; i < RECENT && i < m->n_recent; i++)
		fprintf(f, " %08x", m->recent[(m->n_recent - 1 - i) % RECENT]);
	fprintf(f, "\n");
}

void monitor_stats_write(const struct monitor *m, FILE *f)
{
	for (unsigned i = 0; i < CO_COUNT; i++)
		if (m->callout_counts[i])
			fprintf(f, "callout_%s %llu\n", callout_info(i)->name,
			        (unsigned long long)m->callout_counts[i]);
}
