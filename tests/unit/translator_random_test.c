/* links: translator capstone */
/* Random bytes, half of them made from the table's rows, in random modes: whatever
 * comes in, what comes out keeps the rules of translated code.  They are checked
 * by Capstone, with no tables of the translator's. */
#include "translator_rules.h"

#include <sys/mman.h>

enum { CASES = 200000 };

static uint64_t seed;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 20;
}

static bool chance(unsigned one_in)
{
	return rnd() % one_in == 0;
}

/* --- making a case --- */

static unsigned n_rows;

/* An instruction of a random row, with random prefixes and operands; its length. */
static unsigned random_insn(uint8_t *out, bool code32)
{
	static const uint8_t prefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26,
	                                   0x2e, 0x36, 0x3e, 0x64, 0x65};
	const struct row *r = table_at(rnd() % n_rows);
	struct insn i;
	uint8_t *p = out;

	while (chance(3) && p < out + 3)
		*p++ = prefixes[rnd() % sizeof prefixes];
	if (r->pfx && r->pfx != 'N')
		*p++ = r->pfx == '6' ? 0x66 : r->pfx == '3' ? 0xf3 : 0xf2;
	if (r->map)
		*p++ = 0x0f;
	if (r->map > 1)
		*p++ = r->map == 2 ? 0x38 : 0x3a;
	*p++ = r->opcode;
	*p = rnd();
	if (r->ext >= 0)
		*p = (*p & 0xc7) | r->ext << 3;
	if (r->mod == 'm')
		*p &= chance(2) ? 0x7f : 0xbf;
	if (r->mod == 'r')
		*p |= 0xc0;
	for (p++; p < out + 24; p++)
		*p = chance(4) ? 0 : rnd();
	return decode(decoder, out, 24, code32, &i) == DECODE_OK ? i.len : 1 + rnd() % 8;
}

static uint8_t site_of(void *ctx, uint32_t eip)
{
	/* A function of the place in the unit alone, so that the other runs get the same. */
	struct random_case *c = ctx;
	return (eip - c->req.eip + 1) * 0x9e3779b1u >> 29 & c->site;
}

static void random_case(struct random_case *c, uint8_t *page_end)
{
	uint8_t text[MAX_AVAIL + 24];
	unsigned avail = 1 + rnd() % MAX_AVAIL;
	uint32_t bits = rnd() & (MODE_CPL | MODE_CODE32 | MODE_STACK32);

	bits |= chance(16) ? 0 : MODE_PE | MODE_OSFXSR;
	if (chance(2))
		bits |= MODE_CODE32 | MODE_STACK32;
	if (chance(8))
		bits |= rnd() & (MODE_VM | MODE_TS | MODE_EM | MODE_MP | MODE_TSD | MODE_AC);
	if (chance(2))
		bits |= MODE_IF;
	for (unsigned s = 0; s < 6; s++)
		if (chance(3))
			bits |= (rnd() % 4) << (MODE_SEG_SHIFT + 2 * s);
	c->req = (struct tu_request){
		.avail = avail,
		.eip = chance(4) ? rnd() & 0xffff : rnd() ^ rnd() << 16,
		.mode = {.bits = bits, .cs_limit = 0xffffffff},
		.model = cpu_model_at(rnd() % 7),
		.out = c->host,
		.exit_id = rnd() & 0xffffff,
		.max_insns = chance(8) ? 1 + rnd() % 4 : 0,
		.single = chance(8),
		.site = site_of,
		.site_ctx = c,
	};
	c->site = chance(2) ? 0 : rnd() & (SITE_BY_PART | SITE_REDIRECT | SITE_CHECK);
	if (chance(8)) {
		c->req.mode.bits |= MODE_CSLIMIT;
		c->req.mode.cs_limit = c->req.eip + rnd() % MAX_AVAIL;
	}
	if (chance(2))
		for (unsigned at = 0; at < avail; at++)
			text[at] = rnd();
	else
		for (unsigned at = 0; at < avail;)
			at += random_insn(text + at, bits & MODE_CODE32);
	c->bytes = page_end - avail;
	memcpy(c->bytes, text, avail);
	c->req.bytes = c->bytes;
}

