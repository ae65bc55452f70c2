/* The broker: the first process that is forked, before there is guest memory.  It has the
 * user's authority: it opens files by name and listens, and passes descriptors; processes
 * that come later are its children.  The process of the guest asks for what the command line
 * names, seals the broker, and is fenced: from then on neither acts on a name again.  What a
 * caller of the control socket names, the front opens (front.h).  The guest is run by the process that the user started, so that signals, the terminal and
 * the exit status are its own.  A new kind of request is a row of the table in broker.c. */
#ifndef UNRING_HOST_BROKER_H
#define UNRING_HOST_BROKER_H

#include "base/types.h"

/* Keeps a descriptor above 2 that was inherited; broker_start() closes the others.  0 or a
 * negative errno. */
int broker_keep(int fd);

/* 0 or a negative errno.  Until then, and without it, its work is done in this process. */
int broker_start(void);

/* A descriptor (close-on-exec), or a negative errno. flags are open's; a file that is
 * made gets rights 0666, less the umask. */
int broker_open(const char *path, int flags);

/* A socket that listens at path and takes these rights less the umask, in place of a socket
 * there that nobody listens at any more; it is removed at the end.  -EADDRINUSE: somebody
 * does; -EEXIST: it is no socket. */
int broker_listen_unix(const char *path, unsigned rights);

/* A socket that listens at a numeric address of IPv4 or IPv6; port 0: any that is free.  -EINVAL: it
 * is none. */
int broker_listen_tcp(const char *address, uint16_t port);

/* A socket that is connected to the one at path, or to the port at 127.0.0.1. */
int broker_connect_unix(const char *path);
int broker_connect_local(uint16_t port);

/* Starts a program of unring's own, which is beside this one's file, or of an installed one in
 * ../libexec/unring: the other end of the channel (channel.h) that is returned is its descriptor
 * BROKER_CHANNEL, and of others it has standard error.  It ends with the broker. */
enum { BROKER_CHANNEL = 3 };
int broker_start_program(const char *name);

/* From here on it only waits for the end.  0 or a negative errno. */
int broker_seal(void);

/* Returns when it has removed what is to be removed. */
void broker_end(void);

#endif
