/* links: verify monitor translator cache cpu host base */
/* wraps: calloc */
/* Can the checker fail?  A cache that passes, and one corruption planted in its dump
 * after the other: each must be caught, by the rule that is there for it. */
#include "verify_fixture.h"

#include <errno.h>

/* --- the cache --- */

/* clang-format off */
enum {
	PLAIN = 0x1000, GLUE = 0x1100, REDIRECT = 0x1200, BY_PART = 0x1300, FAR = 0x1400, DEAD = 0x1500,
	LEFT = 0x1600, LEFT_LAST = 0x1700, SHORT = 0x1800,
	LEFT_BORROWED = 0x1900, LIMITED = 0x1a00, REAL = 0x1b00, RUN = 0x1c00, FAR_REAL = 0x1d00, SHADOW = 0x1e00, OTHER = 0x2000, OWNED = 0x3000,
	SELF = 0x4010,
};
/* clang-format on */

#define CODE(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static struct tu *unit_plain, *unit_dead;

static void build(void)
{
	unit_plain = add_unit(PLAIN,
	                      CODE(0x8b, 0x03,                   /* mov eax, [ebx] */
	                           0x8b, 0x44, 0x24, 0x08,       /* mov eax, [esp+8] */
	                           0x66, 0x0f, 0xef, 0xc1,       /* pxor xmm0, xmm1 */
	                           0x8a, 0x24, 0x24,             /* mov ah, [esp] */
	                           0x9c, 0x9d,                   /* pushf; popf */
	                           0xfa, 0xfb,                   /* cli; sti */
	                           0xf3, 0xa5,                   /* rep movsd */
	                           0xa1, 0x78, 0x56, 0x34, 0x12, /* mov eax, [12345678h] */
	                           0x0f, 0x84, 0xe2, 0, 0, 0,    /* jz GLUE */
	                           0xe8, 0xdd, 0x0f, 0, 0,       /* call OTHER */
	                           0xc3),
	                      FLAT32_CPL0, 0, 0, 0);
	struct tu *glue = add_unit(GLUE,
	                           CODE(0x0f, 0x31,             /* rdtsc */
	                                0x0f, 0xf7, 0xc1,       /* maskmovq mm0, mm1 */
	                                0x8e, 0xd8,             /* mov ds, ax */
	                                0x8c, 0xe0,             /* mov eax, fs */
	                                0xe2, 0x10,             /* loop */
	                                0x67, 0xe2, 0x10,       /* loop, by CX */
	                                0x67, 0x0f, 0xa3, 0x07, /* bt [bx], eax */
	                                0xff, 0xd0,             /* call eax */
	                                0xff, 0xe0),
	                           FLAT32_CPL0, 0, 0, 0); /* jmp eax */
	add_unit(REDIRECT,
	         CODE(0x01, 0x03,       /* add [ebx], eax */
	              0x0f, 0xa3, 0x03, /* bt [ebx], eax */
	              0xc3),
	         FLAT32_CPL0, 0, SITE_REDIRECT, 0);
	add_unit(BY_PART,
	         CODE(0x8b, 0x01, /* mov eax, [ecx] */
	              0xf3, 0xa4, /* rep movsb */
	              0xc3),
	         FLAT32_CPL0, 0, SITE_BY_PART, 0);
	add_unit(FAR, CODE(0xea, 0, 0x10, 0, 0, 8, 0), FLAT32_CPL0, 0, 0, 0); /* jmp 8:1000h */
	add_unit(LIMITED,
	         CODE(0x8b, 0x03,       /* mov eax, [ebx] */
	              0x89, 0x43, 0x08, /* mov [ebx+8], eax */
	              0xa5,             /* movsd */
	              0x58,             /* pop eax */
	              0xff, 0xe0),      /* jmp eax */
	         FLAT32_CPL0 | MODE_CSLIMIT | CLASS_LIMITED << (MODE_SEG_SHIFT + 2 * SREG_DS) |
	                 CLASS_DOWN << (MODE_SEG_SHIFT + 2 * SREG_SS),
	         0, 0, 0);
	add_unit(REAL,
	         CODE(0x8e, 0xd8,  /* mov ds, ax */
	              0x8e, 0xd0,  /* mov ss, ax */
	              0xc4, 0x07,  /* les ax, [bx] */
	              0xeb, 0x00), /* jmp */
	         MODE_IF | MODE_64K | CLASS_BASED * 0x555u << MODE_SEG_SHIFT, 0, 0, 0);
	add_unit(RUN,
	         CODE(0xf3, 0xa5,       /* rep movsw */
	              0x67, 0xf3, 0xaa, /* rep stosb, by EDI */
	              0xeb, 0x00),      /* jmp */
	         MODE_IF | CLASS_BASED * 0x555u << MODE_SEG_SHIFT, 0, 0, 0);
	add_unit(FAR_REAL, CODE(0x9a, 0x34, 0x12, 0x00, 0xf0), /* call f000h:1234h */
	         MODE_IF | CLASS_BASED * 0x555u << MODE_SEG_SHIFT, 2, 0, 0);
	unit_dead = add_unit(DEAD, CODE(0xe8, 0xf6, 0, 0, 0, 0xc3), FLAT32_CPL0, 0, 0, 0);
	struct tu *other =
		add_unit(OTHER, CODE(0x40, 0xc3), FLAT32_CPL0, 0, 0, 0); /* inc eax; ret */

	/* Dead, and left where they ran: before INC, before RET. */
	struct tu *left = add_unit(LEFT,
	                           CODE(0x01, 0x03,             /* add [ebx], eax */
	                                0x40,                   /* inc eax */
	                                0x74, 0x10,             /* jz */
	                                0xe8, 0xf6, 0x09, 0, 0, /* call OTHER */
	                                0x8b, 0xc1,             /* mov eax, ecx */
	                                0xe8, 0xef, 0x09, 0, 0, /* call OTHER */
	                                0xc3),
	                           FLAT32_CPL0, 0, SITE_REDIRECT, 0);
	struct tu *left_last = add_unit(LEFT_LAST,
	                                CODE(0x01, 0x03,       /* add [ebx], eax */
	                                     0x0f, 0x1f, 0x00, /* nop, of no host code */
	                                     0xc3),
	                                FLAT32_CPL0, 0, SITE_REDIRECT, 0);
	struct tu *left_borrowed = add_unit(LEFT_BORROWED,
	                                    CODE(0x01, 0x03,       /* add [ebx], eax */
	                                         0x8a, 0x24, 0x24, /* mov ah, [esp] */
	                                         0x40, 0xc3),
	                                    FLAT32_CPL0, 0, SITE_REDIRECT, 0);
	add_unit(SHORT, CODE(0x40, 0x40), FLAT32_CPL0, 0, 0, 1);  /* inc eax, and no more */
	add_unit(SHADOW, CODE(0x40, 0xfb), FLAT32_CPL0, 0, 0, 2); /* inc eax; sti, and no more */
	struct tu *owned =
		add_unit(OWNED, CODE(0xe9, 0xfb, 0xef, 0xff, 0xff), FLAT32_CPL0, 0, 0, 0);

	/* Its unit checks itself, but for the immediate, which it loads. */
	static uint8_t patched[PAGE_SIZE / 8];
	for (uint32_t off = (SELF & PAGE_MASK) + 3; off < (SELF & PAGE_MASK) + 7; off++)
		patched[off / 8] |= 1 << (off & 7);
	fx.self = &(struct tu_self){
		.page = SELF >> PAGE_SHIFT, .offset = SELF & PAGE_MASK, .patched = patched};
	add_unit(SELF,
	         CODE(0x89, 0x03,                   /* mov [ebx], eax */
	              0xb8, 0x78, 0x56, 0x34, 0x12, /* mov eax, 12345678h */
	              0x40, 0xc3),
	         FLAT32_CPL0, 0, 0, 0);
	fx.self = NULL;

	/* Two windows execute the first page: what leads to another goes by thunks. */
	tcache_adopt(fx.cache, space(1), PLAIN >> PAGE_SHIFT, PLAIN & ~PAGE_MASK);
	tcache_adopt(fx.cache, space(2), PLAIN >> PAGE_SHIFT, PLAIN & ~PAGE_MASK);
	tcache_chain(fx.cache, unit_plain->exit0, glue);
	tcache_chain(fx.cache, unit_plain->exit0 + 1, other);
	/* One window, for which a chain will do. */
	tcache_adopt(fx.cache, space(WINDOW_ID), OWNED >> PAGE_SHIFT, OWNED & ~PAGE_MASK);
	tcache_adopt(fx.cache, space(WINDOW_ID), OTHER >> PAGE_SHIFT, OTHER & ~PAGE_MASK);
	tcache_chain(fx.cache, owned->exit0, other);
	tcache_branch_set(fx.cache, space(WINDOW_ID), glue);
	tcache_invalidate(fx.cache, unit_dead);
	tcache_invalidate(fx.cache, left);
	tcache_leave_after(fx.cache, left, 0);
	tcache_invalidate(fx.cache, left_last);
	tcache_leave_after(fx.cache, left_last, 0);
	tcache_invalidate(fx.cache, left_borrowed);
	tcache_leave_after(fx.cache, left_borrowed, 0);
}

