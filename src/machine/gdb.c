#include "machine/gdb.h"

#include "base/log.h"
#include "machine/gdb_regs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	PACKET = 0x4000, /* the longest, between $ and #, in either direction */
	MEMORY = PACKET / 2 - 8,
	CTRL_C = 3,
};

struct gdb {
	struct control *control;
	struct monitor *monitor;
	struct stream *stream;
	bool running; /* the guest is not held */
	bool awaited; /* the debugger waits for its stop */
	bool no_ack, physical;
	char why[64]; /* the last stop, as a reply */
	char *xml;
	unsigned length; /* of in */
	char in[PACKET + 16];
	unsigned sent; /* length of out */
	char out[PACKET + 16];
	bool lost; /* to hang up: it does not read, or speaks no gdb */
};

/* --- packets out --- */

/* A debugger reads each reply before it asks again: one for whom many wait reads nothing, and
 * is none. */
static void send_bytes(struct gdb *g, const char *p, unsigned n)
{
	if (!stream_room(g->stream))
		g->lost = true;
	if (g->lost)
		return;
	stream_write(g->stream, p, n);
	stream_flush(g->stream);
}

static void transmit(struct gdb *g)
{
	send_bytes(g, g->out, g->sent);
}

/* A reply of n bytes that need no escape. */
static void reply_bytes(struct gdb *g, const char *text, size_t n)
{
	uint8_t sum = 0;
	CHECK(n <= PACKET);
	for (size_t i = 0; i < n; i++)
		sum += text[i];
	g->out[0] = '$';
	memcpy(g->out + 1, text, n);
	g->sent = n + 1 + sprintf(g->out + n + 1, "#%02x", sum);
	transmit(g);
}

static void reply(struct gdb *g, const char *text)
{
	reply_bytes(g, text, strlen(text));
}

static void reply_ok(struct gdb *g, bool ok)
{
	reply(g, ok ? "OK" : "E14");
}

static char *put_hex(char *to, const uint8_t *from, unsigned n)
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < n; i++) {
		*to++ = digits[from[i] >> 4];
		*to++ = digits[from[i] & 15];
	}
	return to;
}

/* --- packets in --- */

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0'
	       : c >= 'a' && c <= 'f'    ? c - 'a' + 10
	       : c >= 'A' && c <= 'F'    ? c - 'A' + 10
	                                 : -1;
}

/* n bytes in hexadecimal; false when there are fewer. */
static bool get_hex(const char *from, uint8_t *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int high = digit(from[2 * i]), low = high < 0 ? -1 : digit(from[2 * i + 1]);
		if (low < 0)
			return false;
		to[i] = high << 4 | low;
	}
	return true;
}

/* ADDRESS,LENGTH and the character that ends it. */
static bool get_range(const char **p, uint64_t *address, unsigned *length, char end)
{
	char *q;
	*address = strtoull(*p, &q, 16);
	if (q == *p || *q != ',')
		return false;
	*p = q + 1;
	*length = (unsigned)strtoul(*p, &q, 16);
	if (q == *p || *q != end)
		return false;
	*p = q + (end != 0);
	return true;
}

static bool starts(const char **p, const char *with)
{
	size_t n = strlen(with);
	if (strncmp(*p, with, n))
		return false;
	*p += n;
	return true;
}

/* --- memory and registers --- */

static enum debug_space space(const struct gdb *g)
{
	return g->physical ? SPACE_PHYSICAL : SPACE_LINEAR;
}

static void read_memory(struct gdb *g, const char *p)
{
	uint8_t bytes[MEMORY];
	char text[PACKET];
	uint64_t at;
	unsigned n;
	if (!get_range(&p, &at, &n, 0)) {
		reply(g, "E22");
		return;
	}
	n = monitor_read(g->monitor, space(g), at, bytes, n < MEMORY ? n : MEMORY);
	if (n)
		reply_bytes(g, text, put_hex(text, bytes, n) - text);
	else
		reply(g, "E14");
}

