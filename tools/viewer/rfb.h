/* A client of the RFB protocol (RFC 6143): what a process of clients.h does for it. */
#ifndef UNRING_VIEWER_RFB_H
#define UNRING_VIEWER_RFB_H

#include "screen.h"

/* Does before the fence closes what libraries do with names at their first use. */
void rfb_prepare(void);

/* Until the client or the machine has gone. */
void rfb_serve(const struct screen_start *s, int channel, int client);

#endif
