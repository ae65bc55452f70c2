#include "devices/mouse.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* commands */
	CMD_SCALE_1 = 0xe6,
	CMD_SCALE_2 = 0xe7,
	CMD_RESOLUTION = 0xe8,
	CMD_STATUS = 0xe9,
	CMD_STREAM = 0xea,
	CMD_READ = 0xeb,
	CMD_END_WRAP = 0xec,
	CMD_WRAP = 0xee,
	CMD_REMOTE = 0xf0,
	CMD_IDENTIFY = 0xf2,
	CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_RESEND = 0xfe,
	CMD_RESET = 0xff,
	CMD_FIRST = CMD_SCALE_1, /* no parameter is as high */

	/* answers */
	ACK = 0xfa,
	SELF_TEST_OK = 0xaa,
	RESEND = 0xfe,
	ERROR = 0xfc, /* in place of a second RESEND */

	/* identities */
	PLAIN = 0,
	WHEEL = 3,
	EXPLORER = 4, /* the wheel, and two more buttons */

	/* status, first byte */
	ST_RIGHT = 0x01,
	ST_MIDDLE = 0x02,
	ST_LEFT = 0x04,
	ST_SCALED = 0x10,
	ST_ENABLED = 0x20,
	ST_REMOTE = 0x40,

	/* a packet's first byte */
	BUTTONS = MOUSE_LEFT | MOUSE_RIGHT | MOUSE_MIDDLE,
	ALWAYS = 0x08,
	X_NEGATIVE = 0x10,
	Y_NEGATIVE = 0x20,
	X_OVERFLOW = 0x40,
	Y_OVERFLOW = 0x80,

	COUNTS = 255, /* in one packet */
	STEPS = 7,
	MOST = 8191, /* that are kept of a movement; what goes beyond is an overflow */

	QUEUE = 16,
	DEFAULT_RATE = 100,
	DEFAULT_RESOLUTION = 2,
	MAX_RESOLUTION = 3,
};

#define SECOND 1000000000ull

struct mouse {
	struct clock *clock;
	struct ps2_host host;
	struct timer *sample;

	uint8_t answer[8];
	unsigned answered, answers;
	uint8_t packet[4];
	unsigned sent, size;
	bool answer_last; /* what was sent last, for RESEND; else the packet */

	/* Movements, each with the buttons that were down at its end. */
	struct moved {
		int16_t dx, dy, dz;
		uint16_t buttons;
	} queue[QUEUE];
	unsigned head, count;
	bool closed;           /* the last of them */
	uint8_t overflow;      /* bits of a packet's first byte */
	uint8_t buttons, told; /* those that are down, and as the guest knows it */
	uint64_t next_ns;      /* no packet of its own before that */

	uint8_t command; /* whose parameter is awaited; 0: none */
	bool refused;    /* the last byte was */
	bool enabled, remote, wraps, scaled;
	uint8_t resolution, rate;
	uint8_t rates[2]; /* those before the last, the oldest first */
	uint8_t id, next_id;
};

/* --- movements --- */

static void forget(struct mouse *m)
{
	m->head = m->count = 0;
	m->overflow = 0;
}

static int16_t sum(struct mouse *m, int a, int b, uint8_t overflow)
{
	int64_t n = (int64_t)a + b;
	if (n >= -MOST && n <= MOST)
		return (int16_t)n;
	m->overflow |= overflow;
	return n < 0 ? -MOST : MOST;
}

static bool streams(const struct mouse *m)
{
	return m->enabled && !m->remote && !m->wraps;
}

static void append(struct mouse *m, const struct mouse_event *e)
{
	struct moved *last = &m->queue[(m->head + m->count - 1) % QUEUE];
	/* What moves behind a button is no part of it: a packet's movement comes before its buttons. */
	bool pressed = (m->count ? last->buttons : m->buttons) != e->buttons;
	bool changed = m->closed || pressed;
	if (!m->count || (changed && streams(m) && m->count < QUEUE)) {
		last = &m->queue[(m->head + m->count++) % QUEUE];
		*last = (struct moved){0};
	}
	last->dx = sum(m, last->dx, e->dx, X_OVERFLOW);
	last->dy = sum(m, last->dy, e->dy, Y_OVERFLOW);
	last->dz = sum(m, last->dz, e->dz, 0);
	last->buttons = (uint16_t)e->buttons;
	m->closed = e->last || pressed;
}

static int part(int16_t *left, int most)
{
	int n = *left > most ? most : *left < -most ? -most : *left;
	*left = (int16_t)(*left - n);
	return n;
}

/* Scaling 2:1, which holds for packets that the mouse sends by itself. */
static int scaled(int n)
{
	static const uint8_t slow[] = {0, 1, 1, 3, 6, 9};
	int size = abs(n);
	size = size < (int)sizeof slow ? slow[size] : 2 * size;
	return n < 0 ? -size : size;
}

