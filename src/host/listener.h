/* A socket that is listened at, by a path of the file system. */
#ifndef UNRING_HOST_LISTENER_H
#define UNRING_HOST_LISTENER_H

#include "base/types.h"

#include <sys/stat.h>

struct listener {
	int fd;            /* -1: none */
	char *path;        /* NULL: at no path */
	struct stat file;  /* as it was made */
};

/* Listens at path, whose file only its owner may connect to if it is private.  It replaces a
 * socket that nobody listens at any more, and nothing else.  0, or a negative errno: -EEXIST
 * for another kind of file, -EADDRINUSE for a socket in use. */
int listener_open(struct listener *l, const char *path, bool is_private);
/* Removes its file, unless that is another by now. */
void listener_close(struct listener *l);

#endif
