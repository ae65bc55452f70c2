/* PAE paging: three levels, 2 MiB pages, reserved bits, latched PDPTEs; execute-disable
 * where the processor has it. */
#include "rt/rt.h"

enum { P = 1, W = 2, U = 4, A = 32, D = 64, PS = 128, G = 256, ALL = 7 };
#define NX (1ull << 63)
enum { EFER = 0xc0000080, EFER_NXE = 0x800 };

static u64 pdpt[4] __attribute__((aligned(32)));
static u64 pd[4][512] __attribute__((aligned(4096)));
static u64 pt[8][512] __attribute__((aligned(4096))); /* the first 16 MiB, 4 KiB pages */
static u8 frames[8 * 4096] __attribute__((aligned(4096)));

CODE(load, "mov eax, [ebx]");
CODE(store, "mov [ebx], eax");
CODE(load_cr3, "mov cr3, eax");
CODE(code_here, "mov eax, 0x1234");

static void *frame(unsigned i)
{
	return frames + 4096 * i;
}

#define HIGH 0xc00000u

static u64 *entry(u32 a)
{
	return &pt[a >> 21][a >> 12 & 511];
}

static void set(u32 a, u64 v)
{
	*entry(a) = v;
	invlpg((void *)a);
}

static void on(void)
{
	memset(pd, 0, sizeof(pd));
	for (unsigned i = 0; i < 8 * 512; i++)
		pt[i / 512][i % 512] = (u64)i << 12 | ALL;
	for (unsigned i = 0; i < 8; i++)
		pd[0][i] = (u32)pt[i] | ALL;
	for (unsigned i = 0; i < 4; i++)
		pdpt[i] = (u32)pd[i] | P;
	write_cr4(read_cr4() | CR4_PAE);
	write_cr3((u32)pdpt);
	write_cr0(read_cr0() | CR0_PG | CR0_WP);
}

static void off(void)
{
	write_cr0(read_cr0() & ~(u32)CR0_PG);
	write_cr4(read_cr4() & ~(u32)CR4_PAE);
}

static u32 try_access(unsigned cpl, bool write, u32 a, u32 *error)
{
	struct state s = at_cpl(cpl, write ? store : load);

	s.ebx = a;
	cpu_run(&s);
	*error = s.vector == V_PF ? s.error : 0;
	if (s.vector == V_PF)
		expect("cr2", s.cr2, a);
	return s.vector;
}

static void basics(void)
{
	u32 error;

	on();
	for (unsigned i = 0; i < 1000; i++) {
		*(volatile u32 *)frame(i & 7) = i;
		set(HIGH, (u32)frame(i & 7) | ALL);
		expect("remapped", *(volatile u32 *)HIGH, i);
	}
	set(HIGH, (u32)frame(0) | P | U);
	expect("read-only", try_access(3, true, HIGH, &error), V_PF);
	expect("error", error, 7);
	expect("D", *entry(HIGH) & D, 0);
	set(HIGH, (u32)frame(0) | ALL);
	(void)*(volatile u32 *)HIGH;
	expect("A", *entry(HIGH) & (A | D), A);
	*(volatile u32 *)HIGH = 1;
	expect("D", *entry(HIGH) & (A | D), A | D);
	set(HIGH, 0);
	expect("absent", try_access(3, false, HIGH, &error), V_PF);
	expect("error", error, 4);
	*entry(HIGH) = (u32)frame(1) | ALL;
	expect("present, no flush", try_access(3, false, HIGH, &error), V_DONE);
	/* Each of the four GiB. */
	static u64 table[512] __attribute__((aligned(4096)));

	for (unsigned g = 0; g < 4; g++) {
		pd[g][300] = (u32)table | ALL;
		table[g] = (u32)frame(g) | ALL;
		*(volatile u32 *)frame(g) = 0x6000 + g;
	}
	write_cr3((u32)pdpt);
	for (unsigned g = 0; g < 4; g++)
		expect("by GiB", *(volatile u32 *)((g << 30) + (300u << 21) + g * 4096),
		       0x6000 + g);
	off();
}

