/* Tells a guest that does nothing but ask for a key from one that computes.
 *
 * A poll is a question that is answered with "none": INT 16h for a key, port 64h for a byte, a serial
 * port's line status likewise.  What comes between polls is work where it is a port, a device in memory,
 * or another software interrupt than those that come with waiting; where it takes long; or where the
 * guest is not in the same state at one poll as at others before: a loop that counts, or walks through
 * something, is not idle.  Before it sleeps, its data segments must be the same at two polls in the same
 * state: so what computes in memory, as an interpreter that asks for Ctrl-C, is not idle, either.
 *
 * After 50 ms of polls alone the guest is idle, and sleeps; then, as long as no 50 ms pass without a
 * sleep, after 0.1 ms of polls alone each time.  Times are those that the guest has had of a processor,
 * in nanoseconds: a busy host changes nothing. */
#ifndef UNRING_MACHINE_IDLE_H
#define UNRING_MACHINE_IDLE_H

#include "cpu/vcpu.h"

enum {
	IDLE_POLLS = 8,       /* between two looks at the time, each of which costs a system call */
	IDLE_CHANGES = 3,     /* of the guest's state between them: a tick, which the guest reads */
	IDLE_POLL_NS = 50000, /* with what is between two of them: no longer on average */
	IDLE_BEGIN_NS = 50000000, /* of polls alone, until the guest is idle */
	IDLE_AGAIN_NS = 100000,   /* ... until one that is idle sleeps again */
	IDLE_SLEEP_NS = 15000000, /* at most, of the guest's time */
	IDLE_STACK = 16,          /* dwords of the guest's stack that are looked at */
	IDLE_DATA = 65536,        /* bytes of each of its data segments */
	IDLE_STATES = 4           /* of the guest at its polls that are remembered */
};

struct idle {
	uint64_t state; /* the guest's where it has asked for something since its last poll */
	uint64_t states[IDLE_STATES];
	unsigned next; /* of these, to be forgotten */
	uint64_t last; /* state, at the last poll */
	bool proving;  /* it would sleep: it was in this state with this data */
	uint64_t proof_state, proof_data;
	unsigned changes;   /* polls since the last look in a state that was not among them */
	unsigned polls;     /* since the guest has worked; the first few only begin the time */
	bool idle;          /* it has slept not long ago */
	uint64_t looked_ns; /* the last look */
	uint64_t slept_ns;  /* the end of the last sleep */
	uint64_t quiet_ns;  /* of polls alone */
};

/* Where the guest is: what is not the same in a loop that gets on with something. */
struct idle_place {
	const struct vcpu *v;
	uint32_t stack[IDLE_STACK]; /* from its top on: callers and their variables */
};

enum idle_kind {
	IDLE_NOTHING, /* what interrupts do, which a guest that sleeps takes, too */
	IDLE_WAITS,   /* it may be a part of waiting for a key */
	IDLE_POLL,
	IDLE_WORK
};

/* Those that may be polls, a bit each; what others are matters where the guest has polled: while
 * idle.polls. */
#define IDLE_INTERRUPTS (1ull << 0x16 | 1ull << 0x28)
/* What software interrupt n of a BIOS or DOS is, with this value in AH. */
enum idle_kind idle_interrupt(uint8_t n, uint8_t ah);
/* What a read of this value from a port, or a write, is. */
enum idle_kind idle_port(uint16_t port, bool in, uint32_t value);

/* The guest works. */
static inline void idle_work(struct idle *i)
{
	i->polls = 0;
	i->state = 0;
	i->proving = false;
}

/* Is a poll the first since the guest has worked?  It is counted, and says nothing yet: drivers look at a
 * serial port's status before each byte that they send, and are not to pay for the rest. */
static inline bool idle_first(struct idle *i)
{
	if (i->polls)
		return false;
	i->polls = 1;
	return true;
}

/* The guest polls, or does what goes with it, there; true: idle_look() is due. */
bool idle_note(struct idle *i, bool poll, const struct idle_place *p);
/* Is it to sleep, if its data stays as it is?  It was that at the last poll (idle_sum()). */
bool idle_look(struct idle *i, uint64_t now);
void idle_prove(struct idle *i, uint64_t data);
/* Is the last poll one in the same state? */
bool idle_again(const struct idle *i);
/* This is its data there: is it to sleep? */
bool idle_proved(struct idle *i, uint64_t data);
/* One number for these bytes, a multiple of 32, and those that sum is for. */
uint64_t idle_sum(uint64_t sum, const void *bytes, unsigned n);
/* It has slept. */
void idle_slept(struct idle *i, uint64_t now);

#endif
