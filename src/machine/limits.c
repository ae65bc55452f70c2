/* Ends of a run that the command line sets: --timeout, --exit-on-text. */
#include "machine/internal.h"
#include "machine/machine.h"

#include "base/log.h"
#include "host/clock.h"

#include <string.h>

enum { MS = 1000000, LOOK_MS = 20 };

static bool text_is_there(struct machine *m)
{
	const char *text = m->config.exit_on_text;
	if (!m->text_seen)
		m->text_seen =
			printed_find(&m->printed, text, &m->text_from) || remote_shows(m, text);
	return m->text_seen;
}

/* Nobody is waited for who does not read what was printed. */
static void end(struct machine *m, int status)
{
	records_hurry(m);
	control_quit(&m->control, status);
}

static void on_alarm(void *ctx)
{
	struct machine *m = ctx;
	uint64_t now = host_monotonic_ns(), next = m->deadline_ns;
	if (m->config.exit_on_text && text_is_there(m)) {
		end(m, 0);
	} else if (now >= m->deadline_ns) {
		report("--timeout %u: the run had not ended", m->config.timeout);
		end(m, EXIT_TIMEOUT);
	} else {
		if (m->config.exit_on_text && now + LOOK_MS * MS < next)
			next = now + LOOK_MS * MS;
		alarm_set(m->limits, next);
	}
}

bool limits_open(struct machine *m, struct problem *p)
{
	const struct machine_config *c = &m->config;
	m->deadline_ns = UINT64_MAX;
	int err =
		c->timeout || c->exit_on_text ? alarm_create(&m->limits, m->loop, m, on_alarm) : 0;
	return !err || problem_set(p, "cannot set up a timer: %s", strerror(-err));
}

void limits_begin(struct machine *m)
{
	if (!m->limits)
		return;
	if (m->config.timeout)
		m->deadline_ns = host_monotonic_ns() + m->config.timeout * 1000ull * MS;
	on_alarm(m);
}

void limits_printed(struct machine *m, uint8_t byte)
{
	printed_put(&m->printed, byte);
	/* It is not to be forgotten before the next look. */
	if (m->config.exit_on_text && !(m->printed.end % (PRINTED_KEEPS / 2)) && text_is_there(m))
		end(m, 0);
}

int limits_status(struct machine *m, int status)
{
	if (!m->config.exit_on_text || (status && !m->text_seen && !text_is_there(m)))
		return status;
	if (text_is_there(m))
		return 0;
	report("--exit-on-text: the run has ended without %s", m->config.exit_on_text);
	return 1;
}
