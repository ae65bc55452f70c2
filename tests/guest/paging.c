/* Two-level paging.  Where the manual lets a processor keep stale entries, only what it
 * must see after a flush is checked (SDM vol. 3, 4.10.4). */
#include "rt/pages.h"

#define HIGH ((volatile u32 *)0xc00000)
#define HIGH_AT(n) (HIGH + (n)*1024)

CODE(read_code, "mov eax, [ebx]");
CODE(write_code, "mov [ebx], eax");

/* Runs a load or store at this CPL; the vector that ended it (V_DONE: none). */
static u32 try_access(unsigned cpl, bool write, volatile void *a, u32 *error)
{
	struct state s = at_cpl(cpl, write ? write_code : read_code);

	s.ebx = (u32)a;
	cpu_run(&s);
	if (error)
		*error = s.error;
	if (s.vector == V_PF)
		expect("cr2", s.cr2, (u32)a);
	return s.vector;
}

static u8 frames[16 * 4096] __attribute__((aligned(4096)));
static void *frame_at(unsigned i)
{
	return frames + i * 4096;
}

/* --- mappings --- */

static void remap(void)
{
	pages_on();
	for (unsigned i = 0; i < 16; i++)
		*(volatile u32 *)frame_at(i) = 0x1000 + i;
	for (unsigned i = 0; i < 4000; i++) {
		pages_point((void *)HIGH, frame_at(i * 7 & 15), PTE_ALL);
		expect("word of the frame", *HIGH, 0x1000 + (i * 7 & 15));
	}
	/* Written through the alias, read at the identity. */
	pages_point((void *)HIGH, frame_at(3), PTE_ALL);
	*HIGH = 0xabcdef01;
	expect("alias", *(volatile u32 *)frame_at(3), 0xabcdef01);
	*(volatile u32 *)frame_at(3) = 0x10fedcba;
	expect("alias, the other way", *HIGH, 0x10fedcba);
	/* All sixteen linear pages at one frame, then at one each. */
	for (unsigned i = 0; i < 16; i++)
		pages_point((void *)HIGH_AT(i), frame_at(5), PTE_ALL);
	for (unsigned i = 0; i < 16; i++) {
		*HIGH_AT(i) = i;
		expect("sixteen aliases", *HIGH_AT(15 - i), i);
	}
	for (unsigned i = 0; i < 16; i++) {
		*(volatile u32 *)frame_at(i) = ~i;
		pages_point((void *)HIGH_AT(i), frame_at(i), PTE_ALL);
	}
	for (unsigned i = 0; i < 16; i++)
		expect("one each", *HIGH_AT(i), ~i);
	pages_off();
}

/* An entry that was not present is not cached: no flush is needed.  4.10.2.3 */
static void made_present(void)
{
	u32 error;

	pages_on();
	for (unsigned i = 0; i < 500; i++) {
		volatile u32 *a = HIGH_AT(i & 15);

		pages_set((void *)a, 0);
		expect("absent", try_access(3, i & 1, a, &error), V_PF);
		expect("error", error, i & 1 ? 6 : 4);
		*pages_entry((void *)a) = (u32)frame_at(i & 7) | PTE_ALL;
		expect("present, no flush", try_access(3, i & 1, a, NULL), V_DONE);
	}
	/* The same with the directory's entry. */
	static u32 table[1024] __attribute__((aligned(4096)));

	for (unsigned i = 0; i < 200; i++) {
		volatile u32 *a = (volatile u32 *)(0x40000000 + i * 0x1000);

		table[i] = (u32)frame_at(i & 7) | PTE_ALL;
		page_dir[0x100] = 0;
		write_cr3((u32)page_dir);
		expect("no table", try_access(3, false, a, &error), V_PF);
		page_dir[0x100] = (u32)table | PTE_ALL;
		expect("a table, no flush", try_access(3, false, a, NULL), V_DONE);
	}
	page_dir[0x100] = 0;
	pages_off();
}

