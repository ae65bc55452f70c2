/* Internal to src/cpu: hardware task switches.  SDM vol. 3, ch. 7. */
#ifndef UNRING_CPU_TASK_H
#define UNRING_CPU_TASK_H

#include "cpu/descriptor.h"

enum task_how {
	TASK_JUMP,
	TASK_CALL, /* CALL, interrupt, exception: the new task nests */
	TASK_IRET,
};

struct task_switch {
	enum task_how how;
	uint16_t sel;    /* of the new TSS */
	uint32_t eip;    /* to save: where the old task goes on */
	uint32_t eflags; /* to save */
	uint32_t ext;
	bool has_error; /* an error code to push in the new task */
	uint32_t error;
};

/* The TSS that a task gate names: available, present, in the GDT. */
bool task_gate_fetch(struct vcpu *v, uint16_t sel, uint32_t ext, struct descriptor *d,
                     struct trap *t);

/* Switches to the TSS d, whose type, presence and privilege the caller has
 * checked.  A fault before the commit leaves the old task as it was; one after
 * it, or the debug trap of the T bit, comes with the new task's state in v. */
bool task_switch(struct vcpu *v, const struct task_switch *s, const struct descriptor *d,
                 struct trap *t);

#endif