/* --- the dump, and what is in it --- */

static struct dumped dump;
static struct dump_header *h;

static uint8_t *code(void)
{
	return dump.p + sizeof *h;
}

/* What follows n elements of this size. */
static void *after(void *p, size_t n, size_t size)
{
	return (uint8_t *)p + ((n * size + 7) & ~7ul);
}

/* The array that follows n elements of another. */
#define SECTION(type, name, before, n)                                                             \
	static type *name(void)                                                                    \
	{                                                                                          \
		return after(before(), n, sizeof *before());                                       \
	}
SECTION(struct dump_unit, units, code, h->code)
SECTION(struct dump_exit, exits, units, h->units)
SECTION(struct tu_pc, pcs, exits, h->exits)
SECTION(struct tu_pad, pads, pcs, h->pcs)
SECTION(uint8_t, guest, pads, h->pads)
SECTION(uint8_t, entry, guest, h->guest)
SECTION(struct dump_miss, misses, entry, h->entry)
SECTION(struct dump_branch, branches, misses, h->misses)
SECTION(struct dump_book, books, branches, h->branches)
SECTION(struct dump_page, pages, books, h->books)
SECTION(uint64_t, returns, pages, h->pages)

static struct dump_window *windows(void)
{
	uint32_t *traced = (uint32_t *)(returns() + h->returns);
	uint64_t *wp = after(traced, h->traced, sizeof *traced);
	return after(wp, h->wp, sizeof *wp);
}
SECTION(struct dump_space, spaces, windows, h->windows)
SECTION(struct dump_grant, grants, spaces, h->spaces)

static struct dump_page *page(uint32_t eip)
{
	struct dump_page *p = pages();
	while (p->gfn != eip >> PAGE_SHIFT)
		p++;
	return p;
}

static struct dump_unit *unit(uint32_t eip)
{
	struct dump_unit *u = units();
	while (u->eip != eip)
		u++;
	assert_true(u < units() + h->units);
	return u;
}

static uint32_t number(uint32_t eip)
{
	return (uint32_t)(unit(eip) - units());
}

static uint8_t *find_bytes(uint32_t eip, const uint8_t *bytes, size_t n)
{
	const struct dump_unit *u = unit(eip);
	for (uint8_t *p = code() + u->host; p + n <= code() + u->host + u->host_len; p++)
		if (!memcmp(p, bytes, n))
			return p;
	fail_msg("the code to be corrupted is not there");
	return NULL;
}
#define FIND(eip, ...) find_bytes(eip, CODE(__VA_ARGS__))

static void replace(uint8_t *p, const uint8_t *bytes, size_t n)
{
	memcpy(p, bytes, n);
}
#define REPLACE(p, ...) replace(p, CODE(__VA_ARGS__))

/* Four and nine bytes of an instruction that any others may stand for. */
static uint8_t *slot4(void)
{
	return FIND(PLAIN, 0x66, 0x0f, 0xef, 0xc1);
}

static uint8_t *slot9(void)
{
	return FIND(PLAIN, 0x65, 0x67, 0x8b, 0x04, 0x25);
}

static struct tu_pc *pc_of(uint32_t eip, unsigned guest, enum tu_undo undo)
{
	const struct dump_unit *u = unit(eip);
	struct tu_pc *p = pcs() + u->pc0;
	while (p->guest != guest || p->undo != undo)
		p++;
	assert_true(p < pcs() + u->pc0 + u->n_pc);
	return p;
}

static void lead(const struct dump_exit *x, uint32_t to)
{
	uint32_t rel = to - (x->patch + 4);
	memcpy(code() + x->patch, &rel, 4);
}

static void add_map(uint64_t start, uint64_t end, unsigned rights, const char *name)
{
	struct dump_mapping m = {.start = start, .end = end, .rights = rights};
	strcpy(m.name, name);
	dump.p = realloc(dump.p, dump.n + sizeof m);
	assert_non_null(dump.p);
	h = (struct dump_header *)dump.p;
	memcpy(dump.p + dump.n, &m, sizeof m);
	dump.n += sizeof m;
	h->mappings++;
}

/* --- corruptions --- */

#define MUTATION(name) static void name(void)