/* Revoked rights hold after INVLPG, and after a CR3 load. */
static void revoked(void)
{
	u32 error;

	pages_on();
	for (unsigned i = 0; i < 500; i++) {
		volatile u32 *a = HIGH_AT(i & 15);

		pages_point((void *)a, frame_at(i & 7), PTE_ALL);
		*a = i;
		*pages_entry((void *)a) &= ~(u32)PTE_W;
		if (i & 1)
			invlpg((void *)a);
		else
			write_cr3((u32)page_dir);
		expect("store to a page made read-only", try_access(3, true, a, &error), V_PF);
		expect("error", error, 7);
		expect("load", try_access(3, false, a, NULL), V_DONE);
		*pages_entry((void *)a) &= ~(u32)PTE_U;
		if (i & 2)
			invlpg((void *)a);
		else
			write_cr3((u32)page_dir);
		expect("load from a supervisor page", try_access(3, false, a, &error), V_PF);
		expect("error", error, 5);
		*pages_entry((void *)a) = 0;
		invlpg((void *)a);
		expect("load from an absent page", try_access(0, false, a, &error), V_PF);
		expect("error", error, 0);
	}
	pages_off();
}

/* More rights without a flush: one spurious fault is allowed (4.10.4.3). */
static void granted(void)
{
	pages_on();
	for (unsigned i = 0; i < 200; i++) {
		volatile u32 *a = HIGH_AT(i & 15);

		pages_point((void *)a, frame_at(i & 7), PTE_P | PTE_U);
		expect("store to a read-only page", try_access(3, true, a, NULL), V_PF);
		*pages_entry((void *)a) |= PTE_W;
		if (try_access(3, true, a, NULL) != V_DONE)
			expect("after one spurious fault", try_access(3, true, a, NULL), V_DONE);
	}
	pages_off();
}

/* A flush of one page leaves no other stale that was flushed too; many at once. */
static void many(void)
{
	pages_on();
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 16; i++) {
			*(volatile u32 *)frame_at(i) = round * 100 + i;
			*pages_entry((void *)HIGH_AT(i)) =
				(u32)frame_at((i + round) & 15) | PTE_ALL;
		}
		write_cr3((u32)page_dir);
		for (unsigned i = 0; i < 16; i++)
			expect("rotated", *HIGH_AT(i), round * 100 + ((i + round) & 15));
	}
	pages_off();
}

/* --- accessed and dirty --- */

static void accessed_dirty(void)
{
	pages_on();
	for (unsigned i = 0; i < 100; i++) {
		volatile u32 *a = HIGH_AT(i & 15);
		u32 *pte = pages_entry((void *)a);

		pages_point((void *)a, frame_at(0), PTE_ALL);
		page_dir[3] &= ~(u32)PTE_A;
		write_cr3((u32)page_dir);
		(void)*a;
		expect("A after a load", *pte & PTE_A, PTE_A);
		expect("D after a load", *pte & PTE_D, 0);
		expect("A of the directory entry", page_dir[3] & PTE_A, PTE_A);
		*a = 1;
		expect("D after a store", *pte & PTE_D, PTE_D);
		*pte &= ~(u32)(PTE_D | PTE_A);
		invlpg((void *)a);
		(void)*a;
		expect("A again", *pte & (PTE_A | PTE_D), PTE_A);
		*a = 2;
		expect("D again", *pte & (PTE_A | PTE_D), PTE_A | PTE_D);
		/* A store that faults sets no D. */
		pages_point((void *)a, frame_at(0), PTE_P | PTE_U);
		try_access(3, true, a, NULL);
		expect("D after a faulting store", *pte & PTE_D, 0);
	}
	/* A fetch sets A, never D. */
	memcpy(frame_at(1), "\xb8\x05\x00\x00\x00\xcd\x81", 7);
	pages_point((void *)HIGH, frame_at(1), PTE_ALL);
	struct state s = at_cpl(3, (void *)HIGH);

	expect_done("fetch", &s, (u8 *)HIGH + 5);
	expect("A and D after a fetch", *pages_entry((void *)HIGH) & (PTE_A | PTE_D), PTE_A);
	/* The processor's own reads count: a stack at CPL 3, a descriptor. */
	s = at_cpl(3, read_code);
	s.ebx = (u32)scratch;
	*pages_entry(gdt) &= ~(u32)PTE_A;
	invlpg(gdt);
	asm volatile("mov %0, %%gs" : : "r"(DATA0));
	expect("A of the GDT's page", *pages_entry(gdt) & PTE_A, PTE_A);
	pages_off();
}

/* A page that comes with its first access is clean until the first store.  SDM vol. 3, 4.8. */
static bool bring_in(struct frame *f)
{
	if (f->vector != V_PF)
		return false;
	*pages_entry((void *)read_cr2()) |= PTE_ALL;
	return true;
}

