/* A disk behind the PIIX3, by string instructions and by bus master: what they move lies across pages,
 * and is code that runs.  The disk (run.sh) has 4 MiB. */
#include "rt/pci.h"

enum {
	IDE = 1 << 3 | 1,
	BASE = 0x1f0,
	CONTROL = 0x3f6,
	V_IDE = V_TIMER + 14,
	BSY = 0x80,
	DRQ = 8,
	ERR = 1,
	SECTOR = 512,
	SECTORS = 8192,
	READ = 0x20,
	READ_DMA = 0xc8,
	WRITE = 0x30,
	WRITE_DMA = 0xca,
};

static u8 page[8 * 4096] __attribute__((aligned(4096)));
static volatile u32 interrupts;
static u16 master;

static bool on_interrupt(struct frame *f)
{
	if (f->vector < V_TIMER || f->vector >= V_TIMER + 16)
		return false;
	if (f->vector == V_IDE) {
		inb(BASE + 7);
		interrupts++;
	}
	outb(PIC2, 0x20);
	outb(PIC1, 0x20);
	return true;
}

static u8 poll(void)
{
	u8 status;

	while ((status = inb(BASE + 7)) & BSY)
		;
	return status;
}

static void command(u8 code, u32 lba, u8 count)
{
	poll();
	outb(BASE + 2, count);
	outb(BASE + 3, (u8)lba);
	outb(BASE + 4, (u8)(lba >> 8));
	outb(BASE + 5, (u8)(lba >> 16));
	outb(BASE + 6, 0xe0);
	outb(BASE + 7, code);
}

static void ins(void *to, u32 bytes, bool dwords)
{
	u32 n = bytes / (dwords ? 4 : 2);

	if (dwords)
		asm volatile("rep insl" : "+D"(to), "+c"(n) : "d"(BASE) : "memory");
	else
		asm volatile("rep insw" : "+D"(to), "+c"(n) : "d"(BASE) : "memory");
}

static void outs(const void *from, u32 bytes, bool dwords)
{
	u32 n = bytes / (dwords ? 4 : 2);

	if (dwords)
		asm volatile("rep outsl" : "+S"(from), "+c"(n) : "d"(BASE) : "memory");
	else
		asm volatile("rep outsw" : "+S"(from), "+c"(n) : "d"(BASE) : "memory");
}

static u8 byte_of(u32 lba, u32 at)
{
	return (u8)(lba * 13 + at + (at >> 8));
}

static void fill(u8 *bytes, u32 lba, u32 sectors)
{
	for (u32 i = 0; i < sectors * SECTOR; i++)
		bytes[i] = byte_of(lba + i / SECTOR, i % SECTOR);
}

static u32 wrong(const u8 *bytes, u32 lba, u32 sectors)
{
	u32 n = 0;

	for (u32 i = 0; i < sectors * SECTOR; i++)
		n += bytes[i] != byte_of(lba + i / SECTOR, i % SECTOR);
	return n;
}

static void identify(void)
{
	u16 *w = (u16 *)(page + 4096 - 100); /* across two pages */

	outb(CONTROL, 2);
	command(0xec, 0, 0);
	expect("status", poll(), 0x58);
	ins(w, SECTOR, false);
	expect("no more of it", poll(), 0x50);
	expect("word 0", w[0] & 0x8040, 0x0040);
	expect("sectors", w[60] | (u32)w[61] << 16, SECTORS);
	expect("LBA, DMA", w[49] & 0x0300, 0x0300);
	outb(BASE + 6, 0xf0);
	expect("no second drive", inb(BASE + 7), 0);
	outb(BASE + 6, 0xe0);
}

/* From each place in a page, by words and by dwords, up and down again. */
static void pio(void)
{
	for (u32 i = 0; i < 64; i++) {
		u8 *at = page + 4096 - 3 * SECTOR + i * 48 + (i & 3);
		u32 lba = 100 + i * 3;

		fill(at, lba, 3);
		command(WRITE, lba, 3);
		for (u32 k = 0; k < 3; k++) {
			expect("asks for data", poll() & (DRQ | ERR), DRQ);
			outs(at + k * SECTOR, SECTOR, i & 4);
		}
		expect("written", poll(), 0x50);
		memset(at, 0, 3 * SECTOR);
		command(READ, lba, 3);
		for (u32 k = 0; k < 3; k++) {
			expect("has data", poll() & (DRQ | ERR), DRQ);
			ins(at + k * SECTOR, SECTOR, i & 8);
		}
		expect("all read", poll(), 0x50);
		expect("bytes that differ", wrong(at, lba, 3), 0);
	}
	/* One by one, and backwards. */
	u16 *last = (u16 *)page + SECTOR / 2 - 1;
	u32 n = SECTOR / 2;

	command(READ, 100, 1);
	poll();
	asm volatile("std; rep insw; cld" : "+D"(last), "+c"(n) : "d"(BASE) : "memory");
	expect("the first word is the last", page[SECTOR - 2] | page[SECTOR - 1] << 8,
	       byte_of(100, 0) | byte_of(100, 1) << 8);
	expect("and the other way", page[0], byte_of(100, SECTOR - 2));
}

