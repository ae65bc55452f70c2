/* Code that several address spaces run, and code that system instructions store to. */
#include "rt/pages.h"

/* --- one page of code, and in each space another page behind it --- */

static u8 code[3 * 4096] __attribute__((aligned(4096)));
static u32 other_dir[1024], other_table[1024] __attribute__((aligned(4096)));

/* mov eax, v; int 81h */
static void emit_end(u8 *p, u32 v)
{
	*p++ = 0xb8;
	memcpy(p, &v, 4);
	p[4] = 0xcd;
	p[5] = V_DONE;
}

static u32 run_in(u32 *dir)
{
	struct state s = at_cpl(3, code);

	write_cr3((u32)dir);
	cpu_run(&s);
	expect("vector", s.vector, V_DONE);
	return s.eax;
}

static void spaces(void)
{
	u32 at = (u32)code >> 22;

	pages_on();
	memcpy(other_dir, page_dir, 4096);
	memcpy(other_table, page_tables[at], 4096);
	other_dir[at] = (u32)other_table | PTE_ALL;
	other_table[((u32)code >> 12 & 1023) + 1] = (u32)(code + 8192) | PTE_ALL;
	/* jmp to the next page */
	code[0] = 0xe9;
	memcpy(code + 1, &(u32){4096 - 5}, 4);
	emit_end(code + 4096, 1);
	emit_end(code + 8192, 2);
	/* What was known of the page, its code and who runs it, changes at each store to it. */
	for (u32 round = 0; round < 20; round++) {
		for (u32 i = 0; i < 3; i++)
			expect("the first space", run_in(page_dir), 1);
		*(volatile u8 *)code = 0xe9;
		if (round & 1)
			*(volatile u8 *)(code + 4096) = 0xb8;
		for (u32 i = 0; i < 3; i++)
			expect("the first space, anew", run_in(page_dir), 1);
		for (u32 i = 0; i < 3; i++)
			expect("the second space", run_in(other_dir), 2);
		*(volatile u8 *)code = 0xe9;
		for (u32 i = 0; i < 3; i++) {
			expect("the second space, anew", run_in(other_dir), 2);
			if (round & 2)
				expect("and the first", run_in(page_dir), 1);
		}
	}
	write_cr3((u32)page_dir);
	pages_off();
}

/* --- a page table that is run --- */

/* The processor sets A and D of the entry that is an operand of its neighbours' instructions. */
static void table(void)
{
	static u8 pages[3 * 4096] __attribute__((aligned(4096)));
	u32 *e = pages_entry(pages), frame = (u32)(pages + 4096) | PTE_ALL;
	struct state s;

	pages_on();
	/* mov eax, e[1]; nop; int 81h */
	e[0] = 0xb8000000;
	e[1] = frame;
	e[2] = 0x81cd90;
	write_cr3((u32)page_dir);
	for (u32 round = 0; round < 3; round++)
		for (u32 i = 0; i < 3; i++) {
			s = at_cpl(3, (u8 *)e + 3);
			cpu_run(&s);
			expect("vector", s.vector, V_DONE);
			expect("the entry", s.eax,
			       frame | (round ? PTE_A : 0) | (round == 2 ? PTE_D : 0));
			if (i == 2 && round == 0)
				(void)*(volatile u8 *)(pages + 4096);
			else if (i == 2)
				*(volatile u8 *)(pages + 4096) = 1;
		}
	pages_off();
}

/* --- stores to the next instruction --- */

CODE(next_smsw, "smsw word ptr [1f+1]\n 1: mov eax, 0x11111111");
CODE(next_sldt, "sldt word ptr [1f+1]\n 1: mov eax, 0x11111111");
static u32 after(const void *at, const void *end)
{
	struct state s = at_cpl(0, at);

	expect_done("snippet", &s, end);
	return s.eax;
}

static void next_instruction(void)
{
	expect("SMSW", after(next_smsw, next_smsw_end), 0x11110000 | (read_cr0() & 0xffff));
	expect("SLDT", after(next_sldt, next_sldt_end), 0x11110000);
}

static const struct test tests[] = {
	{"spaces", "SDM vol. 3, 4.10.4", spaces},
	{"table", "SDM vol. 3, 4.8", table},
	{"next-instruction", "SDM vol. 3, 11.6", next_instruction},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
