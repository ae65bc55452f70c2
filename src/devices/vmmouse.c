#include "devices/vmmouse.h"

#include "base/log.h"
#include "devices/mouse.h"

#include <stdlib.h>

enum {
	PORT = 0x5658,
	PORTS = 4,

	/* registers, by their numbers */
	EAX = 0,
	ECX = 1,
	EDX = 2,
	EBX = 3,

	MAGIC = 0x564d5868, /* EAX's, in a call */
	VERSION = 6,

	/* calls: CX; EBX is the argument */
	CALL_VERSION = 10,
	CALL_DATA = 39,   /* so many words, 4 at most, to EAX, EBX, ECX, EDX */
	CALL_STATUS = 40, /* EAX: how many words wait */
	CALL_COMMAND = 41,

	/* its commands */
	COMMAND_ENABLE = 0x45414552, /* "REAE": its identity is the first word */
	COMMAND_DISABLE = 0xf5,
	COMMAND_RELATIVE = 0x4c455252, /* "RREL" */
	COMMAND_ABSOLUTE = 0x53424152, /* "RABS" */

	IDENTITY = 0x3442554a, /* "JUB4" */

	/* the first word of a packet; x, y and wheel follow */
	PACKET_MIDDLE = 0x08,
	PACKET_RIGHT = 0x10,
	PACKET_LEFT = 0x20,
	PACKET_RELATIVE = 0x10000,
	WORDS = 4,

	QUEUE = 32 * WORDS,
};

static const uint32_t NOT_ENABLED = 0xffff0000; /* CALL_STATUS's answer */

struct vmmouse {
	struct vmmouse_board board;
	uint8_t mode; /* enum vmmouse_mode */
	bool enabled;
	uint32_t queue[QUEUE];
	unsigned head, count; /* words */
	bool closed;          /* the packet that came last */
	uint8_t buttons;      /* as it has them */
};

/* --- the queue --- */

static void put(struct vmmouse *v, uint32_t word)
{
	v->queue[(v->head + v->count++) % QUEUE] = word;
}

static uint32_t take(struct vmmouse *v)
{
	uint32_t word = v->queue[v->head];
	v->head = (v->head + 1) % QUEUE;
	v->count--;
	return word;
}

/* A word of the packet that came last. */
static uint32_t *last(struct vmmouse *v, unsigned word)
{
	return &v->queue[(v->head + v->count - WORDS + word) % QUEUE];
}

static void merge(struct vmmouse *v, uint32_t flags, const struct vmmouse_event *e)
{
	bool adds = flags & PACKET_RELATIVE;
	*last(v, 0) = flags;
	*last(v, 1) = (adds ? *last(v, 1) : 0) + (uint32_t)e->x;
	*last(v, 2) = (adds ? *last(v, 2) : 0) + (uint32_t)e->y;
	*last(v, 3) += (uint32_t)e->dz;
}

static uint32_t flags_of(const struct vmmouse *v, unsigned buttons)
{
	return (buttons & MOUSE_LEFT ? PACKET_LEFT : 0) |
	       (buttons & MOUSE_RIGHT ? PACKET_RIGHT : 0) |
	       (buttons & MOUSE_MIDDLE ? PACKET_MIDDLE : 0) |
	       (v->mode == VMMOUSE_RELATIVE ? PACKET_RELATIVE : 0);
}

/* Downwards is negative in a relative packet, as in the PS/2 mouse's. */
void vmmouse_event(struct vmmouse *v, const struct vmmouse_event *e)
{
	struct vmmouse_event packet = *e;
	uint32_t flags = flags_of(v, e->buttons);
	if (v->mode == VMMOUSE_OFF)
		return;
	if (v->mode == VMMOUSE_RELATIVE)
		packet.y = (int)-(uint32_t)e->y;
	bool whole = v->count >= WORDS;
	bool full = v->count + WORDS > QUEUE;
	bool same = !v->closed && *last(v, 0) == flags;
	/* A button went down or up where that packet says, not where the pointer goes from there. */
	v->closed = e->last || v->buttons != e->buttons;
	v->buttons = (uint8_t)e->buttons;
	if (whole && (full || same)) {
		merge(v, flags, &packet);
		return;
	}
	put(v, flags);
	put(v, (uint32_t)packet.x);
	put(v, (uint32_t)packet.y);
	put(v, (uint32_t)packet.dz);
}

