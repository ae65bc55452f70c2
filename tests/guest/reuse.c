/* More address spaces than a machine monitor keeps: what it knew of one must not serve the next
 * in its place.  Each has other code at the same address, which is called through a pointer. */
#include "rt/pages.h"

enum { SPACES = 1100, CODES = 61, ROUNDS = 2, PLACE = 0x40000000, FREE = 0x600000 };

typedef u32 code_fn(void);

static void *page(u32 n)
{
	return (void *)(FREE + n * 4096);
}

/* Each code has a page and a table that shows it; each space a directory. */
static void spaces_make(void)
{
	for (u32 i = 0; i < CODES; i++) {
		u8 *code = page(2 * i);
		u32 *table = page(2 * i + 1);

		code[0] = 0xb8; /* mov eax, i; ret */
		memcpy(code + 1, &i, 4);
		code[5] = 0xc3;
		memset(table, 0, 4096);
		table[0] = (u32)code | PTE_ALL;
	}
	for (u32 i = 0; i < SPACES; i++) {
		u32 *dir = page(2 * CODES + i);

		memcpy(dir, page_dir, 4096);
		dir[PLACE >> 22] = (u32)page(2 * (i % CODES) + 1) | PTE_ALL;
	}
}

static void places(void)
{
	code_fn *volatile code = (code_fn *)PLACE;

	pages_on();
	spaces_make();
	for (u32 round = 0; round < ROUNDS; round++)
		for (u32 i = 0; i < SPACES; i++) {
			write_cr3((u32)page(2 * CODES + i));
			/* Again, when a branch to it is known. */
			for (u32 k = 0; k < 3; k++) {
				u32 got = code();

				if (got != i % CODES)
					fail("space %u of round %u runs the code %u, not %u", i,
					     round, got, i % CODES);
			}
		}
	write_cr3((u32)page_dir);
	pages_off();
}

static const struct test tests[] = {
	{"places", "SDM vol. 3, 4.10.4", places},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
