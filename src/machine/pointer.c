#include "machine/pointer.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	VMMOUSE_MOST = 0xffff,
	MOST_MOVE = 1 << 16, /* that one event may have; none is so far on a screen */
};

/* The screen in one direction. */
struct axis {
	int size;  /* pixels; 0: not looked at yet */
	int at;    /* the guest's cursor, in pixels, if that is known */
	int place; /* the pointer's, up to POINTER_MOST */
};

/* What has been gathered of an event. */
struct motion {
	int move[2], wheel;
	bool placed, happened;
};

struct pointer {
	struct pointer_owner owner;
	struct axis axis[2];
	bool known; /* where the guest's cursor is */
	unsigned buttons;
};

static int within(int64_t n, int least, int most)
{
	return n < least ? least : n > most ? most : (int)n;
}

static void look_at_screen(struct pointer *p)
{
	unsigned size[2] = {0};
	p->owner.size(p->owner.ctx, &size[0], &size[1]);
	for (unsigned i = 0; i < 2; i++) {
		int now = within(size[i], 1, MOST_MOVE);
		p->known &= p->axis[i].size == now;
		p->axis[i].size = now;
	}
}

/* --- what the guest is told --- */

/* By so much, or to a place if the device is absolute.  last: see mouse.h. */
static void move(struct pointer *p, int dx, int dy, int dz, bool last)
{
	if (vmmouse_mode(p->owner.vmmouse) == VMMOUSE_OFF) {
		mouse_event(p->owner.mouse, &(struct mouse_event){dx, dy, dz, p->buttons, last});
		return;
	}
	vmmouse_event(p->owner.vmmouse, &(struct vmmouse_event){dx, dy, dz, p->buttons, last});
	/* Its interrupt tells of the other's event. */
	mouse_event(p->owner.mouse, &(struct mouse_event){0});
}

/* The guest's cursor, which stops at the ends of its screen, is brought to a place that is known. */
static void find_cursor(struct pointer *p)
{
	if (p->known)
		return;
	move(p, -2 * p->axis[0].size, -2 * p->axis[1].size, 0, true);
	p->axis[0].at = p->axis[1].at = 0;
	p->known = true;
}

/* How far it is from the cursor to the pointer.  To an end it is somewhat farther, which brings a
 * cursor that has strayed back to the pointer; *far then. */
static int way(struct axis *a, bool *far)
{
	int to = (int)((int64_t)a->place * (a->size - 1) / POINTER_MOST), by = to - a->at;
	int more = to == 0 && by < 0 ? -a->size : to == a->size - 1 && by > 0 ? a->size : 0;
	*far |= more != 0;
	a->at = to;
	return by + more;
}

static void tell_movement(struct pointer *p, const struct motion *m)
{
	if (m->placed) {
		look_at_screen(p);
		find_cursor(p);
		bool far = false;
		int dx = way(&p->axis[0], &far), dy = way(&p->axis[1], &far);
		move(p, dx, dy, m->wheel, far);
		return;
	}
	for (unsigned i = 0; i < 2 && p->known; i++)
		p->axis[i].at = within(p->axis[i].at + m->move[i], 0, p->axis[i].size - 1);
	move(p, m->move[0], m->move[1], m->wheel, false);
}

static int place(struct axis *a, int by)
{
	int64_t more = (int64_t)by * POINTER_MOST / a->size;
	a->place = within(a->place + more, 0, POINTER_MOST);
	return (int)((int64_t)a->place * VMMOUSE_MOST / POINTER_MOST);
}

static void tell_place(struct pointer *p, const struct motion *m)
{
	look_at_screen(p);
	p->known = false;
	int x = place(&p->axis[0], m->move[0]), y = place(&p->axis[1], m->move[1]);
	move(p, x, y, m->wheel, false);
}

/* --- events --- */

bool pointer_is_absolute(const struct pointer *p)
{
	return vmmouse_mode(p->owner.vmmouse) == VMMOUSE_ABSOLUTE;
}

static void tell(struct pointer *p, struct motion *m)
{
	if (pointer_is_absolute(p))
		tell_place(p, m);
	else
		tell_movement(p, m);
	*m = (struct motion){0};
}

static void press(struct pointer *p, struct motion *m, const struct pointer_step *s)
{
	/* It was moved before that. */
	if (m->happened)
		tell(p, m);
	p->buttons = s->kind == POINTER_DOWN ? p->buttons | (unsigned)s->value
	                                     : p->buttons & ~(unsigned)s->value;
	tell(p, m);
}

static void gather(struct pointer *p, struct motion *m, const struct pointer_step *s)
{
	unsigned axis = s->kind == POINTER_DY || s->kind == POINTER_Y;
	m->happened = true;
	switch (s->kind) {
	case POINTER_DX:
	case POINTER_DY:
		m->move[axis] = within((int64_t)m->move[axis] + s->value, -MOST_MOVE, MOST_MOVE);
		break;
	case POINTER_X:
	case POINTER_Y:
		m->placed = true;
		p->axis[axis].place = within(s->value, 0, POINTER_MOST);
		break;
	default:
		m->wheel = within((int64_t)m->wheel + s->value, -MOST_MOVE, MOST_MOVE);
	}
}

void pointer_steps(struct pointer *p, const struct pointer_step *s, unsigned n)
{
	struct motion m = {0};
	for (unsigned i = 0; i < n; i++)
		if (s[i].kind >= POINTER_DOWN)
			press(p, &m, &s[i]);
		else
			gather(p, &m, &s[i]);
	if (m.happened)
		tell(p, &m);
}

void pointer_forget(struct pointer *p)
{
	p->known = false;
}

struct pointer *pointer_create(struct pointer_owner owner)
{
	struct pointer *p = calloc(1, sizeof *p);
	CHECK(p);
	p->owner = owner;
	return p;
}

void pointer_destroy(struct pointer *p)
{
	free(p);
}