static void write_memory(struct gdb *g, const char *p, bool hex, const char *end)
{
	uint8_t bytes[PACKET];
	uint64_t at;
	unsigned n, have = 0;
	bool ok = get_range(&p, &at, &n, ':') && n <= PACKET;
	if (ok && hex) {
		ok = get_hex(p, bytes, n);
	} else if (ok) {
		for (; p < end && have < n; p++)
			bytes[have++] = *p == '}' && p + 1 < end ? *++p ^ 0x20 : *p;
		ok = have == n;
	}
	if (!ok)
		reply(g, "E22");
	else
		reply_ok(g, monitor_write(g->monitor, space(g), at, bytes, n) == n);
}

static void read_registers(struct gdb *g)
{
	uint8_t bytes[GDB_REG_BYTES];
	char text[PACKET], *to = text;
	for (unsigned i = 0; i < gdb_reg_count(); i++) {
		gdb_reg_get(g->monitor, i, bytes);
		to = put_hex(to, bytes, gdb_reg_size(i));
	}
	reply_bytes(g, text, to - text);
}

/* What cannot be set stays. */
static void write_registers(struct gdb *g, const char *p)
{
	uint8_t bytes[GDB_REG_BYTES];
	for (unsigned i = 0; i < gdb_reg_count(); i++) {
		unsigned n = gdb_reg_size(i);
		if (!get_hex(p, bytes, n))
			break;
		gdb_reg_set(g->monitor, i, bytes);
		p += 2 * n;
	}
	reply(g, "OK");
}

static void one_register(struct gdb *g, const char *p, bool write)
{
	uint8_t bytes[GDB_REG_BYTES];
	char text[2 * GDB_REG_BYTES], *q;
	unsigned long i = strtoul(p, &q, 16);
	if (q == p || i >= gdb_reg_count() || (write && *q != '=')) {
		reply(g, "E22");
		return;
	}
	unsigned n = gdb_reg_size(i);
	if (write) {
		reply_ok(g, get_hex(q + 1, bytes, n) && gdb_reg_set(g->monitor, i, bytes));
		return;
	}
	gdb_reg_get(g->monitor, i, bytes);
	reply_bytes(g, text, put_hex(text, bytes, n) - text);
}

/* Z and z: TYPE,ADDRESS,KIND. */
static void breakpoint(struct gdb *g, const char *p, bool set)
{
	static const enum break_kind kinds[] = {BREAK_EXEC, BREAK_EXEC, BREAK_WRITE, BREAK_READ,
	                                        BREAK_ACCESS};
	unsigned type = *p - '0', size;
	uint64_t at;
	if (type >= sizeof kinds / sizeof *kinds || p[1] != ',') {
		reply(g, "");
		return;
	}
	p += 2;
	const char *options = strchr(p, ';');
	if (!get_range(&p, &at, &size, options ? ';' : 0)) {
		reply(g, "E22");
		return;
	}
	enum break_kind kind = kinds[type];
	gla_t a = gla((uint32_t)at);
	reply_ok(g, set ? monitor_break_set(g->monitor, kind, a, size)
	                : monitor_break_clear(g->monitor, kind, a, size));
}

/* --- going on --- */

static void resume(struct gdb *g, char how, const char *address)
{
	if (address && *address)
		monitor_vcpu(g->monitor)->eip = (uint32_t)strtoul(address, NULL, 16);
	if (tolower((unsigned char)how) == 's')
		monitor_step(g->monitor);
	g->running = g->awaited = true;
	control_resume(g->control, HOLDER_GDB);
}

/* Nobody is there any more: the guest runs free. */
static void let_go(struct gdb *g)
{
	monitor_debug_release(g->monitor);
	g->running = true;
	g->awaited = g->no_ack = g->physical = false;
	control_resume(g->control, HOLDER_GDB);
}

/* --- queries --- */

