#include "machine/stolen.h"

enum {
	TIGHT_NS = 20000,   /* between polls of one loop */
	POLLS = 16,         /* that make a loop */
	HOLE_NS = 10000,    /* less is left as it is */
	SWITCH_NS = 200000, /* what a switch of processes may cost beside */
	DONE_NS = 2000000,  /* without a poll */
};

/* How much of a gap between two looks the host took. */
static uint64_t stolen_from(struct stolen *s, uint64_t now_ns, uint64_t gap_ns)
{
	uint64_t cpu = s->cpu_ns();
	uint64_t passed = now_ns - s->base_ns, ran = cpu - s->base_cpu;
	uint64_t away = passed > ran ? passed - ran : 0;
	s->base_ns = now_ns;
	s->base_cpu = cpu;
	if (away <= HOLE_NS)
		return 0;
	/* The time of a process does not count the switch itself.  Where nearly all of the gap is the
	 * host's, all of it is, but for one look as usual. */
	if (away > gap_ns || gap_ns - away < SWITCH_NS)
		away = gap_ns - s->usual_ns;
	return away;
}

bool stolen_look(struct stolen *s, struct moment now, bool poll, struct moment *hide)
{
	struct moment gap = {now.ns - s->last.ns, now.tsc - s->last.tsc};
	*hide = (struct moment){0};
	s->last = now;
	if (gap.ns <= TIGHT_NS) {
		s->usual_ns = gap.ns;
	} else {
		s->polls = 0;
		if (s->active)
			hide->ns = stolen_from(s, now.ns, gap.ns);
		hide->tsc = (unsigned __int128)gap.tsc * hide->ns / gap.ns;
		s->last_poll_ns += hide->ns;
	}
	if (poll) {
		s->last_poll_ns = now.ns;
		if (++s->polls >= POLLS && !s->active) {
			s->active = true;
			s->base_ns = now.ns;
			s->base_cpu = s->cpu_ns();
		}
	}
	return hide->ns;
}

void stolen_end(struct stolen *s, uint64_t now_ns, bool at_once)
{
	if (s->active && (at_once || now_ns - s->last_poll_ns >= DONE_NS)) {
		s->active = false;
		s->polls = 0;
	}
}