static void demand(void)
{
	pages_on();
	trap_hook = bring_in;
	for (unsigned i = 0; i < 64; i++) {
		volatile u32 *a = HIGH_AT(i & 15);
		u32 *pte = pages_entry((void *)a);
		unsigned cpl = i & 16 ? 0 : 3;
		bool write = i & 32;

		pages_point((void *)a, frame_at(i & 7), 0);
		expect("access to an absent page", try_access(cpl, write, a, NULL), V_DONE);
		expect("A and D", *pte & (PTE_A | PTE_D), write ? PTE_A | PTE_D : PTE_A);
		expect("load", try_access(cpl, false, a, NULL), V_DONE);
		expect("D after a load", *pte & PTE_D, write ? PTE_D : 0);
		expect("store", try_access(cpl, true, a, NULL), V_DONE);
		expect("D after a store", *pte & PTE_D, PTE_D);
	}
	trap_hook = NULL;
	pages_off();
}

/* --- WP --- */

static void write_protect(void)
{
	u32 error;

	pages_on();
	pages_point((void *)HIGH, frame_at(0), PTE_P | PTE_U);
	for (unsigned i = 0; i < 20; i++) {
		write_cr0(read_cr0() & ~(u32)CR0_WP);
		expect("supervisor store, WP clear", try_access(0, true, HIGH, NULL), V_DONE);
		expect("D", *pages_entry((void *)HIGH) & PTE_D, PTE_D);
		expect("user store, WP clear", try_access(3, true, HIGH, &error), V_PF);
		expect("error", error, 7);
		write_cr0(read_cr0() | CR0_WP);
		expect("supervisor store, WP set", try_access(0, true, HIGH, &error), V_PF);
		expect("error", error, 3);
		pages_point((void *)HIGH, frame_at(0), PTE_P | PTE_U);
	}
	pages_off();
}

/* --- 4 MiB pages --- */

static void big_pages(void)
{
	u32 error;

	pages_on();
	write_cr4(read_cr4() | CR4_PSE);
	/* 40000000h: the first 4 MiB, where this kernel is. */
	page_dir[0x100] = 0 | PTE_ALL | PTE_PS;
	volatile u32 *f = frame_at(2);
	volatile u32 *big = (volatile u32 *)(0x40000000 + (u32)f);

	for (unsigned i = 0; i < 100; i++) {
		*f = i;
		expect("through 4 MiB page", *big, i);
		*big = ~i;
		expect("at the identity", *f, ~i);
	}
	expect("A and D", page_dir[0x100] & (PTE_A | PTE_D), PTE_A | PTE_D);
	page_dir[0x100] = 0 | PTE_P | PTE_U | PTE_PS;
	invlpg((void *)big);
	expect("read-only", try_access(3, true, big, &error), V_PF);
	expect("error", error, 7);
	expect("D", page_dir[0x100] & PTE_D, 0);
	/* Another 4 MiB of memory under it: the one that the tables map at 400000h. */
	*(volatile u32 *)(0x400000 + ((u32)f & 0x3fffff)) = 0x600d;
	page_dir[0x100] = 0x400000 | PTE_ALL | PTE_PS;
	invlpg((void *)big);
	expect("moved", *big, 0x600d);
	/* Split into 4 KiB pages, and back. */
	page_dir[0x100] = (u32)page_tables[0] | PTE_ALL;
	invlpg((void *)big);
	expect("split", *big, ~99u);
	page_dir[0x100] = 0x400000 | PTE_ALL | PTE_PS;
	invlpg((void *)big);
	expect("joined", *big, 0x600d);
	/* Code in a big page. */
	memcpy(frame_at(4), "\xb8\x77\x00\x00\x00\xcd\x81", 7);
	page_dir[0x100] = 0 | PTE_ALL | PTE_PS;
	write_cr3((u32)page_dir);
	struct state s = at_cpl(3, (u8 *)frame_at(4) + 0x40000000);

	expect_done("code", &s, (u8 *)frame_at(4) + 0x40000005);
	expect("eax", s.eax, 0x77);
	/* Without CR4.PSE the bit means nothing. */
	page_dir[0x100] = (u32)page_tables[0] | PTE_ALL | PTE_PS;
	write_cr4(read_cr4() & ~(u32)CR4_PSE);
	expect("PS without PSE", *big, ~99u);
	page_dir[0x100] = 0;
	pages_off();
}