static void transfer_features(struct gdb *g, const char *p)
{
	char text[PACKET];
	uint64_t offset;
	unsigned n;
	if (!get_range(&p, &offset, &n, 0)) {
		reply(g, "E22");
		return;
	}
	if (!offset || !g->xml) { /* by the code that the guest is in when gdb comes */
		free(g->xml);
		g->xml = gdb_reg_xml(vcpu_code32(monitor_vcpu(g->monitor)));
	}
	size_t size = strlen(g->xml);
	if (offset > size)
		offset = size;
	if (n > PACKET - 1)
		n = PACKET - 1;
	bool last = size - offset <= n;
	if (last)
		n = size - offset;
	text[0] = last ? 'l' : 'm';
	memcpy(text + 1, g->xml + offset, n);
	reply_bytes(g, text, n + 1);
}

static void query(struct gdb *g, const char *p)
{
	char text[128];
	if (starts(&p, "Supported")) {
		snprintf(text, sizeof text,
		         "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;"
		         "vContSupported+",
		         PACKET);
		reply(g, text);
	} else if (starts(&p, "Xfer:features:read:target.xml:")) {
		transfer_features(g, p);
	} else if (!strcmp(p, "Attached")) {
		reply(g, "1");
	} else if (!strcmp(p, "C")) {
		reply(g, "QC1");
	} else if (!strcmp(p, "fThreadInfo")) {
		reply(g, "m1");
	} else if (!strcmp(p, "sThreadInfo")) {
		reply(g, "l");
	} else if (!strcmp(p, "qemu.PhyMemMode")) {
		reply(g, g->physical ? "1" : "0");
	} else {
		reply(g, "");
	}
}

static void set(struct gdb *g, const char *p)
{
	if (!strcmp(p, "StartNoAckMode")) {
		reply(g, "OK");
		g->no_ack = true;
	} else if (starts(&p, "qemu.PhyMemMode:")) {
		g->physical = *p != '0';
		reply(g, "OK");
	} else {
		reply(g, "");
	}
}

static void verbose(struct gdb *g, const char *p)
{
	if (!strcmp(p, "Cont?"))
		reply(g, "vCont;c;C;s;S");
	else if (starts(&p, "Cont;") && strchr("cCsS", *p) && *p)
		resume(g, *p, NULL);
	else
		reply(g, "");
}

static void command(struct gdb *g, const char *p, const char *end)
{
	switch (*p++) {
	case '?':
		reply(g, g->why);
		break;
	case 'g':
		read_registers(g);
		break;
	case 'G':
		write_registers(g, p);
		break;
	case 'p':
	case 'P':
		one_register(g, p, p[-1] == 'P');
		break;
	case 'm':
		read_memory(g, p);
		break;
	case 'M':
	case 'X':
		write_memory(g, p, p[-1] == 'M', end);
		break;
	case 'Z':
	case 'z':
		breakpoint(g, p, p[-1] == 'Z');
		break;
	case 'c':
	case 's':
		resume(g, p[-1], p);
		break;
	case 'C':
	case 'S':
		resume(g, p[-1], NULL); /* signals mean nothing to a machine */
		break;
	case 'v':
		verbose(g, p);
		break;
	case 'q':
		query(g, p);
		break;
	case 'Q':
		set(g, p);
		break;
	case 'H':
	case 'T':
		reply(g, "OK");
		break;
	case 'D':
		reply(g, "OK");
		let_go(g);
		break;
	case 'k':
		let_go(g);
		control_quit(g->control, 0);
		break;
	default:
		reply(g, "");
	}
}

/* --- the connection --- */

static void consume(struct gdb *g, unsigned n)
{
	g->length -= n;
	memmove(g->in, g->in + n, g->length);
}