/* clang-format off */
MUTATION(dropped_67) { REPLACE(FIND(PLAIN, 0x65, 0x67, 0x8b, 0x03), 0x90, 0x65, 0x8b, 0x03); }
MUTATION(dropped_65) { REPLACE(FIND(PLAIN, 0x65, 0x67, 0x8b, 0x03), 0x90, 0x67, 0x8b, 0x03); }
MUTATION(fs_for_gs) { FIND(PLAIN, 0x65, 0x67, 0x8b, 0x03)[0] = 0x64; }
MUTATION(base_r13) { FIND(PLAIN, 0x65, 0x67, 0x41, 0x8b, 0x44, 0x24, 0x08)[5] = 0x25; }
MUTATION(base_rsp) { FIND(PLAIN, 0x65, 0x67, 0x41, 0x8b, 0x44, 0x24, 0x08)[2] = 0x40; }
MUTATION(rip_relative) { REPLACE(slot9(), 0x65, 0x67, 0x90, 0x8b, 0x05); }
MUTATION(rip_relative_gs) { REPLACE(slot9(), 0x65, 0x67, 0x8b, 0x05, 0, 0, 0, 0, 0x90); }
MUTATION(moffs) { REPLACE(slot9(), 0xa1); }
MUTATION(wide_write) { REPLACE(slot4(), 0x48, 0x89, 0xd8, 0x90); }
MUTATION(write_r14) { REPLACE(slot4(), 0x41, 0x89, 0xc6, 0x90); }
MUTATION(write_r15) { REPLACE(slot4(), 0x49, 0xff, 0xc7, 0x90); }
MUTATION(write_r13) { REPLACE(slot4(), 0x45, 0x31, 0xed, 0x90); }
MUTATION(write_esp) { REPLACE(slot4(), 0x89, 0xc4, 0x66, 0x90); }
MUTATION(write_spl) { REPLACE(slot4(), 0x40, 0x88, 0xc4, 0x90); }
MUTATION(exchange_r14) { REPLACE(slot4(), 0x44, 0x87, 0xf0, 0x90); }
MUTATION(xmm8) { REPLACE(slot4(), 0x45, 0x0f, 0x58, 0xc1); }
MUTATION(syscall) { REPLACE(slot4(), 0x0f, 0x05, 0x66, 0x90); }
MUTATION(sysenter) { REPLACE(slot4(), 0x0f, 0x34, 0x66, 0x90); }
MUTATION(int_80) { REPLACE(slot4(), 0xcd, 0x80, 0x66, 0x90); }
MUTATION(wrgsbase) { REPLACE(slot4(), 0xf3, 0x0f, 0xae, 0xd8); }
MUTATION(rdfsbase) { REPLACE(slot4(), 0xf3, 0x0f, 0xae, 0xc0); }
MUTATION(mov_ds) { REPLACE(slot4(), 0x8e, 0xd8, 0x66, 0x90); }
MUTATION(mov_cr0) { REPLACE(slot4(), 0x0f, 0x20, 0xc0, 0x90); }
MUTATION(in_dx) { REPLACE(slot4(), 0xec, 0x90, 0x66, 0x90); }
MUTATION(hlt) { REPLACE(slot4(), 0xf4, 0x90, 0x66, 0x90); }
MUTATION(cpuid) { REPLACE(slot4(), 0x0f, 0xa2, 0x66, 0x90); }
MUTATION(xgetbv) { REPLACE(slot4(), 0x0f, 0x01, 0xd0, 0x90); }
MUTATION(push) { REPLACE(slot4(), 0x50, 0x90, 0x66, 0x90); }
MUTATION(leave) { REPLACE(slot4(), 0xc9, 0x90, 0x66, 0x90); }
MUTATION(bare_movs) { REPLACE(slot4(), 0xf3, 0xa4, 0x66, 0x90); }
MUTATION(bare_xlat) { REPLACE(slot4(), 0xd7, 0x90, 0x66, 0x90); }
MUTATION(bare_maskmov) { REPLACE(slot4(), 0x0f, 0xf7, 0xc1, 0x90); }
MUTATION(undecodable) { REPLACE(slot4(), 0x06, 0x90, 0x66, 0x90); }
MUTATION(vex_vector) { REPLACE(slot4(), 0xc5, 0xf9, 0xef, 0xc1); }
MUTATION(vex_andn) { REPLACE(slot9(), 0xc4, 0xe2, 0x60, 0xf2, 0xc1, 0x90, 0x90, 0x66, 0x90); }
MUTATION(evex) { REPLACE(slot9(), 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1, 0x90, 0x66, 0x90); }
MUTATION(shlx_to_guest) { uint8_t *p = FIND(REDIRECT, 0xc4, 0x62); p[1] |= 0x80; }
MUTATION(lock) { REPLACE(slot9(), 0xf0, 0x65, 0x67, 0x01, 0x03, 0x90, 0x90, 0x66, 0x90); }
MUTATION(tzcnt) { REPLACE(slot4(), 0xf3, 0x0f, 0xbc, 0xc1); }
MUTATION(tpause) { REPLACE(slot4(), 0x66, 0x0f, 0xae, 0xf0); }
MUTATION(branch_66) { REPLACE(slot4(), 0x66, 0xeb, 0x00, 0x90); }
MUTATION(fxsave) { REPLACE(slot9(), 0x65, 0x67, 0x0f, 0xae, 0x03, 0x90, 0x90, 0x66, 0x90); }
MUTATION(fnstenv) { REPLACE(slot9(), 0x65, 0x67, 0xd9, 0x33, 0x90, 0x90, 0x90, 0x66, 0x90); }

/* A unit that checks itself. */
MUTATION(check_bytes) { FIND(SELF, 0x8d, 0x89, 0x77, 0xfc, 0xff, 0xff)[2]++; }
MUTATION(check_source) { guest()[unit(SELF)->guest + 1]++; }
MUTATION(check_place) { FIND(SELF, 0x41, 0x0f, 0xb7, 0x89)[4]++; }
MUTATION(check_narrower) { FIND(SELF, 0x45, 0x0f, 0xb7, 0x81)[2] = 0xb6; }
MUTATION(check_nothing) { unit(SELF)->self = 0; }
MUTATION(check_missing) { unit(OTHER)->self = 1; }
MUTATION(check_callout) { FIND(SELF, 0x41, 0xb9, CO_STALE)[2]++; }
MUTATION(check_goes_on) { FIND(SELF, 0x41, 0xb9, CO_STALE)[2] = CO_CPUID; }
MUTATION(check_eip) { uint8_t *p = FIND(SELF, 0x41, 0xb9, CO_STALE); p[-4]++; }
MUTATION(check_hop) { FIND(SELF, 0x41, 0x8b, 0xcb, 0x41, 0xb8)[-1]--; }
MUTATION(check_live) { guest()[unit(SELF)->guest + 9] |= 0x80; }
MUTATION(check_live_more) { guest()[unit(SELF)->guest + 9] |= 0x04; }
MUTATION(load_place) { FIND(SELF, 0x45, 0x8b, 0x81)[3]++; }
MUTATION(load_narrower) { uint8_t *p = FIND(SELF, 0x45, 0x8b, 0x81); p[1] = 0x03; }
MUTATION(load_compared) { guest()[unit(SELF)->guest + 9] = 0; }
/* Behind 41 8b ca, the end of what leaves if something is pending. */
MUTATION(shadow_lost) { memset(FIND(SHADOW, 0x41, 0x8b, 0xca, 0x41, 0xb8, 0x02, 0x1e, 0, 0, 0x41, 0xb9, 0x01, 0x40, 0x04, 0, 0x41, 0xff, 0x57, 0x58, 0xe9) + 3, 0x90, 16); }
MUTATION(shadow_of_none) { FIND(SHADOW, 0x41, 0x8b, 0xca, 0x41, 0xb8, 0x02, 0x1e, 0, 0, 0x41, 0xb9, 0x01, 0x40, 0x04)[13] = 0; }
MUTATION(shadow_eip) { FIND(SHADOW, 0x41, 0x8b, 0xca, 0x41, 0xb8, 0x02, 0x1e)[5] = 3; }
MUTATION(stale_elsewhere) { FIND(FAR, 0x41, 0xb9, CO_FAR_JMP)[2] = CO_STALE; }

