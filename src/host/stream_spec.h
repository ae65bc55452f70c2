/* Where a stream of bytes ends at the host, as a user has asked for it. */
#ifndef UNRING_HOST_STREAM_SPEC_H
#define UNRING_HOST_STREAM_SPEC_H

#include "base/types.h"

enum stream_kind {
	STREAM_NONE,         /* none */
	STREAM_STDIO,        /* stdio: standard input and output */
	STREAM_FILE,         /* file:PATH is written */
	STREAM_UNIX,         /* unix:PATH listens */
	STREAM_TCP,          /* tcp:PORT listens at 127.0.0.1; 0: at any free one */
	STREAM_PORT,         /* PORT: another way to write that */
	STREAM_CONNECT_UNIX, /* connect:unix:PATH calls */
	STREAM_CONNECT_TCP,  /* connect:tcp:PORT */
	STREAM_FD,           /* fd:N was inherited; not the standard ones */
};

struct stream_spec {
	enum stream_kind kind; /* not STREAM_PORT */
	int number;            /* PORT, N */
	const char *path;
	const char *text; /* as typed, for messages */
};

/* Reads one of these kinds, each of which has its bit. */
bool stream_spec_parse(struct stream_spec *s, unsigned kinds, const char *text);

/* How the i-th of these kinds is written, and what of that is always the same; NULL past the
 * last.  In the order in which users are told of them. */
const char *stream_spec_form(unsigned kinds, unsigned i);
const char *stream_spec_prefix(unsigned kinds, unsigned i);

#endif
