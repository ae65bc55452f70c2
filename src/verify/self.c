/* Units that check themselves: the comparison of the guest's bytes in memory with those of the unit,
 * and loads of immediates that are left out of it. */
#include "verify/cursor.h"
#include "verify/internal.h"

/* Where byte i of the unit's source is, from the cell `memory`. */
static uint32_t place_of(const struct dump_unit *u, uint32_t i)
{
	uint32_t off = u->page_off + i, gfn = off < PAGE_SIZE ? u->gfn : u->gfn2;
	return (gfn << PAGE_SHIFT | (off & PAGE_MASK)) - TU_MEMORY;
}

static const uint8_t *source(const struct sweep *s)
{
	return s->c->d.guest + s->u->guest;
}

bool self_is_live(const struct sweep *s, uint32_t i)
{
	return s->u->self && !s->u->flags && i < s->u->guest_len &&
	       tu_is_live(source(s) + s->u->guest_len, i);
}

/* A dead unit's source is not in the dump. */
static bool is_known(const struct sweep *s)
{
	return s->u->self && !s->u->flags;
}

/* Its length, 0 if it is none: rex [0F] opcode modrm disp32, from [r9 + disp32]. */
static unsigned load(struct cursor *k, uint8_t rex, uint8_t modrm, bool sign, uint32_t *place)
{
	static const struct {
		char bytes[3];
		unsigned n, size;
	} form[] = {{"\x8b", 1, 4}, {"\x0f\xb7", 2, 2}, {"\x0f\xb6", 2, 1}, {"\x0f\xbe", 2, 1}};
	for (unsigned i = 0; i < 3u + sign; i++) {
		struct cursor t = *k;
		bytes(&t, 1, (const char *)&rex);
		bytes(&t, form[i].n, form[i].bytes);
		bytes(&t, 1, (const char *)&modrm);
		*place = imm(&t, 4);
		if (t.ok) {
			*k = t;
			return form[i].size;
		}
	}
	return 0;
}

/* Is the piece of n bytes there the next of the source, from *g on, and minus what it must be? */
static bool piece_is(const struct sweep *s, uint32_t *g, unsigned n, uint32_t place, uint32_t minus)
{
	uint32_t is = 0;
	if (!is_known(s))
		return s->u->flags & DUMP_DEAD;
	while (self_is_live(s, *g))
		++*g;
	for (unsigned i = 0; i < n; i++)
		if (*g + i >= s->u->guest_len || place_of(s->u, *g + i) != place + i)
			return false;
	memcpy(&is, source(s) + *g, n);
	*g += n;
	return -minus == is;
}

/* mov r9, [r15 + memory] */
static void memory(struct cursor *k, const struct sweep *s)
{
	BYTES(k, "\x4d\x8b");
	at_r15(k, R9, -1, s->c->d.h.layout.memory);
}

