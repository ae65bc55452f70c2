/* Those who look at the screen from elsewhere, each served by a process of his own: who stalls, or
 * makes it fall, holds up nobody else.  Between them and the machine is this one process, which
 * passes on what they do, and lets up the keys of who has gone. */
#ifndef UNRING_VIEWER_CLIENTS_H
#define UNRING_VIEWER_CLIENTS_H

#include "screen.h"

struct clients;

/* serve runs in a process of its own, with the client's socket, and does not return. */
struct clients *clients_create(const struct screen_start *s,
                               void (*serve)(const struct screen_start *s, int channel,
                                             int client));
/* One more, if there is room; the socket is theirs. */
void clients_add(struct clients *c, int client);
/* Can be read when clients_serve() has something to do; false: the machine has ended. */
int clients_file(const struct clients *c);
bool clients_serve(struct clients *c);

#endif
