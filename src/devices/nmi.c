#include "devices/nmi.h"

#include "base/log.h"

#include <stdlib.h>

struct nmi {
	void *ctx;
	void (*raise)(void *ctx);
	bool asked;       /* IOCHK# */
	bool latched;     /* it was, while it was not off */
	bool off, masked; /* the gates */
	bool output;
};

static void update(struct nmi *n)
{
	if (n->off)
		n->latched = false;
	else if (n->asked)
		n->latched = true;
	bool output = n->latched && !n->masked;
	bool rises = output && !n->output;
	n->output = output;
	if (rises)
		n->raise(n->ctx);
}

static void iochk_set(void *ctx, bool level)
{
	struct nmi *n = ctx;
	n->asked = level;
	update(n);
}

struct irq_line nmi_iochk(struct nmi *n)
{
	return (struct irq_line){n, iochk_set};
}

void nmi_mask(struct nmi *n, bool masked)
{
	n->masked = masked;
	update(n);
}

void nmi_disable(struct nmi *n, bool off)
{
	n->off = off;
	update(n);
}

bool nmi_latched(const struct nmi *n)
{
	return n->latched;
}

/* --- life --- */

/* The timer and the clock, which are reset as well, set the gates. */
static void nmi_reset(void *d, enum reset_kind kind)
{
	struct nmi *n = d;
	n->masked = true;
	n->latched = n->off = false;
	update(n);
}

static void nmi_state(void *d, struct archive *a)
{
	struct nmi *n = d;
	ARCHIVE(a, n, asked);
	ARCHIVE(a, n, latched);
	ARCHIVE(a, n, off);
	ARCHIVE(a, n, masked);
	ARCHIVE(a, n, output);
}

const struct device_type nmi_type = {"nmi", nmi_reset, nmi_state, free};

struct nmi *nmi_create(void *ctx, void (*raise)(void *ctx))
{
	struct nmi *n = calloc(1, sizeof *n);
	CHECK(n);
	n->ctx = ctx;
	n->raise = raise;
	nmi_reset(n, RESET_POWER);
	return n;
}
