/* Translating a few bytes, and reading what came out. */
#ifndef TRANSLATOR_FIXTURE_H
#define TRANSLATOR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "translator/table.h"
#include "translator/translator.h"

enum {
	FLAT32 = MODE_CODE32 | MODE_STACK32 | MODE_PE | MODE_OSFXSR,
	FLAT32_CPL0 = FLAT32 | MODE_IF
};

struct translation {
	enum tu_status status;
	struct tu_code code;
	uint8_t host[TU_MAX_HOST];
};

static struct translator *translator;
static struct decoder *decoder;

static inline int start(void **state)
{
	(void)state;
	translator = translator_create();
	decoder = decoder_create();
	return translator && decoder ? 0 : -1;
}

static inline int stop(void **state)
{
	(void)state;
	decoder_destroy(decoder);
	translator_destroy(translator);
	return 0;
}

static inline void translate(struct translation *t, const uint8_t *bytes, size_t n, uint32_t mode,
                             const struct cpu_model *model, unsigned max_insns)
{
	struct tu_request r = {
		.bytes = bytes,
		.avail = n,
		.eip = 0x401000,
		.mode = {.bits = mode, .cs_limit = 0xffffffff},
		.model = model,
		.out = t->host,
		.max_insns = max_insns,
	};
	t->status = translator_run(translator, &r, &t->code);
}

/* r9d of the i-th callout; false past the last. */
static inline bool callout_at(const struct translation *t, unsigned i, uint32_t *packed)
{
	/* mov r9d, imm32; call [r15 + callout] */
	static const uint8_t call[4] = {0x41, 0xff, 0x57,
	                                offsetof(struct vcpu, native.stub) + 8 * STUB_CALLOUT};
	for (unsigned at = 0; at + 10 <= t->code.host_len; at++)
		if (t->host[at] == 0x41 && t->host[at + 1] == 0xb9 &&
		    !memcmp(t->host + at + 6, call, 4) && !i--) {
			memcpy(packed, t->host + at + 2, 4);
			return true;
		}
	return false;
}

/* The vector that the first instruction raises whatever the state is; -1: none. */
static inline int trap_of(const uint8_t *bytes, size_t n, uint32_t mode,
                          const struct cpu_model *model)
{
	struct translation t;
	uint32_t packed;
	translate(&t, bytes, n, mode, model, 1);
	assert_int_equal(t.status, TU_OK);
	if (t.code.n_exits || !callout_at(&t, 0, &packed) || CALLOUT_ID(packed) != CO_TRAP)
		return -1;
	/* Of the vectors that are raised so, #GP alone has an error code. */
	assert_int_equal(CALLOUT_SIZE(packed), CALLOUT_ARG(packed) == VEC_GP);
	return CALLOUT_ARG(packed);
}

/* --- bytes for a row --- */

enum { FORMS = 2 * 8 * 8, ROW_BYTES = 24 };

/* The f-th attempt at bytes that this row translates: f chooses ModRM.  Returns
 * false where decoding finds another row. */
static inline bool row_bytes(const struct row *r, unsigned f, bool lock, uint8_t *out,
                             struct insn *i)
{
	uint8_t *p = out;
	bool mem = f & 1;
	unsigned reg = f >> 1 & 7, rm = f >> 4;

	memset(out, 0, ROW_BYTES);
	if (mem)
		rm = 3; /* [EBX] */
	if (lock)
		*p++ = 0xf0;
	if (r->pfx && r->pfx != 'N')
		*p++ = r->pfx == '6' ? 0x66 : r->pfx == '3' ? 0xf3 : 0xf2;
	if (r->map)
		*p++ = 0x0f;
	if (r->map > 1)
		*p++ = r->map == 2 ? 0x38 : 0x3a;
	*p++ = r->opcode;
	*p = (mem ? 0 : 0xc0) | reg << 3 | rm;
	if (decode(decoder, out, ROW_BYTES, true, i) != DECODE_OK)
		return false;
	if (!i->has_modrm)
		*p = 0;
	return table_find(i) == r;
}

#endif