/* What has moved, as far as it fits; the rest stays. */
static unsigned make_packet(struct mouse *m, uint8_t *to)
{
	bool doubles = m->scaled && streams(m);
	int most = doubles ? COUNTS / 2 : COUNTS;
	struct moved none = {.buttons = m->buttons};
	struct moved *e = m->count ? &m->queue[m->head] : &none;
	int dx = part(&e->dx, most), dy = -part(&e->dy, most);
	int dz = part(&e->dz, m->id == PLAIN ? MOST : STEPS); /* a plain one has no wheel */
	if (doubles) {
		dx = scaled(dx);
		dy = scaled(dy);
	}
	to[0] = ALWAYS | (e->buttons & BUTTONS) | (dx < 0 ? X_NEGATIVE : 0) |
	        (dy < 0 ? Y_NEGATIVE : 0) | m->overflow;
	to[1] = dx;
	to[2] = dy;
	to[3] = m->id == EXPLORER ? (dz & 0x0f) | (e->buttons & (MOUSE_SIDE | MOUSE_EXTRA)) << 1
	                          : dz;
	m->overflow = 0;
	m->told = e->buttons;
	if (m->count && !e->dx && !e->dy && !e->dz) {
		m->head = (m->head + 1) % QUEUE;
		m->count--;
	}
	return m->id == PLAIN ? 3 : 4;
}

/* The next packet, when it is due and the one before has gone. */
static void go_on(struct mouse *m)
{
	uint64_t now = clock_now(m->clock);
	if (!streams(m) || m->command || !m->count || m->sent < m->size)
		return;
	if (now < m->next_ns) {
		timer_set(m->sample, m->next_ns);
		return;
	}
	m->next_ns = now + SECOND / m->rate;
	m->size = make_packet(m, m->packet);
	m->sent = 0;
	ps2_ready(&m->host);
}

static void on_sample(void *ctx, uint64_t now)
{
	go_on(ctx);
}

void mouse_event(struct mouse *m, const struct mouse_event *e)
{
	append(m, e);
	m->buttons = e->buttons;
	go_on(m);
}

/* --- what goes out --- */

static void answer(struct mouse *m, uint8_t byte)
{
	m->answer[m->answers++] = byte;
}

static enum ps2_pending pending(void *ctx)
{
	const struct mouse *m = ctx;
	if (m->answered < m->answers)
		return PS2_ANSWER;
	return m->sent < m->size ? PS2_DATA : PS2_NOTHING;
}

static uint8_t take(void *ctx)
{
	struct mouse *m = ctx;
	m->answer_last = m->answered < m->answers;
	if (m->answer_last)
		return m->answer[m->answered++];
	uint8_t byte = m->packet[m->sent];
	if (m->sent < m->size && ++m->sent == m->size && m->count)
		timer_set(m->sample, m->next_ns);
	return byte;
}

/* --- commands --- */

static void set_defaults(struct mouse *m)
{
	m->enabled = m->remote = m->wraps = m->scaled = false;
	m->resolution = DEFAULT_RESOLUTION;
	m->rate = DEFAULT_RATE;
}

/* By three rates in turn a driver asks for more than three buttons and a ball.  What it has asked for
 * holds from when it has seen that it is there. */
static void set_rate(struct mouse *m, uint8_t rate)
{
	if (m->rates[0] == 200 && rate == 80 && (m->rates[1] == 100 || m->rates[1] == 200))
		m->next_id = m->rates[1] == 100 ? WHEEL : EXPLORER;
	m->rates[0] = m->rates[1];
	m->rates[1] = m->rate = rate;
}

static bool is_rate(uint8_t v)
{
	static const uint8_t rates[] = {10, 20, 40, 60, 80, 100, 200};
	return memchr(rates, v, sizeof rates);
}

/* What it cannot use is to be sent again, and is an error the second time. */
static void refuse(struct mouse *m, uint8_t command)
{
	answer(m, m->refused ? ERROR : RESEND);
	m->command = m->refused ? 0 : command;
	m->refused = !m->refused;
}

static void parameter(struct mouse *m, uint8_t command, uint8_t v)
{
	if (command == CMD_RATE ? !is_rate(v) : v > MAX_RESOLUTION) {
		refuse(m, command);
		return;
	}
	m->refused = false;
	if (command == CMD_RATE)
		set_rate(m, v);
	else
		m->resolution = v;
	answer(m, ACK);
}

static void tell_status(struct mouse *m)
{
	answer(m, (m->buttons & MOUSE_RIGHT ? ST_RIGHT : 0) |
	                  (m->buttons & MOUSE_MIDDLE ? ST_MIDDLE : 0) |
	                  (m->buttons & MOUSE_LEFT ? ST_LEFT : 0) | (m->scaled ? ST_SCALED : 0) |
	                  (m->enabled ? ST_ENABLED : 0) | (m->remote ? ST_REMOTE : 0));
	answer(m, m->resolution);
	answer(m, m->rate);
}