/* --- global pages --- */

static void global_pages(void)
{
	pages_on();
	write_cr4(read_cr4() | CR4_PGE);
	for (unsigned i = 0; i < 50; i++) {
		*(volatile u32 *)frame_at(i & 7) = i;
		pages_point((void *)HIGH, frame_at(i & 7), PTE_ALL | PTE_G);
		expect("global, after INVLPG", *HIGH, i);
		*(volatile u32 *)frame_at(8 + (i & 7)) = 1000 + i;
		*pages_entry((void *)HIGH) = (u32)frame_at(8 + (i & 7)) | PTE_ALL | PTE_G;
		write_cr4(read_cr4() & ~(u32)CR4_PGE);
		write_cr4(read_cr4() | CR4_PGE);
		expect("global, after a change of PGE", *HIGH, 1000 + i);
		/* Not global any more: a CR3 load is enough from the next time on. */
		pages_point((void *)HIGH, frame_at(i & 7), PTE_ALL);
		expect("not global", *HIGH, i);
		*pages_entry((void *)HIGH) = (u32)frame_at(8 + (i & 7)) | PTE_ALL;
		write_cr3((u32)page_dir);
		expect("not global, after CR3", *HIGH, 1000 + i);
	}
	write_cr4(read_cr4() & ~(u32)CR4_PGE);
	pages_off();
}

/* --- tables that map themselves --- */

static void self_map(void)
{
	volatile u32 *ptes = (volatile u32 *)0xffc00000, *pdes = (volatile u32 *)0xfffff000;
	u32 page = (u32)HIGH >> 12;

	pages_on();
	page_dir[1023] = (u32)page_dir | PTE_P | PTE_W;
	write_cr3((u32)page_dir);
	expect("a directory entry", pdes[0] & ~0xfffu, (u32)page_tables[0]);
	expect("the self-map's own", pdes[1023] & ~0xfffu, (u32)page_dir);
	expect("a table entry", ptes[page] & ~0xfffu, *pages_entry((void *)HIGH) & ~0xfffu);
	expect("user load of a table", try_access(3, false, ptes + page, NULL), V_PF);
	for (unsigned i = 0; i < 2000; i++) {
		*(volatile u32 *)frame_at(i & 15) = i;
		ptes[page] = (u32)frame_at(i & 15) | PTE_ALL;
		invlpg((void *)HIGH);
		expect("changed through the self-map", *HIGH, i);
		expect("and A is seen there", ptes[page] & PTE_A, PTE_A);
	}
	/* A fresh table, linked and filled through the self-map. */
	static u32 table[1024] __attribute__((aligned(4096)));

	for (unsigned i = 0; i < 100; i++) {
		u32 slot = 0x100 + (i & 31);

		pdes[slot] = (u32)table | PTE_ALL;
		invlpg((void *)(ptes + slot * 1024));
		for (unsigned k = 0; k < 4; k++)
			ptes[slot * 1024 + k] = (u32)frame_at(k) | PTE_ALL;
		*(volatile u32 *)frame_at(2) = i;
		expect("through the fresh table", *(volatile u32 *)((slot << 22) + 0x2000), i);
		pdes[slot] = 0;
		write_cr3((u32)page_dir);
		expect("unlinked", try_access(0, false, (void *)((slot << 22) + 0x2000), NULL),
		       V_PF);
	}
	page_dir[1023] = 0;
	pages_off();
}

/* A page is now a table, now data, now code. */
static void reused(void)
{
	static u32 page[1024] __attribute__((aligned(4096)));

	pages_on();
	for (unsigned i = 0; i < 300; i++) {
		memset(page, 0, sizeof(page));
		page[5] = (u32)frame_at(i & 15) | PTE_ALL;
		*(volatile u32 *)frame_at(i & 15) = i;
		page_dir[0x101] = (u32)page | PTE_ALL;
		write_cr3((u32)page_dir);
		expect("as a table", *(volatile u32 *)0x40405000, i);
		page_dir[0x101] = 0;
		write_cr3((u32)page_dir);
		memset(page, 0x90, sizeof(page));
		memcpy((u8 *)page + 100, "\xcd\x81", 2);
		struct state s = at_cpl(3, page);

		expect_done("as code", &s, (u8 *)page + 100);
		for (unsigned k = 0; k < 1024; k++)
			page[k] = k * i;
		expect("as data", page[1000], 1000 * i);
	}
	pages_off();
}

