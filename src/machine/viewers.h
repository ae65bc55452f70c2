/* The programs that show the screen and hear the user, each at the other end of a channel
 * (viewer_link.h). */
#ifndef UNRING_MACHINE_VIEWERS_H
#define UNRING_MACHINE_VIEWERS_H

#include "host/loop.h"
#include "machine/config.h"
#include "machine/pointer.h"
#include "machine/problem.h"
#include "machine/typist.h"
#include "machine/viewer_link.h"

struct viewers;

struct viewers_owner {
	void *ctx;
	void (*quit)(void *ctx); /* a window was closed */
	struct loop *loop;
	struct typist *typist;
	struct pointer *pointer;
};

/* Whether any is asked for, and then the page for the VGA's registers; *out NULL: none is. */
bool viewers_create(struct viewers **out, const struct machine_config *c, struct problem *p);
struct vga_registers *viewers_registers(struct viewers *v); /* NULL without viewers */
/* Starts them, with this file of the display's memory; before the fence closes. */
bool viewers_start(struct viewers *v, const struct machine_config *c, int memory, uint64_t at,
                   struct viewers_owner owner, struct problem *p);
void viewers_destroy(struct viewers *v);

/* The guest does not run from here on; it does again. */
void viewers_rest(struct viewers *v);
void viewers_run(struct viewers *v);

#endif