static void big_pages(void)
{
	u32 error;

	on();
	u32 at = 0x40000000 + ((u32)frame(3) & 0x1fffff);

	for (unsigned i = 0; i < 100; i++) {
		pd[1][0] = ((u32)frame(3) & ~0x1fffffu) | ALL | PS;
		invlpg((void *)at);
		*(volatile u32 *)frame(3) = i;
		expect("2 MiB page", *(volatile u32 *)at, i);
		*(volatile u32 *)at = ~i;
		expect("back", *(volatile u32 *)frame(3), ~i);
	}
	expect("A and D", pd[1][0] & (A | D), A | D);
	pd[1][0] = ((u32)frame(3) & ~0x1fffffu) | P | U | PS;
	invlpg((void *)at);
	expect("read-only", try_access(3, true, at, &error), V_PF);
	expect("error", error, 7);
	pd[1][0] = (u32)pt[(u32)frame(3) >> 21] | ALL;
	invlpg((void *)at);
	expect("split", *(volatile u32 *)at, ~99u);
	off();
}

/* Reserved bits: error code bit 3, with P. */
static void reserved(void)
{
	u32 error;

	on();
	set(HIGH, (u32)frame(0) | ALL | 1ull << 52);
	expect("bit 52 of a PTE", try_access(3, false, HIGH, &error), V_PF);
	expect("error", error, 8 | 4 | 1);
	expect("store, CPL 0", try_access(0, true, HIGH, &error), V_PF);
	expect("error", error, 8 | 2 | 1);
	set(HIGH, (u32)frame(0) | ALL);
	pd[1][1] = 0x2000 | ALL | PS; /* bits 13 to 20 of a 2 MiB entry */
	invlpg((void *)0x40200000);
	expect("bit 13 of a large PDE", try_access(3, false, 0x40200000, &error), V_PF);
	expect("error", error, 8 | 4 | 1);
	pd[1][1] = (u32)pt[0] | ALL | 1ull << 55;
	invlpg((void *)0x40200000);
	expect("bit 55 of a PDE", try_access(3, false, 0x40200000, &error), V_PF);
	expect("error", error, 8 | 4 | 1);
	/* Without NXE bit 63 is one of them. */
	set(HIGH, (u32)frame(0) | ALL | NX);
	expect("bit 63 without NXE", try_access(3, false, HIGH, &error), V_PF);
	expect("error", error, 8 | 4 | 1);
	off();
}

/* The PDPTEs are read when CR3 is loaded, with #GP for reserved bits; then not again. */
static void pdptes(void)
{
	static u64 other[4] __attribute__((aligned(32)));

	on();
	memcpy(other, pdpt, sizeof(pdpt));
	other[2] |= W; /* reserved in a PDPTE */
	struct state s = at_cpl(0, load_cr3);

	s.eax = (u32)other;
	expect_trap("a reserved bit in a PDPTE", &s, V_GP, 0, load_cr3);
	expect("cr3", read_cr3(), (u32)pdpt);
	other[2] = 0x2; /* not present: the rest is ignored */
	s = at_cpl(0, load_cr3);
	s.eax = (u32)other;
	expect_done("not present", &s, load_cr3_end);
	expect("cr3", read_cr3(), (u32)other);
	write_cr3((u32)pdpt);
	off();
}

static void pdptes_latched(void)
{
	u32 error;

	on();
	pd[1][0] = (u32)pt[0] | ALL;
	pdpt[1] = 0;
	write_cr3((u32)pdpt);
	expect("no directory", try_access(0, false, 0x40100000, &error), V_PF);
	pdpt[1] = (u32)pd[1] | P;
	expect("still none", try_access(0, false, 0x40100000, &error), V_PF);
	write_cr3((u32)pdpt);
	expect("after a CR3 load", try_access(0, false, 0x40100000, &error), V_DONE);
	pdpt[1] = 0;
	expect("still there", try_access(0, false, 0x40101000, &error), V_DONE);
	invlpg((void *)0x40101000);
	expect("INVLPG does not read them", try_access(0, false, 0x40101000, &error), V_DONE);
	/* CR0.WP is not among what reads them, nor checks them; CR0.CD is. */
	pdpt[2] |= W;
	write_cr0(read_cr0() ^ CR0_WP);
	write_cr0(read_cr0() ^ CR0_WP);
	pdpt[2] &= ~(u64)W;
	expect("CR0.WP does not read them", try_access(0, false, 0x40101000, &error), V_DONE);
	write_cr0(read_cr0() ^ CR0_CD);
	expect("CR0.CD reads them", try_access(0, false, 0x40101000, &error), V_PF);
	write_cr0(read_cr0() ^ CR0_CD);
	pdpt[1] = (u32)pd[1] | P;
	write_cr3((u32)pdpt);
	pdpt[1] = 0;
	expect("there again", try_access(0, false, 0x40101000, &error), V_DONE);
	write_cr3((u32)pdpt);
	expect("gone", try_access(0, false, 0x40101000, &error), V_PF);
	off();
}

