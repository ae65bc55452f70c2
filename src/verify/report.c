#include "verify/internal.h"

#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_decoder(csh *out, cs_mode mode, bool detail)
{
	if (cs_open(CS_ARCH_X86, mode, out) != CS_ERR_OK)
		return -ENOMEM;
	cs_option(*out, CS_OPT_DETAIL, detail ? CS_OPT_ON : CS_OPT_OFF);
	return 0;
}

int verify_dump(const void *dump, size_t bytes,
                void (*found)(void *ctx, const struct verify_finding *f), void *ctx,
                struct verify_summary *out)
{
	struct check c = {.found = found, .ctx = ctx, .out = out};
	memset(out, 0, sizeof *out);
	int err = dump_read(&c.d, dump, bytes);
	if (!err)
		err = open_decoder(&c.host, CS_MODE_64, true);
	if (!err)
		err = open_decoder(&c.guest32, CS_MODE_32, false);
	if (!err)
		err = open_decoder(&c.guest16, CS_MODE_16, false);
	if (!err && !((c.insn = cs_malloc(c.host)) && (c.guest_insn = cs_malloc(c.guest32)) &&
	              (c.memo = calloc(MEMOS, sizeof *c.memo))))
		err = -ENOMEM;
	for (uint32_t i = 0; !err && i < c.d.h.units; i++)
		unit_check(&c, i);
	if (!err) {
		stubs_check(&c);
		links_check(&c);
		if (!world_check(&c))
			err = -ENOMEM;
	}
	if (c.insn)
		cs_free(c.insn, 1);
	if (c.guest_insn)
		cs_free(c.guest_insn, 1);
	if (c.host)
		cs_close(&c.host);
	if (c.guest32)
		cs_close(&c.guest32);
	if (c.guest16)
		cs_close(&c.guest16);
	free(c.memo);
	dump_free(&c.d);
	return err;
}

/* The first few of each rule: a broken template is in thousands of units. */
enum { LINES_PER_RULE = 20 };

static void print(void *ctx, const struct verify_finding *f)
{
	unsigned *lines = ctx;
	char hex[3 * sizeof f->bytes + 1] = "";
	if (lines[f->rule]++ >= LINES_PER_RULE)
		return;
	for (unsigned i = 0; i < f->length; i++)
		snprintf(hex + 3 * i, 4, "%02x ", f->bytes[i]);
	fprintf(stderr, "violation %s: unit %08x at %06x: %s| %s: %s\n",
	        verify_rule_number(f->rule), f->eip, f->host, hex, f->text,
	        verify_rule_meaning(f->rule));
}

int verify_report(const void *dump, size_t bytes)
{
	struct verify_summary s;
	unsigned lines[RULE_COUNT] = {0};
	int err = verify_dump(dump, bytes, print, lines, &s);
	if (err) {
		report("verify: %s", err == -EINVAL ? "not a dump of a cache" : strerror(-err));
		return err;
	}
	fprintf(stderr,
	        "verify: %u units (%u dead), %llu bytes, %llu instructions, %u exits (%u chained), "
	        "%u violations; templates:",
	        s.units, s.dead, (unsigned long long)s.bytes, (unsigned long long)s.instructions,
	        s.exits, s.chained, s.violations);
	for (unsigned t = 0; t < T_COUNT; t++)
		fprintf(stderr, " %s %u", verify_template_name(t), s.templates[t]);
	fprintf(stderr, "\n");
	for (unsigned r = 0; r < RULE_COUNT; r++)
		if (s.by_rule[r] > LINES_PER_RULE)
			fprintf(stderr, "verify: %u violations of %s\n", s.by_rule[r],
			        verify_rule_number(r));
	if (ferror(stderr))
		return -EIO; /* and nobody would see a line about it */
	return s.violations > INT_MAX ? INT_MAX : (int)s.violations;
}
