#include "machine/idle.h"

#include <string.h>

/* IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller". */
enum { KEYBOARD_STATUS = 0x64, OUTPUT_FULL = 0x01 };

/* Line status of a serial port, 16550 data sheet: nothing came, all has gone, and no error.  A guest
 * that waits for room finds another, and is not to be late for it. */
enum { LINE_STATUS = 0x2ed, LINE_STATUS_OTHERS = 0x110, LINE_QUIET = 0x60 };

/* Interrupt controllers: 20h, 21h, A0h, A1h. */
enum { PIC = 0x20, PIC_OTHERS = 0x81 };

enum idle_kind idle_interrupt(uint8_t n, uint8_t ah)
{
	switch (n) {
	case 0x16: /* keyboard: is there a key? */
		return ah == 0x01 || ah == 0x11 ? IDLE_POLL : IDLE_WAITS;
	case 0x28: /* DOS waits for a key */
		return IDLE_POLL;
	case 0x21: /* DOS: keys without echo, whether there are any, date, time */
		return (ah >= 0x06 && ah <= 0x08) || ah == 0x0b || ah == 0x2a || ah == 0x2c
		               ? IDLE_WAITS
		               : IDLE_WORK;
	case 0x1a: /* the time */
	case 0x2a: /* DOS's critical sections */
	case 0x2f: /* among others, that somebody else may run */
	case 0x33: /* the mouse */
		return IDLE_WAITS;
	case 0x1c: /* a tick */
		return IDLE_NOTHING;
	default:
		return IDLE_WORK;
	}
}

enum idle_kind idle_port(uint16_t port, bool in, uint32_t value)
{
	if (port == KEYBOARD_STATUS && in && !(value & OUTPUT_FULL))
		return IDLE_POLL;
	if ((port & ~LINE_STATUS_OTHERS) == LINE_STATUS && in && value == LINE_QUIET)
		return IDLE_POLL;
	return (port & ~PIC_OTHERS) == PIC ? IDLE_NOTHING : IDLE_WORK;
}

/* Of two words: a poll is not to cost much. */
static uint64_t mix(uint64_t h, uint32_t a, uint32_t b)
{
	h = (h ^ ((uint64_t)a << 32 | b)) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

static uint64_t state_of(const struct idle_place *p, uint64_t h)
{
	const struct vcpu *v = p->v;
	const struct segment *seg = v->seg;
	h = mix(h, v->eip, (uint32_t)seg[SREG_CS].selector << 16 | seg[SREG_SS].selector);
	h = mix(h, (uint32_t)seg[SREG_DS].selector << 16 | seg[SREG_ES].selector,
	        (uint32_t)seg[SREG_FS].selector << 16 | seg[SREG_GS].selector);
	for (unsigned r = 0; r < 8; r += 2)
		h = mix(h, v->gpr[r], v->gpr[r + 1]);
	for (unsigned k = 0; k < IDLE_STACK; k += 2)
		h = mix(h, p->stack[k], p->stack[k + 1]);
	return h;
}

/* Has the guest been in this state at a poll not long ago? */
static bool knows(struct idle *i, uint64_t state)
{
	for (unsigned k = 0; k < IDLE_STATES; k++)
		if (i->states[k] == state)
			return true;
	i->states[i->next] = state;
	i->next = (i->next + 1) % IDLE_STATES;
	return false;
}

bool idle_note(struct idle *i, bool poll, const struct idle_place *p)
{
	i->state = state_of(p, i->state);
	if (!poll)
		return false;
	i->changes += !knows(i, i->state);
	i->last = i->state;
	i->state = 0;
	return ++i->polls % IDLE_POLLS == 0;
}

bool idle_look(struct idle *i, uint64_t now)
{
	uint64_t took = now - i->looked_ns;
	bool quiet = i->polls > IDLE_POLLS && i->changes <= IDLE_CHANGES &&
	             took <= IDLE_POLLS * IDLE_POLL_NS;
	i->quiet_ns = quiet ? i->quiet_ns + took : 0;
	i->looked_ns = now;
	i->changes = 0;
	if (now - i->slept_ns >= IDLE_BEGIN_NS)
		i->idle = false;
	return i->quiet_ns >= (i->idle ? IDLE_AGAIN_NS : IDLE_BEGIN_NS);
}

void idle_prove(struct idle *i, uint64_t data)
{
	i->proving = true;
	i->proof_state = i->last;
	i->proof_data = data;
}

bool idle_again(const struct idle *i)
{
	return i->proving && i->last == i->proof_state;
}

bool idle_proved(struct idle *i, uint64_t data)
{
	bool same = data == i->proof_data;
	i->proving = false;
	if (!same) {
		i->idle = false;
		i->quiet_ns = 0;
	}
	return same;
}

uint64_t idle_sum(uint64_t sum, const void *bytes, unsigned n)
{
	uint64_t h[4] = {sum, 1, 2, 3}, v[4]; /* of which none waits for another */
	for (const uint8_t *at = bytes, *end = at + n; at < end; at += sizeof v) {
		memcpy(v, at, sizeof v);
		for (unsigned k = 0; k < 4; k++)
			h[k] = (h[k] ^ v[k]) * 0x9e3779b97f4a7c15;
	}
	for (unsigned k = 1; k < 4; k++)
		h[0] = mix(h[0], (uint32_t)(h[k] >> 32), (uint32_t)h[k]);
	return h[0];
}

void idle_slept(struct idle *i, uint64_t now)
{
	i->idle = true;
	i->proving = false;
	i->slept_ns = i->looked_ns = now;
	i->quiet_ns = 0;
	i->changes = 0;
	i->polls = IDLE_POLLS;
}