static void do_command(struct mouse *m, uint8_t v)
{
	answer(m, ACK);
	switch (v) {
	case CMD_SCALE_1:
	case CMD_SCALE_2:
		m->scaled = v == CMD_SCALE_2;
		break;
	case CMD_RESOLUTION:
	case CMD_RATE:
		m->command = v;
		break;
	case CMD_STATUS:
		tell_status(m);
		break;
	case CMD_STREAM:
	case CMD_REMOTE:
		m->remote = v == CMD_REMOTE;
		break;
	case CMD_READ:
		m->answers += make_packet(m, m->answer + m->answers);
		break;
	case CMD_WRAP:
	case CMD_END_WRAP:
		m->wraps = v == CMD_WRAP;
		break;
	case CMD_IDENTIFY:
		m->id = m->next_id;
		answer(m, m->id);
		break;
	case CMD_ENABLE:
	case CMD_DISABLE:
		m->enabled = v == CMD_ENABLE;
		break;
	case CMD_DEFAULTS:
		set_defaults(m);
		break;
	case CMD_RESET:
		set_defaults(m);
		m->id = m->next_id = PLAIN;
		memset(m->rates, 0, sizeof m->rates);
		answer(m, SELF_TEST_OK);
		answer(m, PLAIN);
		break;
	default:
		m->answers = 0;
		refuse(m, 0);
		return;
	}
	m->refused = false;
}

static void resend(struct mouse *m)
{
	if (m->answer_last)
		m->answered = 0;
	else
		m->sent = 0;
}

/* A command ends what was being sent, and what has moved before it is not told of: IBM, "Mouse
 * Commands". */
static void on_write(void *ctx, uint8_t v)
{
	struct mouse *m = ctx;
	uint8_t command = m->command;
	if (v == CMD_RESEND && !m->wraps) {
		resend(m);
		return;
	}
	m->answered = m->answers = 0;
	m->sent = m->size = 0;
	m->command = 0;
	if (m->wraps && v != CMD_RESET && v != CMD_END_WRAP)
		answer(m, v);
	else if (command && v < CMD_FIRST)
		parameter(m, command, v);
	else
		do_command(m, v);
	if (v != CMD_READ)
		forget(m);
	if (m->told != m->buttons)
		append(m, &(struct mouse_event){.buttons = m->buttons});
	go_on(m);
}

/* --- life --- */

struct ps2_device mouse_line(struct mouse *m)
{
	return (struct ps2_device){m, on_write, pending, take};
}

void mouse_connect(struct mouse *m, struct ps2_host host)
{
	m->host = host;
}

/* It has no reset line. */
static void mouse_reset(void *d, enum reset_kind kind)
{
	struct mouse *m = d;
	if (kind != RESET_POWER)
		return;
	timer_cancel(m->sample);
	*m = (struct mouse){.clock = m->clock, .host = m->host, .sample = m->sample};
	set_defaults(m);
}

static void mouse_state(void *d, struct archive *a)
{
	struct mouse *m = d;
	ARCHIVE(a, m, answer);
	ARCHIVE(a, m, answered);
	ARCHIVE(a, m, answers);
	/* With EBh a packet is behind the first. */
	archive_require(a, "answers", m->answers <= 5 && m->answered <= m->answers);
	ARCHIVE(a, m, packet);
	ARCHIVE(a, m, sent);
	ARCHIVE(a, m, size);
	archive_require(a, "size", m->size <= sizeof m->packet && m->sent <= m->size);
	ARCHIVE(a, m, answer_last);
	ARCHIVE(a, m, queue);
	ARCHIVE(a, m, head);
	archive_require(a, "head", m->head < QUEUE);
	ARCHIVE(a, m, count);
	archive_require(a, "count", m->count <= QUEUE);
	ARCHIVE(a, m, closed);
	ARCHIVE(a, m, overflow);
	ARCHIVE(a, m, buttons);
	ARCHIVE(a, m, told);
	ARCHIVE(a, m, next_ns);
	ARCHIVE(a, m, command);
	ARCHIVE(a, m, refused);
	ARCHIVE(a, m, enabled);
	ARCHIVE(a, m, remote);
	ARCHIVE(a, m, wraps);
	ARCHIVE(a, m, scaled);
	ARCHIVE(a, m, resolution);
	ARCHIVE(a, m, rate);
	archive_require(a, "rate", is_rate(m->rate));
	ARCHIVE(a, m, rates);
	ARCHIVE(a, m, id);
	ARCHIVE(a, m, next_id);
	timer_state(m->sample, a, "sample");
}

static void mouse_destroy(void *d)
{
	struct mouse *m = d;
	timer_free(m->sample);
	free(m);
}

const struct device_type mouse_type = {"mouse", mouse_reset, mouse_state, mouse_destroy};

struct mouse *mouse_create(struct clock *clock)
{
	struct mouse *m = calloc(1, sizeof *m);
	CHECK(m);
	m->clock = clock;
	m->sample = timer_create_on(clock, m, on_sample);
	mouse_reset(m, RESET_POWER);
	return m;
}
