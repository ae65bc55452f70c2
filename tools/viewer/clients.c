#define _GNU_SOURCE
#include "clients.h"

#include "base/log.h"
#include "host/channel.h"
#include "host/fence.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 16, AT_ONCE = 64 };

struct client {
	int channel; /* -1: none */
	bool down[KEYS];
	unsigned buttons;
};

struct clients {
	const struct screen_start *start;
	void (*serve)(const struct screen_start *s, int channel, int client);
	int epoll;
	struct client list[CLIENTS];
};

static void watch(struct clients *c, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	CHECK(!epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &e));
}

static void tell(struct clients *c, const struct viewer_event *e)
{
	channel_send(c->start->channel, e, sizeof *e, NULL, 0);
}

/* He holds nothing any more. */
static void drop(struct clients *c, struct client *k)
{
	for (unsigned key = KEY_NONE + 1; key < KEYS; key++)
		if (k->down[key])
			tell(c, &(struct viewer_event){.kind = VIEWER_KEY, .key = (uint16_t)key});
	for (unsigned b = 1; b <= k->buttons; b <<= 1)
		if (k->buttons & b)
			tell(c, &(struct viewer_event){.kind = VIEWER_POINTER,
			                               .count = 1,
			                               .steps = {{POINTER_UP, (int)b}}});
	close(k->channel);
	*k = (struct client){.channel = -1};
}

static void note(struct client *k, const struct viewer_event *e)
{
	if (e->kind == VIEWER_KEY && e->key < KEYS)
		k->down[e->key] = e->down;
	for (unsigned i = 0; e->kind == VIEWER_POINTER && i < e->count && i < VIEWER_STEPS; i++) {
		unsigned button = (unsigned)e->steps[i].value & MOUSE_BUTTONS;
		if (e->steps[i].kind == POINTER_DOWN)
			k->buttons |= button;
		if (e->steps[i].kind == POINTER_UP)
			k->buttons &= ~button;
	}
}

static void pass_on(struct clients *c, struct client *k)
{
	for (unsigned i = 0; i < AT_ONCE && k->channel >= 0; i++) {
		struct viewer_event e;
		long n = channel_receive(k->channel, &e, sizeof e);
		if (n == -EAGAIN)
			return;
		if (n == sizeof e) {
			note(k, &e);
			tell(c, &e);
		} else {
			drop(c, k);
		}
	}
}

/* The guest runs: who sleeps looks again. */
static bool hear_machine(struct clients *c)
{
	char byte;
	long n;
	while ((n = channel_receive(c->start->channel, &byte, 1)) > 0)
		for (struct client *k = c->list; k < c->list + CLIENTS; k++)
			if (k->channel >= 0)
				channel_send(k->channel, &byte, 1, NULL, 0);
	return n == -EAGAIN;
}

bool clients_serve(struct clients *c)
{
	if (!hear_machine(c))
		return false;
	for (struct client *k = c->list; k < c->list + CLIENTS; k++)
		if (k->channel >= 0)
			pass_on(c, k);
	return true;
}

int clients_file(const struct clients *c)
{
	return c->epoll;
}

static _Noreturn void become(struct clients *c, int channel, int client)
{
	int low = channel < client ? channel : client, keep[] = {2, low, channel + client - low};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fence_close_others(keep, 3);
	fence_enter(FENCE_CLIENT);
	c->serve(c->start, channel, client);
	_exit(0);
}

void clients_add(struct clients *c, int client)
{
	struct client *k = c->list;
	int ends[2];
	while (k < c->list + CLIENTS && k->channel >= 0)
		k++;
	if (k == c->list + CLIENTS || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		close(client);
		return;
	}
	pid_t pid = fork();
	if (!pid)
		become(c, ends[1], client);
	close(client);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return;
	}
	k->channel = ends[0];
	watch(c, ends[0]);
}

struct clients *clients_create(const struct screen_start *s,
                               void (*serve)(const struct screen_start *s, int channel, int client))
{
	struct clients *c = calloc(1, sizeof *c);
	CHECK(c);
	*c = (struct clients){.start = s, .serve = serve, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	CHECK(c->epoll >= 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		c->list[i].channel = -1;
	watch(c, s->channel);
	signal(SIGCHLD, SIG_IGN); /* nobody waits for them */
	return c;
}