/* Branches. */
MUTATION(into_template) { FIND(PLAIN, 0x81, 0xe1, 0, 0x71, 0x24, 0, 0x74)[7] += 1; }
MUTATION(backward) { FIND(PLAIN, 0x81, 0xe1, 0, 0x71, 0x24, 0, 0x74)[7] = 0xe0; }
MUTATION(short_outside) { FIND(GLUE, 0x67, 0xe2, 0x02, 0xeb, 0x05)[4] = 0x7f; }
MUTATION(exit_outside) { lead(exits() + unit(PLAIN)->exit0, unit(PLAIN)->host + 0x100000); }
MUTATION(exit_into_unit) { lead(exits() + unit(PLAIN)->exit0, unit(GLUE)->host + 2); }
MUTATION(exit_into_itself) { lead(exits() + unit(PLAIN)->exit0, unit(PLAIN)->host); }
MUTATION(exit_to_other_stub) { lead(exits() + unit(PLAIN)->exit0, exits()[unit(PLAIN)->exit0 + 1].stub); }
MUTATION(unlisted_branch)
{
	uint8_t *p = slot9();
	uint32_t rel = unit(GLUE)->host - ((uint32_t)(p - code()) + 5);
	REPLACE(p, 0xe9, 0, 0, 0, 0, 0x90, 0x90, 0x66, 0x90);
	memcpy(p + 1, &rel, 4);
}
MUTATION(chain_to_dead)
{
	struct dump_exit *x = exits() + unit(PLAIN)->exit0;
	x->to = number(DEAD);
	lead(x, unit(DEAD)->host);
}
MUTATION(chain_to_other_eip)
{
	struct dump_exit *x = exits() + unit(PLAIN)->exit0;
	x->to = number(REDIRECT);
	lead(x, unit(REDIRECT)->host);
}
MUTATION(chain_to_other_mode) { unit(GLUE)->mode = 1; }
MUTATION(indirect_call_elsewhere) { FIND(GLUE, 0x41, 0x8b, 0xcb, 0x43)[3] = 0x90; }
MUTATION(loose_eip) { FIND(PLAIN, 0x65, 0x67, 0x45, 0x8b, 0x04, 0x24)[4] = 0x14; }
MUTATION(lookup_base) { FIND(GLUE, 0x4b, 0x8b, 0x4c, 0xcd, 0x00)[3] = 0xcc; }
MUTATION(out_of_line_lookup)
{
	uint8_t *p = FIND(GLUE, 0xcc, 0xcc, 0xcc, 0x45, 0x0f, 0xb7, 0xc8);
	p[8] ^= 1;
}

/* Stubs, pads, gaps. */
MUTATION(stub_byte) { code()[exits()[unit(PLAIN)->exit0].stub + 9] += 8; }
MUTATION(stub_id) { code()[exits()[unit(PLAIN)->exit0].stub + 2] += 1; }
MUTATION(stub_place) { exits()[unit(PLAIN)->exit0].stub += 1; }
MUTATION(thunk_byte) { code()[exits()[unit(PLAIN)->exit0 + 1].thunk + 2] += 1; }
MUTATION(gap_byte) { code()[unit(PLAIN)->host + unit(PLAIN)->host_len] = 0x90; }
MUTATION(gap_in_unit) { FIND(PLAIN, 0xc3, 0xcc)[8] = 0x90; }
MUTATION(pad_eip) { FIND(PLAIN, 0x4c, 0x8b, 0xc9, 0x41, 0x8d, 0x88)[6] += 1; }
MUTATION(pad_moved) { pads()[unit(PLAIN)->pad0].host += 3; }
MUTATION(pad_gone) { memset(FIND(PLAIN, 0x4c, 0x8b, 0xc9, 0x41, 0x8d, 0x88), 0x90, 10); }
MUTATION(dead_pad) { code()[unit(DEAD)->host + pads()[unit(DEAD)->pad0].host] = 0x4c; }
MUTATION(dead_exit) { lead(exits() + unit(DEAD)->exit0, unit(OTHER)->host); }
MUTATION(dead_chain) { exits()[unit(DEAD)->exit0].to = number(OTHER); }
MUTATION(dead_code) { REPLACE(FIND(DEAD, 0x65, 0x67, 0x41, 0xc7), 0x0f, 0x05, 0x66, 0x90); }
MUTATION(dead_pad_rest) { code()[unit(DEAD)->host + pads()[unit(DEAD)->pad0].host + 12] ^= 1; }
MUTATION(dead_end_eip) { FIND(LEFT, 0x41, 0xb8, 0x02, 0x16)[2] = 0x01; }
MUTATION(dead_end_cell) { FIND(LEFT, 0x41, 0xb8, 0x02, 0x16)[9] += 8; }
MUTATION(dead_end_behind) { REPLACE(FIND(LEFT, 0x8b, 0xc1), 0x0f, 0x05); }
MUTATION(dead_end_of_live)
{
	uint8_t *p = FIND(PLAIN, 0x65, 0x67, 0x41, 0x8b, 0x44, 0x24, 0x08);
	memcpy(p, FIND(LEFT, 0x41, 0xb8, 0x02, 0x16), 13);
	p[3] = PLAIN >> 8;
}
MUTATION(dead_end_last) { FIND(LEFT_LAST, 0x41, 0xb8, 0x02, 0x17)[2] = 0x00; }
MUTATION(branch_entry) { branches()->host += 2; }
MUTATION(branch_table) { branches()->table = 3; }
MUTATION(branch_mode) { spaces()->mode = 1; }
MUTATION(branch_unbooked) { books()->off[0] += 1; }
MUTATION(branch_unbooked_space) { books()->tag[0] += 1ull << 32; }
MUTATION(branch_unbooked_page) { books()->page += PAGE_SIZE; }
MUTATION(return_entry) { returns()[0] += 1; }
MUTATION(entry_byte) { entry()[h->entry / 2] ^= 1; }
MUTATION(entry_end) { entry()[h->entry - 1] = 0x90; }
MUTATION(entry_hop)
{
	/* The AC flag stays: jnc over the push, and one byte more. */
	uint8_t *p = entry() + h->entry;
	while (memcmp(p, (uint8_t[]){0x73, 0x06}, 2))
		p--;
	p[1] = 0x07;
}
MUTATION(stub_cell) { h->stubs.lookup += 4; }
MUTATION(stub_cell_other) { h->stubs.miss = h->stubs.exit; }
MUTATION(miss_tag) { misses()[77].minus_tag = 1; }
MUTATION(miss_host) { misses()[65535].host += 1; }