/* A linear page that moves between directories' tables and shares a table with another root. */
static void shared_tables(void)
{
	static u32 dirs[4][1024] __attribute__((aligned(4096)));
	static u32 table[1024] __attribute__((aligned(4096)));

	pages_on();
	for (unsigned i = 0; i < 4; i++) {
		memcpy(dirs[i], page_dir, 4096);
		dirs[i][0x180] = (u32)table | PTE_ALL;     /* 60000000h, shared by all */
		dirs[i][0x181 + i] = (u32)table | PTE_ALL; /* and once elsewhere */
	}
	for (unsigned i = 0; i < 400; i++) {
		table[7] = (u32)frame_at(i & 15) | PTE_ALL;
		*(volatile u32 *)frame_at(i & 15) = i;
		write_cr3((u32)dirs[i & 3]);
		expect("shared", *(volatile u32 *)0x60007000, i);
		expect("elsewhere", *(volatile u32 *)(0x60407000 + (i & 3) * 0x400000), i);
		expect("not there",
		       try_access(0, false, (void *)(0x60407000 + (~i & 3) * 0x400000), NULL),
		       V_PF);
	}
	pages_off();
}

/* Stores to live tables of several kinds: bytes, words, locked, REP STOS, REP MOVS, crossing. */
static void table_stores(void)
{
	u32 *e = pages_entry((void *)HIGH), prepared[16];

	pages_on();
	for (unsigned i = 0; i < 16; i++)
		*(volatile u32 *)frame_at(i) = 0x500 + i;
	(void)*HIGH;
	for (unsigned i = 0; i < 16; i++) {
		*(volatile u16 *)((u8 *)e + 2) = (u16)((u32)frame_at(i) >> 16);
		*(volatile u8 *)((u8 *)e + 1) = (u8)((u32)frame_at(i) >> 8);
		invlpg((void *)HIGH);
		expect("by bytes and words", *HIGH, 0x500 + i);
	}
	asm volatile("lock; xchgl %1, %0" : "+m"(*e) : "r"((u32)frame_at(9) | PTE_ALL) : "memory");
	invlpg((void *)HIGH);
	expect("by xchg", *HIGH, 0x509);
	asm volatile("lock; andl %1, %0" : "+m"(*e) : "r"(~(u32)PTE_W));
	invlpg((void *)HIGH);
	expect("by lock and", try_access(3, true, HIGH, NULL), V_PF);
	asm volatile("btsl $1, %0" : "+m"(*e));
	invlpg((void *)HIGH);
	expect("by bts", try_access(3, true, HIGH, NULL), V_DONE);
	for (unsigned i = 0; i < 16; i++) {
		*(volatile u32 *)frame_at(i) = 0x500 + i;
		prepared[i] = (u32)frame_at(15 - i) | PTE_ALL;
	}
	memcpy(e, prepared, sizeof(prepared));
	write_cr3((u32)page_dir);
	for (unsigned i = 0; i < 16; i++)
		expect("by rep movs", *HIGH_AT(i), 0x500 + 15 - i);
	u32 n = 16, *d = e;

	asm volatile("rep stosl" : "+c"(n), "+D"(d) : "a"((u32)frame_at(4) | PTE_ALL) : "memory");
	write_cr3((u32)page_dir);
	for (unsigned i = 0; i < 16; i++)
		expect("by rep stos", *HIGH_AT(i), 0x504);
	memset(e, 0, 64);
	write_cr3((u32)page_dir);
	for (unsigned i = 0; i < 16; i++)
		expect("zeroed", try_access(0, false, HIGH_AT(i), NULL), V_PF);
	pages_off();
}

