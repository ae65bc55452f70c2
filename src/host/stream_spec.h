/* Where a stream of bytes ends at the host, as a user has asked for it. */
#ifndef UNRING_HOST_STREAM_SPEC_H
#define UNRING_HOST_STREAM_SPEC_H

#include "base/types.h"

enum stream_kind {
	STREAM_NONE,
	STREAM_STDIO, /* standard input and output */
	STREAM_FILE,  /* what is written; path */
	STREAM_UNIX,  /* listens; path */
	STREAM_TCP,   /* listens at 127.0.0.1; port, 0: any free one */
};

struct stream_spec {
	enum stream_kind kind;
	uint16_t port;
	const char *path;
	const char *text; /* as typed, for messages */
};

#endif
