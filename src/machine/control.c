#include "machine/control.h"

#include "host/watchdog.h"

void control_quit(struct control *c, int status)
{
	monitor_stop(c->monitor, END_REQUEST, status);
}

void control_reset(struct control *c)
{
	monitor_stop(c->monitor, END_RESET, 0);
}

void control_pause(struct control *c, unsigned holder)
{
	c->holders |= holder;
	if (!c->stands)
		monitor_debug_request(c->monitor);
}

void control_resume(struct control *c, unsigned holder)
{
	c->holders &= ~holder;
	/* What this one has withdrawn may have been another's. */
	if (c->holders && !c->stands)
		monitor_debug_request(c->monitor);
}

void control_hold_on(struct control *c)
{
	if (c->holders)
		monitor_debug_request(c->monitor);
}

bool control_held(const struct control *c, unsigned holders)
{
	return c->holders & holders;
}

void control_stands(struct control *c, bool stands)
{
	c->stands = stands;
}

void control_end(struct control *c, int signo)
{
	c->end_signal = signo;
	watchdog_start(128 + signo);
}

void control_look(struct control *c)
{
	c->look_signal = 1;
}

bool control_obey(struct control *c)
{
	bool look = c->look_signal;
	c->look_signal = 0;
	if (c->end_signal) {
		watchdog_stop();
		control_quit(c, 128 + c->end_signal);
	}
	return look;
}