/* Operands that lie on two pages of different frames and rights. */
static void straddle(void)
{
	volatile u32 *a = (volatile u32 *)((u8 *)HIGH + 4094);

	pages_on();
	for (unsigned i = 0; i < 50; i++) {
		pages_point((void *)HIGH, frame_at(i & 7), PTE_ALL);
		pages_point((void *)HIGH_AT(1), frame_at(15 - (i & 7)), PTE_ALL);
		*a = 0x01020304 * (i & 15);
		expect("load", *a, 0x01020304 * (i & 15));
		u32 low = *(volatile u16 *)((u8 *)frame_at(i & 7) + 4094);
		u32 high = *(volatile u16 *)frame_at(15 - (i & 7));

		expect("in the frames", low | high << 16, 0x01020304 * (i & 15));
	}
	pages_point((void *)HIGH_AT(1), frame_at(9), PTE_P | PTE_U);
	*(volatile u32 *)((u8 *)frame_at(0) + 4092) = 0x11111111;
	pages_point((void *)HIGH, frame_at(0), PTE_ALL);
	struct state s = at_cpl(3, write_code);

	s.ebx = (u32)a;
	expect_trap("second page read-only", &s, V_PF, 7, write_code);
	expect("cr2", s.cr2, (u32)HIGH_AT(1));
	expect("nothing stored", *(volatile u32 *)((u8 *)frame_at(0) + 4092), 0x11111111);
	pages_off();
}

/* The first page of the operand is the table that maps the second, whose entry its bytes change: both
 * pages have been translated before the store begins. */
static void straddle_table(void)
{
	static u32 table[1024] __attribute__((aligned(4096)));
	static u8 far_frames[0x11000] __attribute__((aligned(4096)));
	enum { REGION = 0x40400000 };
	volatile u32 *a = (volatile u32 *)(REGION + 0x3fe000 + 4094);
	volatile u16 *here = (volatile u16 *)far_frames, *there = here + 0x8000;

	pages_on();
	table[1022] = (u32)table | PTE_ALL;
	page_dir[REGION >> 22] = (u32)table | PTE_ALL;
	for (unsigned i = 0; i < 50; i++) {
		table[1023] = (u32)here | PTE_ALL;
		write_cr3((u32)page_dir);
		*here = *there = 0x5555;
		expect("before", *(volatile u16 *)(REGION + 0x3ff000), 0x5555);
		*a = (u32)there >> 16 | (0x1000 + i) << 16;
		expect("the entry", table[1023] & ~0xfffu, (u32)there);
		expect("where the page was", *here, 0x1000 + i);
		expect("not where it is", *there, 0x5555);
		write_cr3((u32)page_dir);
		expect("after the flush", *(volatile u16 *)(REGION + 0x3ff000), 0x5555);
		asm volatile("addl %1, %0" : "+m"(*a) : "r"(0x10000 - (0x10000 >> 16)));
		expect("the entry, added to", table[1023] & ~0xfffu, (u32)here);
		expect("there, added to", *there, 0x5556);
		expect("not here", *here, 0x1000 + i);
	}
	page_dir[REGION >> 22] = 0;
	pages_off();
}

/* Paging off and on again: other translations at the same linear addresses. */
static void off_and_on(void)
{
	for (unsigned i = 0; i < 50; i++) {
		pages_on();
		*(volatile u32 *)frame_at(1) = i;
		*(volatile u32 *)HIGH = 0;
		pages_point((void *)HIGH, frame_at(1), PTE_ALL);
		expect("on", *HIGH, i);
		pages_off();
		expect("off", *HIGH, 0);
	}
}

static const struct test tests[] = {
	{"remap", "SDM vol. 3, 4.10.4", remap},
	{"made-present", "SDM vol. 3, 4.10.2.3", made_present},
	{"revoked", "SDM vol. 3, 4.10.4.1", revoked},
	{"granted", "SDM vol. 3, 4.10.4.3", granted},
	{"many", "SDM vol. 3, 4.10.4.1", many},
	{"accessed-dirty", "SDM vol. 3, 4.8", accessed_dirty},
	{"demand", "SDM vol. 3, 4.8", demand},
	{"write-protect", "SDM vol. 3, 4.6.1", write_protect},
	{"big-pages", "SDM vol. 3, 4.3", big_pages},
	{"global-pages", "SDM vol. 3, 4.10.2.4", global_pages},
	{"self-map", "SDM vol. 3, 4.3", self_map},
	{"reused", "SDM vol. 3, 4.10.4", reused},
	{"shared-tables", "SDM vol. 3, 4.3", shared_tables},
	{"table-stores", "SDM vol. 3, 4.10.4", table_stores},
	{"straddle", "SDM vol. 3, 4.7", straddle},
	{"straddle-table", "SDM vol. 3, 4.10.4.1", straddle_table},
	{"off-and-on", "SDM vol. 3, 9.9", off_and_on},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
