/* Bytes in, JSON values out: where one begins and ends, whatever whitespace and however many
 * reads are between.  What is between braces is not looked into, but for strings. */
#ifndef UNRING_MACHINE_QMP_FRAME_H
#define UNRING_MACHINE_QMP_FRAME_H

#include "base/types.h"

#include <stddef.h>

enum { QMP_FRAME_MOST = 1 << 20 }; /* of one value */

enum qmp_frame_result {
	QMP_FRAME_MORE,  /* all is consumed, and nothing complete */
	QMP_FRAME_VALUE, /* at text, of length bytes; to be parsed: it may be none all the same */
	QMP_FRAME_BAD,   /* what came is no JSON; what follows is a new value */
	QMP_FRAME_LONG,  /* a value that was too long has ended */
};

struct qmp_frame {
	char *text;
	size_t length, room;
	unsigned depth;
	bool begun, string, escape;
	bool over; /* longer than QMP_FRAME_MOST: its bytes are dropped */
};

void qmp_frame_free(struct qmp_frame *f);
/* Consumes bytes from *at, up to the end of one value.  text stays until the next call. */
enum qmp_frame_result qmp_frame_feed(struct qmp_frame *f, const char **at, const char *end);

#endif