enum vmmouse_mode vmmouse_mode(const struct vmmouse *v)
{
	return v->mode;
}

/* --- calls --- */

static void forget(struct vmmouse *v)
{
	v->head = v->count = 0;
}

static void command(struct vmmouse *v, uint32_t what)
{
	switch (what) {
	case COMMAND_ENABLE:
		forget(v);
		v->enabled = true;
		v->mode = VMMOUSE_OFF; /* until one is asked for */
		put(v, IDENTITY);
		break;
	case COMMAND_DISABLE:
		forget(v);
		v->enabled = false;
		v->mode = VMMOUSE_OFF;
		break;
	case COMMAND_RELATIVE:
	case COMMAND_ABSOLUTE:
		if (!v->enabled)
			return;
		if (v->mode != VMMOUSE_OFF) /* packets of one kind alone are merged */
			forget(v);
		v->mode = what == COMMAND_ABSOLUTE ? VMMOUSE_ABSOLUTE : VMMOUSE_RELATIVE;
	}
}

/* Its answer is EAX.  Who asks for more words than there are has lost its way. */
static uint32_t data(struct vmmouse *v, uint32_t *reg)
{
	static const uint8_t others[] = {EBX, ECX, EDX};
	uint32_t words = reg[EBX];
	if (!words || words > WORDS || words > v->count)
		return UINT32_MAX;
	uint32_t first = take(v);
	for (unsigned i = 0; i < words - 1; i++)
		reg[others[i]] = take(v);
	return first;
}

static uint32_t port_read(void *ctx, uint32_t offset, unsigned size)
{
	struct vmmouse *v = ctx;
	bool call = size == 4 && !offset && v->board.registers;
	uint32_t *reg = call ? v->board.registers(v->board.ctx) : NULL;
	if (!reg || reg[EAX] != MAGIC)
		return UINT32_MAX;
	switch (reg[ECX] & 0xffff) {
	case CALL_VERSION:
		reg[EBX] = MAGIC;
		return VERSION;
	case CALL_DATA:
		return data(v, reg);
	case CALL_STATUS:
		return v->enabled ? v->count : NOT_ENABLED;
	case CALL_COMMAND:
		command(v, reg[EBX]);
		return 0;
	default:
		return UINT32_MAX;
	}
}

/* --- life --- */

static void vmmouse_reset(void *d, enum reset_kind kind)
{
	struct vmmouse *v = d;
	*v = (struct vmmouse){.board = v->board};
}

static void vmmouse_state(void *d, struct archive *a)
{
	struct vmmouse *v = d;
	ARCHIVE(a, v, mode);
	archive_require(a, "mode", v->mode <= VMMOUSE_ABSOLUTE);
	ARCHIVE(a, v, enabled);
	ARCHIVE(a, v, queue);
	ARCHIVE(a, v, head);
	archive_require(a, "head", v->head < QUEUE);
	ARCHIVE(a, v, count);
	archive_require(a, "count", v->count <= QUEUE);
	ARCHIVE(a, v, closed);
	ARCHIVE(a, v, buttons);
}

const struct device_type vmmouse_type = {"vmmouse", vmmouse_reset, vmmouse_state, free};

struct vmmouse *vmmouse_create(struct bus *bus, struct vmmouse_board board)
{
	struct vmmouse *v = calloc(1, sizeof *v);
	CHECK(v);
	v->board = board;
	struct region_handler h = {.ctx = v, .read = port_read, .max = 4};
	CHECK(bus_map(bus, SPACE_PORT, PORT, PORTS, h) > 0);
	return v;
}
