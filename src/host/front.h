/* The front: the process that the callers of a socket talk to, and that opens the files which
 * they name.  It has the user's authority for that (less what root's capabilities add), and so
 * parses what callers send, and nothing else: what comes from its owner, the process of the
 * guest, goes to the caller byte for byte.  Whoever has taken over the owner opens nothing by
 * it.  Each caller has a socket of his own to the owner, so that one who stalls holds up himself
 * alone.  What a message is, and which file it names, the language says. */
#ifndef UNRING_HOST_FRONT_H
#define UNRING_HOST_FRONT_H

#include "host/file.h"

#include <stddef.h>
#include <sys/types.h>

enum { FRONT_CALLERS = 64 };

struct front_message {
	int kind;          /* for the owner */
	const void *bytes; /* until the next message */
	uint32_t count;
	bool takes;       /* a descriptor that the caller sent */
	const char *path; /* the file that it names, if none was sent; NULL: none */
	enum file_use use;
};

struct front_language {
	void *(*begin)(void); /* with a caller; NULL: there is no memory */
	/* Consumes bytes from *at; false: no message ends before end. */
	bool (*next)(void *caller, const char **at, const char *end, struct front_message *m);
	void (*end)(void *caller);
};

/* What precedes a message to the owner.  The descriptor that goes along, one that the caller sent
 * or that of the file, comes with the message's last byte. */
struct front_head {
	int32_t kind;
	int32_t file; /* 1: one goes along; 0: none; less: there is none for this errno */
	uint32_t count;
};

/* --- in the owner --- */

struct front_link {
	int fd;        /* a socket for each caller comes by it; its end: the front was killed */
	pid_t process; /* 0: not started */
};

/* Forks it, to listen at path (by the broker) for the socket's owner alone.  0 or a negative
 * errno. */
int front_start(struct front_link *out, const char *path, const struct front_language *l);
/* Returns when the callers have what was sent to them, as far as they take it. */
void front_stop(struct front_link *l);

/* --- in the front --- */

struct front;

/* NULL: there is no memory. */
struct front *front_create(int listener, int owner, const struct front_language *l);
/* Serves what is ready; waits for that until timeout_ms (-1: none) are over.  How much it was;
 * -1: the owner has gone, and all is done. */
int front_serve(struct front *f, int timeout_ms);
void front_destroy(struct front *f);

#endif