/* Chains between pages. */
static struct dump_grant *grant(uint32_t eip)
{
	return grants() + (eip >> PAGE_SHIFT);
}
MUTATION(chain_not_granted) { grant(OTHER)->gfn = 77; }
MUTATION(branch_not_granted) { grant(GLUE)->page++; }
MUTATION(return_not_granted) { spaces()[1].window += 1ull << 32; }
MUTATION(return_mode) { spaces()[1].mode = 1; }
MUTATION(return_tag) { h->tag = 1; }
MUTATION(exit_eip) { exits()[unit(OWNED)->exit0].target += 1; }
MUTATION(exit_eip_call) { exits()[unit(PLAIN)->exit0 + 1].target -= 1; }
MUTATION(exit_eip_next) { exits()[unit(SHORT)->exit0].target += 1; }
MUTATION(chain_of_shared) { page(OWNED)->shared = 1; }
MUTATION(chain_of_nobody) { page(OWNED)->owner = 0; }
MUTATION(chain_to_other_owner) { page(OTHER)->owner = 2; }

/* Templates. */
MUTATION(popf_tf) { FIND(PLAIN, 0x41, 0x81, 0xe3, 0xd5, 0x0c)[4] = 0x0d; }
MUTATION(popf_tf_unseen) { FIND(PLAIN, 0x41, 0x81, 0xe1, 0x00, 0x71)[4] = 0x70; }
MUTATION(pushf_if) { FIND(PLAIN, 0x47, 0x8d, 0x9c, 0x13, 0, 0xfe)[5] = 0xff; }
MUTATION(cli_value) { FIND(PLAIN, 0x41, 0xc7, 0x47)[4] = 1; }
MUTATION(cell_elsewhere) { FIND(PLAIN, 0x41, 0xc7, 0x47)[3] += 8; }
MUTATION(lookup_hop) { FIND(GLUE, 0x4a, 0x8d, 0x0c, 0x11, 0xe3)[5] += 3; }
MUTATION(cell_of_ldtr)
{
	uint8_t *p = FIND(GLUE, 0x45, 0x0f, 0xb7);
	uint32_t disp = CELL(seg) + SREG_LDTR * sizeof(struct segment) + offsetof(struct segment, selector);
	if (p[3] >> 6 == 2)
		memcpy(p + 4, &disp, 4);
	else
		p[4] = (uint8_t)disp;
	assert_true(p[3] >> 6 == 2 || disp < 128);
}
MUTATION(real_selector) { FIND(REAL, 0x66, 0x45, 0x89, 0x97)[4] += 2; }
MUTATION(real_base) { FIND(REAL, 0xc4, 0x42, 0x39, 0xf7, 0xd2, 0x45, 0x89, 0x97)[8] += sizeof(struct segment); }
MUTATION(real_wide) { FIND(REAL, 0x66, 0x45, 0x89, 0x97)[0] = 0x90; }
MUTATION(real_shift) { FIND(REAL, 0x41, 0xb8, 4, 0, 0, 0, 0xc4)[2] = 8; }
MUTATION(real_shadow) { FIND(REAL, 0x41, 0xc7, 0x87)[3] += 4; }
MUTATION(pending_elsewhere) { FIND(PLAIN, 0x4c, 0x8b, 0xd1, 0x41, 0x8b, 0x4f)[6] += 4; }
MUTATION(pointer_base) { FIND(PLAIN, 0x4a, 0x8d, 0x34, 0x0e)[3] = 0x26; }
MUTATION(pointer_kept) { REPLACE(FIND(PLAIN, 0xf3, 0xa5, 0x8b, 0xf6) + 2, 0x90, 0x90); }
MUTATION(pointer_of_other) { FIND(PLAIN, 0xf3, 0xa5)[1] = 0xab; }
MUTATION(part_shift) { FIND(BY_PART, 0x41, 0xba, 0x1c)[2] = 0x1b; }
MUTATION(part_table) { FIND(BY_PART, 0x4f, 0x8b, 0x8c, 0xcf)[4] += 8; }
MUTATION(part_operand) { FIND(BY_PART, 0x43, 0x8b, 0x04, 0x01)[3] = 0x41; }
MUTATION(reach_cell) { FIND(LIMITED, 0x4d, 0x8b, 0x97)[3] += 4; }
MUTATION(reach_negative) { FIND(LIMITED, 0x46, 0x0f, 0xb6, 0x54, 0x13)[5] = 0x83; }
MUTATION(reach_r15) { uint8_t *p = FIND(LIMITED, 0x46, 0x0f, 0xb6, 0x54, 0x13); p[0] = 0x47; p[4] = 0x17; }
MUTATION(reach_down) { FIND(LIMITED, 0x47, 0x8d, 0x14, 0x02)[3] = 0x03; }
MUTATION(reach_code) { FIND(LIMITED, 0x47, 0x0f, 0xb6, 0x14, 0x13)[2] = 0xb7; }
MUTATION(linear_saved) { FIND(LIMITED, 0x44, 0x8b, 0xd6)[2] = 0xd1; }
MUTATION(linear_kept) { pc_of(LIMITED, 5, UNDO_STRING)->undo = UNDO_NONE; }
MUTATION(run_down) { FIND(RUN, 0x41, 0xba, 0x15)[2] = 0x14; }
MUTATION(run_wraps) { FIND(RUN, 0x41, 0xba, 0x10)[2] = 0x11; }
MUTATION(run_size) { FIND(RUN, 0x47, 0x8d, 0x44, 0x48, 0xff)[3] = 0x08; }
MUTATION(run_size_of_both) { FIND(RUN, 0x66, 0xa5)[0] = 0x90; }
MUTATION(run_unchecked) { REPLACE(FIND(RUN, 0x47, 0x8d, 0x1c, 0x03), 0x66, 0x66, 0x66, 0x90); }
MUTATION(run_plain) { FIND(RUN, 0xf3, 0x66, 0xa5)[0] = 0x90; }
MUTATION(run_count) { FIND(RUN, 0x41, 0x0f, 0xb7, 0xc8)[3] = 0xcb; }
MUTATION(run_hop) { FIND(RUN, 0x45, 0x8b, 0xc2)[-1]++; }
MUTATION(run_hop_on) { FIND(RUN, 0x45, 0x8b, 0xc2)[-1] += 16; }
MUTATION(run_into) { FIND(RUN, 0xe3, 0x15)[1] += 3; }
MUTATION(run_callout) { FIND(RUN, 0x41, 0xb9, CO_STRING)[2] = CO_PRE; }
MUTATION(run_callout_eip) { FIND(RUN, 0x41, 0xb8, 0x00, 0x1c)[2]++; }
MUTATION(run_kept) { pc_of(RUN, 0, UNDO_RUN16)->undo = UNDO_STRING; }
MUTATION(run_kept_wide) { pc_of(RUN, 2, UNDO_RUN)->undo = UNDO_RUN16; }
MUTATION(run_saved) { FIND(RUN, 0x44, 0x8b, 0xc1, 0x44)[2] = 0xc2; }
MUTATION(redirect_operand) { FIND(REDIRECT, 0x41, 0x01, 0x01)[2] = 0x02; }
MUTATION(redirect_wide) { FIND(REDIRECT, 0x41, 0x01, 0x01)[0] = 0x49; }
MUTATION(redirect_disp) { FIND(REDIRECT, 0x41, 0x01, 0x01)[2] = 0x41; }
MUTATION(redirect_large)
{
	/* PRE for two bytes, and the store of four. */
	FIND(REDIRECT, 0x41, 0xb9, CO_PRE)[4] -= 0x08;
}
MUTATION(redirect_read_only)
{
	/* PRE for a read: bit 10 of the argument, bit 28 of all. */
	FIND(REDIRECT, 0x41, 0xb9, CO_PRE)[5] &= ~0x10;
}
MUTATION(post_gone) { FIND(REDIRECT, 0x41, 0xb9, CO_POST)[2] = CO_CLTS; }
MUTATION(rdtsc_upper) { REPLACE(FIND(GLUE, 0x8b, 0xc0), 0x90, 0x90); }
MUTATION(maskmov_kept) { REPLACE(FIND(GLUE, 0x41, 0x8b, 0xfb), 0x90, 0x66, 0x90); }
MUTATION(borrow_kept) { REPLACE(FIND(PLAIN, 0x41, 0x8b, 0xf3), 0x90, 0x66, 0x90); }
MUTATION(far_alone) { FIND(FAR, 0x41, 0xb9)[2] = CO_CLTS; }
MUTATION(callout_number) { FIND(GLUE, 0x41, 0xb9)[2] = CO_COUNT; }
MUTATION(callout_eip) { FIND(FAR, 0x41, 0xb8)[2] += 1; }
MUTATION(callout_cell) { FIND(FAR, 0x41, 0xff, 0x57)[3] += 8; }