/* The same code at another EIP is the unit with its constants moved.  false: where an IP wraps,
 * or the limit of CS decides, it may be another. */
static bool check_moved(struct random_case *c, struct random_case *moved)
{
	uint32_t delta = chance(2) ? rnd() << PAGE_SHIFT : (rnd() & 0xffff) - 0x8000;
	const struct tu_code *a = &c->code, *b = &moved->code;

	if (a->fixed)
		return false;
	for (unsigned i = 0; i < a->n_exits; i++)
		if (a->exits[i].word && tu_wraps(a->exits[i].target, delta))
			return false;
	for (unsigned i = 0; i < a->n_relocs; i++) {
		uint16_t ip;
		memcpy(&ip, c->host + a->relocs[i].host, 2);
		if (a->relocs[i].kind == RELOC_IP && tu_wraps(ip, delta))
			return false;
	}
	for (unsigned i = 0; i < a->n_relocs; i++)
		tu_relocate(c->host, a->relocs[i], delta);
	moved->site = c->site;
	moved->req = c->req;
	moved->req.eip += delta;
	moved->req.out = moved->host;
	moved->req.site_ctx = moved;
	moved->req.mode.cs_limit = 0xffffffff;
	if (translator_run(translator, &moved->req, &moved->code) != TU_OK)
		broken(c, 0, "no unit at another EIP");
	bool same = a->host_len == b->host_len && a->guest_len == b->guest_len &&
	            a->n_exits == b->n_exits && a->n_pads == b->n_pads && a->n_pc == b->n_pc &&
	            a->n_relocs == b->n_relocs && !memcmp(c->host, moved->host, a->host_len) &&
	            !memcmp(a->pads, b->pads, a->n_pads * sizeof *a->pads) &&
	            !memcmp(a->pc, b->pc, a->n_pc * sizeof *a->pc) &&
	            !memcmp(a->relocs, b->relocs, a->n_relocs * sizeof *a->relocs);
	for (unsigned i = 0; same && i < a->n_exits; i++)
		same = a->exits[i].target + delta == b->exits[i].target &&
		       a->exits[i].stub == b->exits[i].stub;
	if (!same)
		broken(c, 0, "moved it is not what is made there");
	return true;
}

static void test_random(void **state)
{
	static struct random_case c, again;
	unsigned units = 0, moved = 0;
	uint64_t insns = 0, bytes = 0;
	uint8_t *page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(page != MAP_FAILED && !mprotect(page + PAGE_SIZE, PAGE_SIZE, PROT_NONE));
	while (table_at(n_rows))
		n_rows++;
	seed = 0x1234567;
	for (number = 0; number < CASES; number++) {
		random_case(&c, page + PAGE_SIZE);
		if (translator_run(translator, &c.req, &c.code) == TU_NEED_BYTES) {
			if (c.req.avail >= 15)
				broken(&c, 0, "wants more than fifteen bytes");
			continue;
		}
		units++;
		check_case(&c);
		insns += c.code.n_insns;
		bytes += c.code.host_len;
		if (number % 8 == 0) {
			/* The same request gives the same answer. */
			again.req = c.req;
			again.req.out = again.host;
			assert_int_equal(translator_run(translator, &again.req, &again.code),
			                 TU_OK);
			if (again.code.host_len != c.code.host_len ||
			    memcmp(again.host, c.host, c.code.host_len))
				broken(&c, 0, "another answer the second time");
			moved += check_moved(&c, &again);
		}
	}
	print_message("%u units of %llu instructions, %llu bytes\n", units,
	              (unsigned long long)insns, (unsigned long long)bytes);
	assert_true(units > CASES / 2 && insns > 2 * CASES && moved > units / 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};
	if (!rules_start())
		return 2;
	return cmocka_run_group_tests(tests, start, stop);
}
