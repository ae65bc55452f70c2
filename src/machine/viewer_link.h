/* Between the machine and a viewer, a program that shows its screen (tools/viewer): what both
 * see, and what goes by the channel between them.  A viewer sees the display's memory and this page,
 * and can write neither; what it says is not believed before it is looked at. */
#ifndef UNRING_MACHINE_VIEWER_LINK_H
#define UNRING_MACHINE_VIEWER_LINK_H

#include "devices/keyboard.h"
#include "devices/vga_view.h"
#include "host/fence.h"
#include "machine/pointer.h"

struct viewer_page {
	struct vga_registers regs;
	uint32_t runs;  /* how often the guest has begun to run */
	uint32_t rests; /* it does not run: it halts, or is stopped */
};

enum { VIEWER_TEXT = 64, VIEWER_STEPS = 4, VIEWER_PROBLEM = 160 };

/* The first message, to the viewer. */
struct viewer_hello {
	char option[VIEWER_TEXT]; /* as typed, for messages */
	char password[16];        /* empty: none */
	char keymap[16];
	uint64_t memory_at; /* in the memory's file */
	uint32_t memory_bytes;
	enum fence_mode fence;
};

/* The descriptors that come along; the listener to who takes calls. */
enum { VIEWER_PAGE, VIEWER_MEMORY, VIEWER_LISTENER, VIEWER_FILES };

/* The answer, once it is fenced. */
struct viewer_ready {
	char problem[VIEWER_PROBLEM]; /* empty: none */
};

/* From then on, from the viewer. */
struct viewer_event {
	enum viewer_event_kind {
		VIEWER_KEY,     /* went down or up */
		VIEWER_POINTER, /* all of it at once */
		VIEWER_QUIT,    /* the user ends the run */
		VIEWER_ASLEEP,  /* it looks no more, as the guest rested at so many runs */
	} kind;
	uint32_t count; /* of steps; of runs */
	uint16_t key;   /* enum key */
	uint8_t down;
	struct pointer_step steps[VIEWER_STEPS];
};

/* And to the viewer: the guest runs again. */
enum { VIEWER_WAKE = 'w' };

#endif