/* The PC map. */
MUTATION(pc_shifted) { pc_of(PLAIN, 2, UNDO_NONE)->host += 1; }
MUTATION(pc_missing) { struct tu_pc *p = pc_of(PLAIN, 2, UNDO_NONE); *p = p[-1]; }
MUTATION(pc_order)
{
	struct tu_pc *p = pc_of(PLAIN, 2, UNDO_NONE), t = *p;
	*p = p[1];
	p[1] = t;
}
MUTATION(pc_guest) { pc_of(PLAIN, 2, UNDO_NONE)->guest += 1; }
MUTATION(pc_first) { pc_of(PLAIN, 0, UNDO_NONE)->host = 4; }
MUTATION(pc_late) { pc_of(PLAIN, 2, UNDO_NONE)->host += 7; }
MUTATION(pc_early) { pc_of(PLAIN, 6, UNDO_NONE)->host -= 7; }
MUTATION(pc_behind) { pc_of(SHORT, 1, UNDO_NONE)->host = 0; }
MUTATION(pc_beyond) { pc_of(SHORT, 1, UNDO_NONE)->guest = 2; }
MUTATION(own_other) { FIND(PLAIN, 0x65, 0x67, 0x41, 0x8b, 0x44, 0x24, 0x08)[3] = 0x89; }
MUTATION(own_gone) { REPLACE(FIND(PLAIN, 0x65, 0x67, 0x8b, 0x03), 0x90, 0x90, 0x66, 0x90); }
MUTATION(own_twice) { REPLACE(slot4(), 0x65, 0x67, 0x8b, 0x03); }
MUTATION(own_string) { FIND(PLAIN, 0xf3, 0xa5)[1] = 0xa7; }
MUTATION(far_pushed) { FIND(FAR_REAL, 0xc7, 0x04, 0x08, 0x05, 0x1d)[3]++; }
MUTATION(far_push_gone) { FIND(FAR_REAL, 0x66, 0x47, 0x89, 0x1c, 0x08)[2] = 0x8b; }
MUTATION(far_stub) { FIND(FAR_REAL, 0x41, 0xff, 0xa7)[3] += 8; }
MUTATION(pushed_eip) { FIND(PLAIN, 0x65, 0x67, 0x41, 0xc7, 0x44, 0x24, 0xfc)[7] += 1; }
MUTATION(pushed_indirect) { FIND(GLUE, 0x65, 0x67, 0x41, 0xc7, 0x44, 0x24, 0xfc)[7] += 1; }
MUTATION(pushed_nothing)
{
	FIND(PLAIN, 0x65, 0x67, 0x41, 0xc7, 0x44, 0x24, 0xfc)[3] = 0x81; /* add */
}
MUTATION(undo_gone) { pc_of(PLAIN, 10, UNDO_ESI_R11)->undo = UNDO_NONE; }
MUTATION(undo_other) { pc_of(GLUE, 2, UNDO_EDI_R11)->undo = UNDO_ESI_R11; }
MUTATION(undo_too_much) { pc_of(PLAIN, 0, UNDO_NONE)->undo = UNDO_ESI_R11; }

/* Mappings. */
#define RAM "/memfd:unring-ram (deleted)"
MUTATION(map_wx) { add_map(0x7e0000000000, 0x7e0000001000, DUMP_READ | DUMP_WRITE | DUMP_EXECUTE, ""); }
MUTATION(map_code_twice)
{
	add_map(0x7e0000000000, 0x7e0000800000, DUMP_READ | DUMP_EXECUTE | DUMP_SHARED,
	        "/memfd:unring-code (deleted)");
}
/* clang-format on */
MUTATION(map_exec_memory)
{
	add_map(0x7e0000000000, 0x7e0000001000, DUMP_READ | DUMP_EXECUTE, "");
}
MUTATION(map_low)
{
	add_map(0x400000, 0x401000, DUMP_READ, "");
}
MUTATION(map_guard)
{
	add_map(0x2f0100000000, 0x2f0100001000, DUMP_READ | DUMP_WRITE | DUMP_SHARED, RAM);
}
MUTATION(map_writable)
{
	add_map(0x2f0000400000, 0x2f0000404000, DUMP_READ | DUMP_WRITE | DUMP_SHARED, RAM);
}
MUTATION(untraced)
{
	uint32_t *traced = (uint32_t *)(returns() + h->returns);
	assert_int_equal(traced[1], 1);
	traced[1] = 0;
}

