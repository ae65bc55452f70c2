#include "verify/internal.h"

#include <stdio.h>
#include <string.h>

const char *verify_rule_number(enum verify_rule r)
{
	static const char *const numbers[] = {
#define RULE(name, number, meaning) number,
		VERIFY_RULES(RULE)
#undef RULE
	};
	return numbers[r];
}

const char *verify_rule_meaning(enum verify_rule r)
{
	static const char *const meanings[] = {
#define RULE(name, number, meaning) meaning,
		VERIFY_RULES(RULE)
#undef RULE
	};
	return meanings[r];
}

const char *verify_template_name(enum verify_template t)
{
	static const char *const names[] = {
#define TEMPLATE(name) #name,
		VERIFY_TEMPLATES(TEMPLATE)
#undef TEMPLATE
	};
	return names[t];
}

void fail(struct check *c, const struct dump_unit *u, uint32_t off, enum verify_rule rule,
          const char *what)
{
	struct verify_finding f = {.rule = rule, .eip = u ? u->eip : 0, .host = off};
	const uint8_t *p = c->d.code + off;
	size_t left = off < c->d.h.used ? c->d.h.used - off : 0;
	uint64_t address = c->d.h.rx + off;

	if (left && cs_disasm_iter(c->host, &p, &left, &address, c->insn)) {
		f.length = (uint8_t)c->insn->size;
		snprintf(f.text, sizeof f.text, "%s %s", c->insn->mnemonic, c->insn->op_str);
	} else if (left) {
		f.length = left < 8 ? (uint8_t)left : 8;
		snprintf(f.text, sizeof f.text, "(no instruction)");
	}
	memcpy(f.bytes, c->d.code + (f.length ? off : 0), f.length);
	if (what)
		snprintf(f.text, sizeof f.text, "%s", what);
	c->out->violations++;
	c->out->by_rule[rule]++;
	if (c->found)
		c->found(c->ctx, &f);
}