unsigned self_check_match(struct sweep *s, const uint8_t *p)
{
	const struct dump_layout *l = &s->c->d.h.layout;
	struct cursor k = cursor(p, s->end);
	uint32_t at = (uint32_t)(p - s->base), eip = sweep_eip(s, at, NULL), from = eip - s->u->eip,
		 g = from, place;
	bool same = true;

	BYTES(&k, "\x4c\x8b\xd9"); /* mov r11, rcx */
	memory(&k, s);
	unsigned n = load(&k, 0x41, 0x89, false, &place); /* mov ecx, [r9 + place] */
	if (n) {
		BYTES(&k, "\x8d\x89"); /* lea ecx, [rcx - bytes] */
		same = piece_is(s, &g, n, place, imm(&k, 4));
	} else {
		BYTES(&k, "\xb9\x00\x00\x00\x00"); /* mov ecx, 0 */
	}
	while (k.ok && n && (n = load(&k, 0x45, 0x81, false, &place))) { /* mov r8d, [r9 + place] */
		BYTES(&k, "\x45\x8d\x80");                               /* lea r8d, [r8 - bytes] */
		same &= piece_is(s, &g, n, place, imm(&k, 4));
		BYTES(&k, "\x4a\x8d\x0c\x01"); /* lea rcx, [rcx + r8] */
	}
	BYTES(&k, "\xe3"); /* jrcxz same */
	uint32_t hop = imm(&k, 1);
	const uint8_t *miss = k.p;
	BYTES(&k, "\x41\x8b\xcb" /* mov ecx, r11d */
	          "\x41\xb8");   /* mov r8d, eip */
	uint32_t given = imm(&k, 4);
	BYTES(&k, "\x41\xb9"); /* mov r9d, the callout */
	uint32_t packed = imm(&k, 4);
	BYTES(&k, "\x41\xff"); /* call [r15 + callout] */
	at_r15(&k, 2, -1, l->stub_callout);
	if (k.p != miss + hop)
		k.ok = false;
	BYTES(&k, "\x41\x8b\xcb"); /* same: mov ecx, r11d */
	if (!k.ok)
		return 0;
	if ((packed & 0xff) != l->co_stale)
		sweep_fail(s, p, RULE_CALLOUT, NULL);
	if (given != eip)
		sweep_fail(s, p, RULE_EIP, NULL);
	if (!same)
		sweep_fail(s, p, RULE_CHECK, "compares other bytes");
	while (self_is_live(s, g))
		g++;
	if (s->n_checks < sizeof s->checks / sizeof *s->checks)
		s->checks[s->n_checks++] = (struct self_check){at, same ? g : from};
	s->r8 = false;
	s->c->out->templates[T_self_check]++;
	return (unsigned)(k.p - p);
}

unsigned self_load_match(struct sweep *s, const uint8_t *p)
{
	struct cursor k = cursor(p, s->end);
	uint32_t place, from = sweep_eip(s, (uint32_t)(p - s->base), NULL) - s->u->eip, g = from;
	unsigned n = 0;

	memory(&k, s);
	for (unsigned r = R8; k.ok && !n && r <= R11; r++)
		n = r == R9 ? 0 : load(&k, 0x45, (uint8_t)(0x81 | (r & 7) << 3), true, &place);
	if (!k.ok || !n)
		return 0;
	while (is_known(s) && g < s->u->guest_len && !self_is_live(s, g))
		g++;
	bool own = !is_known(s) ? s->u->flags & DUMP_DEAD : place_of(s->u, g) == place;
	for (unsigned i = 0; own && is_known(s) && i < n; i++)
		own = self_is_live(s, g + i) && place_of(s->u, g + i) == place + i;
	if (!own || s->n_loads == sizeof s->loads / sizeof *s->loads)
		sweep_fail(s, p, RULE_CHECK, "loads what it compares, or none of its bytes");
	else
		s->loads[s->n_loads++] = (struct self_load){(uint32_t)(p - s->base), g, n};
	s->r8 = false;
	s->c->out->templates[T_self_load]++;
	return (unsigned)(k.p - p);
}

uint32_t self_covered(const struct sweep *s, uint32_t at)
{
	for (unsigned i = 0; i < s->n_checks; i++)
		if (s->checks[i].at == at)
			return s->checks[i].to;
	return 0;
}

bool self_loads(const struct sweep *s, uint32_t from, uint32_t to, uint32_t at, unsigned n,
                bool *live)
{
	unsigned first = n, loads = 0;
	for (unsigned i = n; i-- && self_is_live(s, at + i);)
		first = i;
	*live = first < n;
	/* An immediate is what an instruction ends with, all of it. */
	for (unsigned i = 0; i < first; i++)
		if (self_is_live(s, at + i))
			return false;
	for (unsigned i = 0; i < s->n_loads; i++) {
		const struct self_load *l = &s->loads[i];
		if (l->at < from || l->at >= to)
			continue;
		if (l->guest != at + first || l->n != n - first)
			return false;
		loads++;
	}
	return loads == *live;
}
