/* What the files of the control socket share.  From the top down:
 *
 *   qmp.c            callers, what they ask for, answers, events
 *   qmp_front.c      in the front: what callers send
 *   qmp_commands.c   the table of commands
 *   qmp_input.c      events of keys and the pointer
 *   qmp_frame.c      where a JSON value ends
 */
#ifndef UNRING_MACHINE_QMP_CALL_H
#define UNRING_MACHINE_QMP_CALL_H

#include "host/front.h"
#include "machine/control_target.h"

#include <jansson.h>

enum { QMP_SETS = 16 };

/* One command of one caller, until it is answered. */
struct qmp_call {
	const struct control_target *target;
	int *sets; /* QMP_SETS descriptors that wait for a command to name them; -1: none */
	json_t *args;
	int file;       /* the descriptor that came with it; -1: none, or taken */
	int file_error; /* why the file that it names was not opened (negative errno); 0: it names none */

	json_t *result;    /* what is returned; NULL: an error, or not yet */
	const char *class; /* of an error; NULL: none */
	struct problem why;
	/* It is answered when this is printed or shown, or after so long. */
	const char *awaited;
	unsigned timeout_ms;
};

/* JSON, or NULL. */
json_t *qmp_parse(const char *text, size_t n);
/* Why it is no command, whatever it asks for; NULL: it is one. */
const char *qmp_refused(const json_t *value);
/* Of the command qmp_capabilities: can what its arguments ask for be had? */
bool qmp_negotiates(const json_t *args);
/* The file that a command names, and what for; NULL: it names none, or is refused anyway. */
const char *qmp_names_file(const json_t *command, enum file_use *use);
/* Is it one that takes a descriptor? */
bool qmp_takes_file(const json_t *command);

/* Does what the command asks for: result, class or awaited is set. */
void qmp_command(struct qmp_call *c, const char *name);
/* The keys and the steps of the pointer in a list of InputEvent, each in their order. */
struct qmp_input {
	struct control_key *keys;
	struct pointer_step *steps;
	unsigned n_keys, n_steps;
};
/* False: *why says what is wrong with it. */
bool qmp_input_read(struct qmp_input *in, const json_t *events, struct problem *why);
void qmp_input_free(struct qmp_input *in);
/* A KeyValue's name: {"type": "qcode", "data": NAME}; NULL: *why says that it is none. */
const char *qmp_input_key(const json_t *v, struct problem *why);

/* Is the text that is waited for there? */
bool qmp_text_there(const struct control_target *t, const char *text);

#endif
