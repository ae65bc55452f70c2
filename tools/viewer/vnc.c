/* unring-vnc: shows a machine's screen to VNC clients (--display vnc=). */
#define _GNU_SOURCE
#include "clients.h"
#include "host/fence.h"
#include "host/loss.h"
#include "rfb.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

int main(void)
{
	struct screen_start s;
	if (!screen_begin(&s) || s.listener < 0)
		return 1;
	fence_choose(s.hello.fence);
	rfb_prepare();
	struct clients *c = clients_create(&s, rfb_serve);
	fence_grant(GRANT_LISTENER, (uint64_t)s.listener, 0);
	fence_enter(FENCE_CLIENTS);
	screen_ready(&s, NULL);
	do {
		struct pollfd p[] = {{s.listener, POLLIN, 0}, {clients_file(c), POLLIN, 0}};
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		int client = p[0].revents ? accept4(s.listener, NULL, NULL, SOCK_CLOEXEC) : -1;
		if (client >= 0)
			clients_add(c, client);
	} while (clients_serve(c));
	return 0;
}