/* A packet of n bytes after the $, its checksum behind. */
static void packet(struct gdb *g, unsigned n)
{
	static char body[PACKET + 16];
	uint8_t sum = 0, given;
	for (unsigned i = 0; i < n; i++)
		sum += g->in[1 + i];
	bool right = get_hex(g->in + n + 2, &given, 1) && given == sum;
	memcpy(body, g->in + 1, n);
	body[n] = 0;
	consume(g, n + 4);
	if (!g->no_ack)
		send_bytes(g, right ? "+" : "-", 1);
	if (right)
		command(g, body, body + n);
}

/* Takes what may be taken: packets wait while the guest runs.  What is outside packets but no
 * gdb's (a browser's request) ends the connection before anything in it is obeyed. */
static void serve(struct gdb *g)
{
	while (g->length && !g->lost) {
		switch (*g->in) {
		case '$': {
			const char *end = memchr(g->in, '#', g->length);
			if (g->running || !end || end + 2 >= g->in + g->length)
				return;
			packet(g, end - g->in - 1);
			continue;
		}
		case CTRL_C:
			if (g->running)
				control_pause(g->control, HOLDER_GDB);
			break;
		case '-':
			transmit(g);
			break;
		case '+':
			break;
		default:
			g->lost = true;
		}
		consume(g, 1);
	}
}

static void on_bytes(void *ctx)
{
	struct gdb *g = ctx;
	size_t room = sizeof g->in - g->length;
	g->length += stream_read(g->stream, g->in + g->length, room);
	serve(g);
	if (g->lost || !room) /* a packet longer than we said */
		stream_hang_up(g->stream);
}

/* The guest is stopped for it. */
static void on_connection(void *ctx)
{
	struct gdb *g = ctx;
	g->sent = 0;
	if (g->running)
		control_pause(g->control, HOLDER_GDB);
}

static void on_close(void *ctx)
{
	struct gdb *g = ctx;
	g->length = 0;
	g->lost = false;
	let_go(g);
}

bool gdb_open(struct gdb **out, const struct stream_spec *where, const struct stream_host *h,
              struct control *c, struct problem *p)
{
	struct gdb *g = calloc(1, sizeof *g);
	CHECK(g);
	g->control = c;
	g->monitor = c->monitor;
	/* For its owner alone: who debugs the guest may do with it what they like. */
	int err = stream_open(&g->stream, where, 0600, h);
	if (err) {
		free(g);
		return problem_set(p, "--gdb %s: %s", where->text, strerror(-err));
	}
	stream_attach(g->stream, (struct stream_client){
					 .ctx = g,
					 .on_open = on_connection,
					 .on_input = on_bytes,
					 .on_close = on_close,
				 });
	strcpy(g->why, "T02thread:1;");
	control_pause(c, HOLDER_GDB);
	if (where->kind == STREAM_UNIX)
		report("gdb: target remote %s", where->path);
	else
		report("gdb: target remote 127.0.0.1:%u", stream_port(g->stream));
	*out = g;
	return true;
}

void gdb_stopped(struct gdb *g, const struct debug_stop *s)
{
	static const char *const watch[] = {"", "watch", "rwatch", "awatch"};
	g->running = false;
	if (s->why == DEBUG_WATCH)
		snprintf(g->why, sizeof g->why, "T05thread:1;%s:%08x;", watch[s->kind], s->at.v);
	else
		snprintf(g->why, sizeof g->why, "T%02xthread:1;", s->why == DEBUG_REQUEST ? 2 : 5);
	if (g->awaited)
		reply(g, g->why);
	g->awaited = false;
	serve(g);
	if (g->lost)
		stream_hang_up(g->stream);
}

bool gdb_holds(const struct gdb *g)
{
	return !g->running;
}

void gdb_exited(struct gdb *g, int status)
{
	char text[8];
	snprintf(text, sizeof text, "W%02x", status & 0xff);
	if (g->awaited)
		reply(g, text);
	g->awaited = false;
}

void gdb_close(struct gdb *g)
{
	if (!g)
		return;
	stream_close(g->stream);
	free(g->xml);
	free(g);
}
