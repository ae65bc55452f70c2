/* Keys that wait for the guest to take them, some milliseconds apart: keyboards have short
 * queues, and guests look at them when they have time. */
#ifndef UNRING_MACHINE_QMP_KEYS_H
#define UNRING_MACHINE_QMP_KEYS_H

#include "machine/control_target.h"

enum { QMP_KEYS = 8192 };

struct qmp_keys {
	unsigned head, count;
	struct qmp_key {
		char name[CONTROL_KEY_NAME]; /* empty: a pause */
		bool down;
		unsigned pause_ms;
	} at[QMP_KEYS];
};

unsigned qmp_keys_room(const struct qmp_keys *k);
/* There is room. */
void qmp_keys_put(struct qmp_keys *k, const char *name, bool down);
void qmp_keys_pause(struct qmp_keys *k, unsigned ms);
/* These are pressed in turn, held together, and let go in reverse. */
void qmp_keys_chord(struct qmp_keys *k, const char *const *names, unsigned n, unsigned hold_ms);

/* Hands over the next; in how many milliseconds it is to be called again, 0: none waits. */
unsigned qmp_keys_step(struct qmp_keys *k, const struct control_target *t);

#endif