/* clang-format off */
#define CAUGHT(name, rule) {#name, name, RULE_##rule}
static const struct mutation {
	const char *name;
	void (*plant)(void);
	enum verify_rule rule;
} mutations[] = {
	CAUGHT(dropped_67, MEMORY), CAUGHT(dropped_65, MEMORY), CAUGHT(fs_for_gs, PREFIX),
	CAUGHT(base_r13, REGISTER), CAUGHT(base_rsp, REGISTER), CAUGHT(rip_relative, RIP),
	CAUGHT(rip_relative_gs, RIP), CAUGHT(moffs, DENIED), CAUGHT(wide_write, REGISTER),
	CAUGHT(write_r14, REGISTER), CAUGHT(write_r15, REGISTER), CAUGHT(write_r13, REGISTER),
	CAUGHT(write_esp, REGISTER), CAUGHT(write_spl, REGISTER), CAUGHT(exchange_r14, REGISTER),
	CAUGHT(xmm8, REGISTER), CAUGHT(syscall, SYSTEM), CAUGHT(sysenter, SYSTEM),
	CAUGHT(int_80, SYSTEM), CAUGHT(wrgsbase, SYSTEM), CAUGHT(rdfsbase, SYSTEM),
	CAUGHT(mov_ds, SYSTEM), CAUGHT(mov_cr0, SYSTEM), CAUGHT(in_dx, SYSTEM), CAUGHT(hlt, SYSTEM),
	CAUGHT(cpuid, SYSTEM), CAUGHT(xgetbv, SYSTEM), CAUGHT(push, SYSTEM), CAUGHT(leave, SYSTEM),
	CAUGHT(bare_movs, DENIED), CAUGHT(bare_xlat, DENIED), CAUGHT(bare_maskmov, DENIED),
	CAUGHT(undecodable, DENIED), CAUGHT(vex_vector, VEX), CAUGHT(vex_andn, VEX),
	CAUGHT(evex, VEX), CAUGHT(shlx_to_guest, VEX), CAUGHT(lock, PREFIX), CAUGHT(tzcnt, PREFIX),
	CAUGHT(tpause, PREFIX), CAUGHT(branch_66, PREFIX), CAUGHT(fxsave, SYSTEM), CAUGHT(fnstenv, DENIED),

	CAUGHT(check_bytes, CHECK), CAUGHT(check_source, CHECK), CAUGHT(check_place, CHECK),
	CAUGHT(check_narrower, CHECK), CAUGHT(check_nothing, CHECK), CAUGHT(check_missing, CHECK),
	CAUGHT(check_callout, CALLOUT), CAUGHT(check_goes_on, CALLOUT), CAUGHT(check_eip, EIP), CAUGHT(check_hop, REGISTER),
	CAUGHT(check_live, CHECK), CAUGHT(check_live_more, CHECK), CAUGHT(load_place, CHECK),
	CAUGHT(load_narrower, MEMORY), CAUGHT(load_compared, CHECK), CAUGHT(stale_elsewhere, CALLOUT),
	CAUGHT(shadow_lost, CALLOUT), CAUGHT(shadow_of_none, CALLOUT), CAUGHT(shadow_eip, EIP),

	CAUGHT(into_template, TARGET), CAUGHT(backward, BACKWARD), CAUGHT(short_outside, TARGET),
	CAUGHT(exit_outside, TARGET), CAUGHT(exit_into_unit, TARGET),
	CAUGHT(exit_into_itself, TARGET), CAUGHT(exit_to_other_stub, TARGET),
	CAUGHT(unlisted_branch, EXIT), CAUGHT(chain_to_dead, CHAIN),
	CAUGHT(chain_to_other_eip, CHAIN), CAUGHT(chain_to_other_mode, CHAIN),
	CAUGHT(indirect_call_elsewhere, REGISTER), CAUGHT(loose_eip, LOOSE_EIP),
	CAUGHT(lookup_base, REGISTER), CAUGHT(out_of_line_lookup, STUB),

	CAUGHT(stub_byte, STUB), CAUGHT(stub_id, STUB), CAUGHT(stub_place, STUB),
	CAUGHT(thunk_byte, STUB), CAUGHT(gap_byte, GAP), CAUGHT(gap_in_unit, GAP),
	CAUGHT(pad_eip, EIP), CAUGHT(pad_moved, PAD), CAUGHT(pad_gone, PAD), CAUGHT(dead_pad, DEAD),
	CAUGHT(dead_exit, DEAD), CAUGHT(dead_chain, DEAD), CAUGHT(dead_code, SYSTEM),
	CAUGHT(dead_pad_rest, PAD), CAUGHT(dead_end_eip, MAP_HOST), CAUGHT(dead_end_cell, SYSTEM),
	CAUGHT(dead_end_behind, SYSTEM), CAUGHT(dead_end_of_live, MAP_HOST),
	CAUGHT(dead_end_last, SYSTEM),
	CAUGHT(branch_entry, BRANCH), CAUGHT(branch_mode, BRANCH), CAUGHT(branch_table, BRANCH), CAUGHT(return_entry, RETURN),
	CAUGHT(branch_unbooked, BOOK), CAUGHT(branch_unbooked_space, BOOK),
	CAUGHT(branch_unbooked_page, BOOK), CAUGHT(entry_byte, ENTRY), CAUGHT(entry_end, ENTRY),
	CAUGHT(entry_hop, ENTRY), CAUGHT(stub_cell, ENTRY), CAUGHT(stub_cell_other, ENTRY),
	CAUGHT(miss_tag, MISS), CAUGHT(miss_host, MISS), CAUGHT(chain_of_shared, OWNER),
	CAUGHT(chain_not_granted, GRANT),
	CAUGHT(branch_not_granted, GRANT), CAUGHT(return_not_granted, GRANT),
	CAUGHT(return_mode, RETURN), CAUGHT(return_tag, RETURN), CAUGHT(exit_eip, EXIT_EIP), CAUGHT(exit_eip_call, EXIT_EIP),
	CAUGHT(exit_eip_next, EXIT_EIP), CAUGHT(chain_of_nobody, OWNER), CAUGHT(chain_to_other_owner, OWNER),

	CAUGHT(popf_tf, SYSTEM), CAUGHT(popf_tf_unseen, MEMORY), CAUGHT(pushf_if, SYSTEM),
	CAUGHT(cli_value, MEMORY), CAUGHT(cell_elsewhere, MEMORY), CAUGHT(cell_of_ldtr, MEMORY), CAUGHT(real_selector, MEMORY), CAUGHT(real_base, MEMORY), CAUGHT(real_wide, MEMORY), CAUGHT(real_shift, MEMORY), CAUGHT(real_shadow, MEMORY), CAUGHT(lookup_hop, REGISTER), CAUGHT(pending_elsewhere, MEMORY),
	CAUGHT(pointer_base, REGISTER), CAUGHT(pointer_kept, STUB), CAUGHT(pointer_of_other, STUB),
	CAUGHT(part_shift, REGISTER), CAUGHT(part_table, REGISTER), CAUGHT(part_operand, STUB),
	CAUGHT(reach_cell, MEMORY), CAUGHT(reach_negative, MEMORY), CAUGHT(reach_r15, MEMORY), CAUGHT(reach_down, MEMORY), CAUGHT(reach_code, MEMORY),
	CAUGHT(linear_saved, MAP_UNDO), CAUGHT(linear_kept, MAP_UNDO),
	CAUGHT(run_down, SYSTEM), CAUGHT(run_wraps, SYSTEM), CAUGHT(run_size, STUB),
	CAUGHT(run_size_of_both, STUB), CAUGHT(run_unchecked, SYSTEM), CAUGHT(run_plain, STUB),
	CAUGHT(run_count, SYSTEM), CAUGHT(run_hop, TARGET), CAUGHT(run_hop_on, TARGET),
	CAUGHT(run_into, SYSTEM), CAUGHT(run_callout, CALLOUT), CAUGHT(run_callout_eip, EIP),
	CAUGHT(run_kept, MAP_UNDO), CAUGHT(run_kept_wide, MAP_UNDO), CAUGHT(run_saved, MAP_UNDO),
	CAUGHT(redirect_operand, STUB), CAUGHT(redirect_wide, STUB), CAUGHT(redirect_disp, STUB),
	CAUGHT(redirect_large, STUB), CAUGHT(redirect_read_only, STUB), CAUGHT(post_gone, STUB),
	CAUGHT(rdtsc_upper, SYSTEM), CAUGHT(maskmov_kept, STUB), CAUGHT(borrow_kept, STUB),
	CAUGHT(far_alone, STUB), CAUGHT(callout_number, CALLOUT), CAUGHT(callout_eip, EIP),
	CAUGHT(callout_cell, SYSTEM),

	CAUGHT(pc_shifted, MAP_HOST), CAUGHT(pc_missing, MAP_GAP), CAUGHT(pc_order, MAP_HOST),
	CAUGHT(pc_late, MAP_OWN), CAUGHT(pc_early, MAP_OWN), CAUGHT(pc_behind, MAP_GUEST),
	CAUGHT(pc_beyond, MAP_GUEST), CAUGHT(own_other, MAP_OWN), CAUGHT(own_gone, MAP_OWN),
	CAUGHT(own_twice, MAP_OWN), CAUGHT(own_string, MAP_OWN), CAUGHT(pushed_eip, PUSHED),
	CAUGHT(far_pushed, PUSHED), CAUGHT(far_push_gone, MAP_OWN), CAUGHT(far_stub, SYSTEM),
	CAUGHT(pushed_indirect, PUSHED), CAUGHT(pushed_nothing, PUSHED),
	CAUGHT(pc_guest, MAP_GUEST), CAUGHT(pc_first, MAP_GAP), CAUGHT(undo_gone, MAP_UNDO),
	CAUGHT(undo_other, MAP_UNDO), CAUGHT(undo_too_much, MAP_UNDO),

	CAUGHT(map_wx, WRITE_EXEC), CAUGHT(map_code_twice, CODE_MAPPING),
	CAUGHT(map_exec_memory, CODE_MAPPING), CAUGHT(map_low, LOW), CAUGHT(map_guard, LOW),
	CAUGHT(map_writable, WRITABLE), CAUGHT(untraced, UNTRACED),
};
/* clang-format on */
enum { MUTATIONS = sizeof mutations / sizeof *mutations };

