/* libFuzzer target of the translator alone: bytes, mode key, model and site hints in;
 * what comes out keeps the rules of tests/unit/translator_rules.h.
 *
 *   cmake --preset fuzz && ninja -C build/fuzz translator_fuzz
 *   build/fuzz/tests/fuzz/translator_fuzz -max_len=96 -max_total_time=600
 *
 * A crash is written to a file; the same program with that file shows it again. */
#include "../unit/translator_rules.h"

#include <sys/mman.h>

/* Before the code in an input. */
struct input {
	uint32_t mode, eip, limit, site_seed;
	uint8_t model, site, max_insns, flags;
};

enum { INPUT_SINGLE = 1, INPUT_CS = 2 };

static uint8_t *page_end;
static uint32_t site_seed;

static uint8_t site_of(void *ctx, uint32_t eip)
{
	return (eip ^ site_seed) * 0x9e3779b1u >> 30 & ((struct random_case *)ctx)->site;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t *p = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                  -1, 0);
	if (p == MAP_FAILED || mprotect(p + PAGE_SIZE, PAGE_SIZE, PROT_NONE) || start(NULL) ||
	    !rules_start())
		abort();
	page_end = p + PAGE_SIZE;
	return 0;
}

/* Bits of a key that the dispatcher makes: a segment class is 0 to 2. */
static uint32_t valid_mode(uint32_t bits)
{
	for (unsigned s = 0; s < 6; s++)
		if ((bits >> (MODE_SEG_SHIFT + 2 * s) & 3) == 3)
			bits &= ~(1u << (MODE_SEG_SHIFT + 2 * s));
	return bits & ~MODE_CSLIMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct random_case c;
	static uint8_t second[TU_MAX_HOST];
	static struct tu_code code;
	struct input in;

	if (size <= sizeof in)
		return 0;
	memcpy(&in, data, sizeof in);
	size_t n = size - sizeof in < MAX_AVAIL ? size - sizeof in : MAX_AVAIL;
	c.bytes = page_end - n;
	memcpy(c.bytes, data + sizeof in, n);
	site_seed = in.site_seed;
	c.site = in.site & (SITE_BY_PART | SITE_REDIRECT | SITE_CHECK);
	c.req = (struct tu_request){
		.bytes = c.bytes,
		.avail = n,
		.eip = in.eip,
		.mode = {.bits = valid_mode(in.mode), .cs_limit = 0xffffffff},
		.model = cpu_model_at(in.model % 7),
		.out = c.host,
		.exit_id = in.limit & 0xffffff,
		.max_insns = in.max_insns & 15,
		.single = in.flags & INPUT_SINGLE,
		.site = site_of,
		.site_ctx = &c,
	};
	if (in.flags & INPUT_CS) {
		c.req.mode.bits |= MODE_CSLIMIT;
		c.req.mode.cs_limit = in.limit;
	}
	if (translator_run(translator, &c.req, &c.code) == TU_NEED_BYTES) {
		if (n >= 15)
			broken(&c, 0, "wants more than fifteen bytes");
		return 0;
	}
	check_case(&c);
	c.req.out = second;
	if (translator_run(translator, &c.req, &code) != TU_OK ||
	    code.host_len != c.code.host_len || memcmp(second, c.host, code.host_len))
		broken(&c, 0, "another answer the second time");
	return 0;
}
