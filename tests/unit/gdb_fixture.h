/* A VMM with its gdb stub at a socket, in this process; nothing runs by itself. */
#ifndef UNRING_TESTS_GDB_FIXTURE_H
#define UNRING_TESTS_GDB_FIXTURE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "host/broker.h"
#include "host/loop.h"
#include "machine/gdb.h"

enum { GUEST_ENTRY = 0x100000 };

struct debuggee {
	struct monitor *monitor;
	struct control control;
	struct loop *loop;
	volatile sig_atomic_t give_up;
	struct gdb *gdb;
	char folder[64], path[96];
	void (*wait)(struct debuggee *d); /* the guest halts */
	void (*in)(struct debuggee *d);   /* it reads a port */
	unsigned tsc_reads;
	unsigned waits;
	unsigned stops; /* times that it was stopped for the debugger */
};

static inline uint32_t debuggee_in(void *ctx, uint16_t port, unsigned size)
{
	struct debuggee *d = ctx;
	if (d->in)
		d->in(d);
	return ~0u;
}

static inline void debuggee_out(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
}

static inline bool debuggee_line(void *ctx)
{
	return false;
}

static inline uint8_t debuggee_ack(void *ctx)
{
	return 0;
}

static inline uint64_t debuggee_tsc(void *ctx)
{
	struct debuggee *d = ctx;
	d->tsc_reads++;
	return 0;
}

static inline void debuggee_poll(void *ctx)
{
}

static inline void debuggee_wait(void *ctx)
{
	struct debuggee *d = ctx;
	d->waits++;
	if (d->wait)
		d->wait(d);
}

/* As the machine's, but it does not wait for the debugger. */
static inline void debuggee_debug(void *ctx, const struct debug_stop *s)
{
	struct debuggee *d = ctx;
	d->stops++;
	gdb_stopped(d->gdb, s);
}

static inline struct stream_host debuggee_host(struct debuggee *d)
{
	return (struct stream_host){.loop = d->loop, .give_up = &d->give_up};
}

static inline void debuggee_open(struct debuggee *d)
{
	const char *what;
	struct problem p;
	*d = (struct debuggee){0};
	struct monitor_config c = {
		.mmu = {.ram_bytes = 16 << 20},
		.model = cpu_model_default(),
		.platform = {.ctx = d,
	                     .io_read = debuggee_in,
	                     .io_write = debuggee_out,
	                     .intr_line = debuggee_line,
	                     .intr_ack = debuggee_ack,
	                     .tsc = debuggee_tsc,
	                     .poll = debuggee_poll,
	                     .wait = debuggee_wait,
	                     .debug = debuggee_debug},
	};
	int err = monitor_create(&d->monitor, &c, &what);
	if (err) {
		fprintf(stderr, "%s: %s\n", what, strerror(-err));
		abort();
	}
	cpu_set_flat32(monitor_vcpu(d->monitor), GUEST_ENTRY);
	d->control.monitor = d->monitor;
	d->loop = loop_create();
	strcpy(d->folder, "/tmp/gdb-XXXXXX");
	CHECK(mkdtemp(d->folder));
	snprintf(d->path, sizeof d->path, "%s/socket", d->folder);
	struct stream_host host = debuggee_host(d);
	struct stream_spec where = {STREAM_UNIX, .path = d->path, .text = d->path};
	CHECK(gdb_open(&d->gdb, &where, &host, &d->control, &p));
}

static inline void debuggee_close(struct debuggee *d)
{
	gdb_close(d->gdb);
	broker_end();
	loop_destroy(d->loop);
	monitor_destroy(d->monitor);
	rmdir(d->folder);
}

static inline int debuggee_connect(const struct debuggee *d)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strcpy(a.sun_path, d->path);
	CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a));
	return fd;
}

/* $BODY#SUM into out, which may be body and has room for 4 bytes more; returns its length. */
static inline unsigned gdb_packet(char *out, const char *body, unsigned n)
{
	uint8_t sum = 0;
	for (unsigned i = 0; i < n; i++)
		sum += (uint8_t)body[i];
	memmove(out + 1, body, n);
	*out = '$';
	char tail[4];
	snprintf(tail, sizeof tail, "#%02x", sum);
	memcpy(out + 1 + n, tail, 3);
	return n + 4;
}

#endif