static struct dumped whole;

/* The dump is made once, and each test corrupts a copy. */
static int make_dump(void **state)
{
	if (cache_start(state))
		return -1;
	build();
	fx.returns[0] = tcache_host(fx.cache, unit_plain);
	fx.n_returns = 1;
	whole = dump = take_dump();
	h = (struct dump_header *)dump.p;
	/* The first landing pad of the first unit. */
	returns()[0] += pads()[unit(PLAIN)->pad0].host;
	return 0;
}

static int drop_dump(void **state)
{
	free(whole.p);
	return cache_stop(state);
}

static int with_dump(void **state)
{
	(void)state;
	dump.n = whole.n;
	dump.p = malloc(whole.n);
	if (!dump.p)
		return -1;
	memcpy(dump.p, whole.p, whole.n);
	h = (struct dump_header *)dump.p;
	return 0;
}

static int without_dump(void **state)
{
	(void)state;
	free(dump.p);
	return 0;
}

static void clean(void **state)
{
	(void)state;
	struct verify_summary s;
	assert_int_equal(verify_dump(dump.p, dump.n, print_finding, NULL, &s), 0);
	assert_int_equal(s.violations, 0);
	assert_int_equal(s.units, 14);
	assert_int_equal(s.dead, 4);
	/* What the corruptions are planted in is there. */
	for (unsigned t = 0; t < T_COUNT; t++)
		assert_true(s.templates[t]);
}

static void caught(void **state)
{
	const struct mutation *m = *state;
	struct verify_summary s;
	m->plant();
	assert_int_equal(verify_dump(dump.p, dump.n, NULL, NULL, &s), 0);
	if (!s.by_rule[m->rule])
		verify_dump(dump.p, dump.n, print_finding, NULL, &s);
	assert_true(s.by_rule[m->rule] > 0);
}

/* A dump that is cut or names what it does not hold is refused, and not followed. */
static void damaged(void **state)
{
	(void)state;
	struct verify_summary s;
	for (size_t n = 0; n < dump.n; n += 97)
		assert_int_not_equal(verify_dump(dump.p, n, NULL, NULL, &s), 0);
	units()[0].host_len = 0xfff0;
	assert_int_not_equal(verify_dump(dump.p, dump.n, NULL, NULL, &s), 0);
}

/* Whatever a byte of the dump is turned into, the checker comes back. */
static void any_byte(void **state)
{
	(void)state;
	uint32_t seed = 1;
	for (unsigned n = 0; n < 1000; n++) {
		struct verify_summary s;
		seed = seed * 1664525 + 1013904223;
		uint8_t *p = dump.p + seed / 7 % dump.n, was = *p;
		*p ^= 1 << (seed >> 29);
		verify_dump(dump.p, dump.n, NULL, NULL, &s);
		*p = was;
	}
}

/* The one that fails, counted down; 0: none. */
static unsigned failing_calloc;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return failing_calloc && !--failing_calloc ? NULL : __real_calloc(n, size);
}

/* A check for which there is no memory is not taken for one that found nothing. */
static void no_memory(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct verify_summary s;
		failing_calloc = n;
		int err = verify_dump(dump.p, dump.n, NULL, NULL, &s);
		if (failing_calloc) {
			assert_int_equal(err, 0);
			assert_in_range(n, 10, 100); /* the sections of a dump, and the checks */
			break;
		}
		assert_int_equal(err, -ENOMEM);
	}
	failing_calloc = 0;
}

int main(void)
{
	enum { PLAIN = 4 };
	static struct CMUnitTest tests[MUTATIONS + PLAIN] = {
		cmocka_unit_test_setup_teardown(clean, with_dump, without_dump),
		cmocka_unit_test_setup_teardown(damaged, with_dump, without_dump),
		cmocka_unit_test_setup_teardown(any_byte, with_dump, without_dump),
		cmocka_unit_test_setup_teardown(no_memory, with_dump, without_dump),
	};
	static char names[MUTATIONS][64];
	for (unsigned i = 0; i < MUTATIONS; i++) {
		snprintf(names[i], sizeof names[i], "%s: %s", mutations[i].name,
		         verify_rule_number(mutations[i].rule));
		tests[PLAIN + i] = (struct CMUnitTest){names[i], caught, with_dump, without_dump,
		                                       (void *)&mutations[i]};
	}
	return _cmocka_run_group_tests("verify_mutation", tests, MUTATIONS + PLAIN, make_dump,
	                               drop_dump);
}