/* From an interrupt to the next, in HLT. */
static void wait_for(u32 n)
{
	while (interrupts < n)
		asm volatile("sti; hlt; cli" : : : "memory");
}

static void hear(void)
{
	trap_hook = on_interrupt;
	pic_init(0xfb, 0xbf);
	interrupts = 0;
	outb(CONTROL, 0);
}

static void with_interrupts(void)
{
	hear();
	command(READ, 101, 4);
	for (u32 k = 0; k < 4; k++) {
		wait_for(k + 1);
		ins(page + k * SECTOR, SECTOR, false);
	}
	for (volatile u32 i = 0; i < 100000; i++)
		;
	asm volatile("sti; nop; nop; cli");
	expect("interrupts", interrupts, 4);
	expect("bytes that differ", wrong(page, 101, 4), 0);
}

static void by_master(u8 code, u32 lba, u8 count, const u32 *table)
{
	outb(master, code == READ_DMA ? 8 : 0);
	outl(master + 4, (u32)table);
	outb(master + 2, 0x66);
	interrupts = 0;
	command(code, lba, count);
	outb(master, code == READ_DMA ? 9 : 1);
	wait_for(1);
	expect("the master is done", inb(master + 2) & 7, 4);
	outb(master, 0);
}

static void dma(void)
{
	static u32 table[16] __attribute__((aligned(64)));

	hear();
	master = pci_get(IDE, 0x20) & 0xfffc;
	pci_set(IDE, 4, (pci_get(IDE, 4) & 0xffff) | 5);
	fill(page + 2, 500, 20);
	/* 20 sectors in three pieces, which are one. */
	table[0] = (u32)page + 2;
	table[1] = 4096;
	table[2] = (u32)page + 2 + 4096;
	table[3] = 100;
	table[4] = (u32)page + 2 + 4196;
	table[5] = (20 * SECTOR - 4196) | 0x80000000;
	by_master(WRITE_DMA, 500, 20, table);
	memset(page, 0, sizeof page);
	by_master(READ_DMA, 500, 20, table);
	expect("bytes that differ", wrong(page + 2, 500, 20), 0);
	expect("before", page[1], 0);
	expect("behind", page[2 + 20 * SECTOR], 0);
}

/* What comes from the disk is run, where other code has run before. */
static void code(void)
{
	static u32 table[2] __attribute__((aligned(64)));
	u8 *at = page + 4096;
	u32 (*run)(void) = (u32(*)(void))at;

	hear();
	for (u32 i = 0; i < 40; i++) {
		/* mov eax, imm32; ret */
		memset(at, 0x90, SECTOR);
		at[0] = 0xb8;
		*(u32 *)(at + 1) = 0x1000 + i;
		at[5] = 0xc3;
		expect("as it was stored", run(), 0x1000 + i);
		command(WRITE, 900 + i, 1);
		while (!(inb(CONTROL) & DRQ))
			;
		interrupts = 0;
		outs(at, SECTOR, false);
		wait_for(1);
	}
	for (u32 i = 0; i < 40; i++) {
		interrupts = 0;
		if (i & 1) {
			table[0] = (u32)at;
			table[1] = SECTOR | 0x80000000;
			by_master(READ_DMA, 900 + i, 1, table);
		} else {
			command(READ, 900 + i, 1);
			wait_for(1);
			ins(at, SECTOR, i & 2);
		}
		expect("as it was read", run(), 0x1000 + i);
	}
}

static const struct test tests[] = {
	{"identify", "ATA/ATAPI-6, 8.15", identify},
	{"pio", "ATA/ATAPI-6, 9.5 and 9.6; SDM vol. 2, INS, OUTS", pio},
	{"interrupts", "ATA/ATAPI-6, 9.5", with_interrupts},
	{"dma", "Bus Master IDE 1.0, 3.1", dma},
	{"code", "SDM vol. 3, 8.1.3", code},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
