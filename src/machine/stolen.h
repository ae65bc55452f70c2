/* Time that the host's scheduler takes from a guest that measures time.
 *
 * A guest calibrates its TSC by polling the 8254 for some milliseconds, with no timer
 * set, and gives the TSC up when the loop has a hole in it, as it has on a busy host.
 * So while it polls, holes are found by the processor time of this thread, and hidden.
 *
 * For both clocks to agree they are looked at in the same moments: at polls
 * and at RDTSC, which exits to the monitor as long as this is active. */
#ifndef UNRING_MACHINE_STOLEN_H
#define UNRING_MACHINE_STOLEN_H

#include "base/types.h"

/* One moment, or a distance in time. */
struct moment {
	uint64_t ns;  /* of the host's monotonic clock */
	uint64_t tsc; /* of the host */
};

struct stolen {
	uint64_t (*cpu_ns)(void); /* processor time of this thread */
	bool active;
	unsigned polls;     /* close to each other, in a row */
	struct moment last; /* the last look */
	uint64_t usual_ns;  /* from one look of the loop to the next */
	uint64_t last_poll_ns;
	uint64_t base_ns, base_cpu; /* monotonic and processor time, of one moment */
};

/* The guest polls a timer, or (poll false) reads its TSC, or we pass by.
 * True with what to take off both clocks. */
bool stolen_look(struct stolen *s, struct moment now, bool poll, struct moment *hide);

/* Has the guest stopped polling (or does it sleep: at once)?  Then it is inactive. */
void stolen_end(struct stolen *s, uint64_t now_ns, bool at_once);

#endif