/* Several roots that share directories, as Linux's do under PAE. */
static void roots(void)
{
	static u64 roots[4][4] __attribute__((aligned(32)));
	static u64 dirs[4][512] __attribute__((aligned(4096)));
	static u64 tables[4][512] __attribute__((aligned(4096)));

	on();
	for (unsigned r = 0; r < 4; r++) {
		memcpy(roots[r], pdpt, sizeof(pdpt));
		roots[r][2] = (u32)dirs[r] | P;
		dirs[r][0] = (u32)tables[r] | ALL;
		tables[r][5] = (u32)frame(r) | ALL;
		*(volatile u32 *)frame(r) = 0x700 + r;
	}
	for (unsigned i = 0; i < 400; i++) {
		write_cr3((u32)roots[i & 3]);
		expect("own", *(volatile u32 *)0x80005000, 0x700 + (i & 3));
	}
	for (unsigned i = 0; i < 400; i++) {
		write_cr3((u32)roots[i & 3]);
		tables[i & 3][5] = (u32)frame(4 + (i * 3 & 3)) | ALL;
		*(volatile u32 *)frame(4 + (i * 3 & 3)) = i;
		invlpg((void *)0x80005000);
		expect("changed", *(volatile u32 *)0x80005000, i);
	}
	write_cr3((u32)pdpt);
	off();
}

/* SDM vol. 3, 4.6 and 4.7: a fetch from an XD page is #PF with I set. */
static void execute_disable(void)
{
	u32 regs[4], error;
	struct state s;

	cpuid(0x80000000, regs);
	if (regs[0] >= 0x80000001)
		cpuid(0x80000001, regs);
	else
		regs[3] = 0;
	if (!(regs[3] >> 20 & 1)) {
		print("this processor has no XD\n");
		return;
	}
	print("XD is there\n");
	wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
	on();
	memcpy(frame(0), code_here, 7); /* with its INT 81h */
	set(HIGH, (u32)frame(0) | ALL | NX);
	for (unsigned cpl = 0; cpl < 4; cpl += 3) {
		expect("load", try_access(cpl, false, HIGH, &error), V_DONE);
		expect("store", try_access(cpl, true, HIGH + 64, &error), V_DONE);
		s = at_cpl(cpl, (void *)HIGH);
		expect_trap("fetch", &s, V_PF, 0x10 | (cpl ? 4 : 0) | 1, (void *)HIGH);
		expect("cr2", s.cr2, HIGH);
	}
	for (unsigned i = 0; i < 50; i++) {
		set(HIGH, (u32)frame(0) | ALL);
		s = at_cpl(3, (void *)HIGH);
		expect_done("allowed", &s, (void *)(HIGH + 5));
		set(HIGH, (u32)frame(0) | ALL | NX);
		s = at_cpl(3, (void *)HIGH);
		expect_trap("and not", &s, V_PF, 0x15, (void *)HIGH);
	}
	/* By the directory. */
	set(HIGH, (u32)frame(0) | ALL);
	pd[0][HIGH >> 21] |= NX;
	write_cr3((u32)pdpt);
	s = at_cpl(3, (void *)HIGH);
	expect_trap("by the directory", &s, V_PF, 0x15, (void *)HIGH);
	pd[0][HIGH >> 21] &= ~NX;
	write_cr3((u32)pdpt);
	/* A fetch from an absent page has I too when NXE is set. */
	set(HIGH, 0);
	s = at_cpl(3, (void *)HIGH);
	expect_trap("fetch, absent", &s, V_PF, 0x14, (void *)HIGH);
	/* The tail of an instruction on an XD page. */
	set(HIGH, (u32)frame(0) | ALL);
	set(HIGH + 4096, (u32)frame(1) | ALL | NX);
	((u8 *)frame(0))[4094] = 0xb8;
	s = at_cpl(3, (void *)(HIGH + 4094));
	expect_trap("tail", &s, V_PF, 0x15, (void *)(HIGH + 4094));
	expect("cr2", s.cr2, HIGH + 4096);
	off();
	wrmsr(EFER, rdmsr(EFER) & ~(u64)EFER_NXE);
}

static const struct test tests[] = {
	{"basics", "SDM vol. 3, 4.4", basics},
	{"big-pages", "SDM vol. 3, 4.4.2", big_pages},
	{"reserved", "SDM vol. 3, 4.7", reserved},
	{"pdptes", "SDM vol. 3, 4.4.1", pdptes},
	{"pdptes-latched", "SDM vol. 3, 4.4.1", pdptes_latched},
	{"roots", "SDM vol. 3, 4.4", roots},
	{"execute-disable", "SDM vol. 3, 4.6", execute_disable},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
