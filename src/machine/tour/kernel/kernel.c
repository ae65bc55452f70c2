/* The tour: what `unring run` boots when it is given no kernel.  It sets up a
 * small PC in protected mode and shows on COM1 what it sees. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

enum { CODE0 = 0x08, DATA0 = 0x10, CODE3 = 0x1b, DATA3 = 0x23, TSS = 0x28, LDT = 0x30 };
enum { COM1 = 0x3f8, EXIT_PORT = 0xf4, EXIT_GOOD = 0x10, EXIT_BAD = 0x11 };
enum { COUNTER_PORT = 0x5e0, COUNTER_MAGIC = 0x676e7275 };
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4 };
enum { V_PF = 14, V_TIMER = 32, V_TOUR = 64, V_SYSCALL = 0x80 };
enum { FLAG_ZF = 0x40, FLAG_IF = 0x200 };
enum { DEMAND_PAGE = 0x40000000, CALLS = 100000, PATCHES = 10000 };
enum { HZ = 1000, PIT_HZ = 1193182 };

struct frame {
	u32 es, ds;
	u32 edi, esi, ebp, esp_pushed, ebx, edx, ecx, eax;
	u32 vector, error, eip, cs, eflags, esp, ss;
};

struct tss {
	u32 link, esp0, ss0, rest[22];
	u16 trap, iomap;
};

struct table {
	u16 limit;
	u32 base;
} __attribute__((packed));

struct multiboot {
	u32 flags, mem_lower, mem_upper, boot_device;
	const char *cmdline;
	u32 mods_count;
	const struct {
		const char *start, *end;
		u32 string, reserved;
	} * mods;
};

extern u32 stubs[];
extern u8 user_start[], user_end[];
void load_segments(void);
void int80_stub(void);
void sysenter_entry(void);
void enter_user(void (*eip)(void), u32 esp);
_Noreturn void leave_user(void);
void user_hello(void);
void user_fault(void);
void user_int80(void);
void user_sysenter(void);
void user_patch(void);

volatile u32 int80_count, sysenter_count;

static u64 gdt[8], idt[129];
static struct tss tss;
static u8 trap_stack[8192] __attribute__((aligned(16)));
static u8 user_stack[4096] __attribute__((aligned(4096)));
static u8 demand_frame[4096] __attribute__((aligned(4096)));
static u32 page_dir[1024] __attribute__((aligned(4096)));
static u32 page_table[1024] __attribute__((aligned(4096)));
static u32 demand_table[1024] __attribute__((aligned(4096)));

static volatile u32 ticks, tour_ints;
static struct {
	u32 count, address, error, eip, value;
} fault;
static u32 user_cs, patch_sum;
static bool all_well = true;
static bool color;

/* --- ports and the console --- */

static inline void outb(u16 port, u8 v)
{
	asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outl(u16 port, u32 v)
{
	asm volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline u32 inl(u16 port)
{
	u32 v;

	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void uart_init(void)
{
	outb(COM1 + 3, 0x80); /* divisor 1: 115200 baud */
	outb(COM1, 1);
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3); /* 8N1 */
	outb(COM1 + 2, 7);
}

static void put_raw(char c)
{
	for (u32 i = 0; i < 1000000 && !(inb(COM1 + 5) & 0x20); i++)
		;
	outb(COM1, (u8)c);
}

static u32 column;

static void put(char c)
{
	if (c == '\n')
		put_raw('\r');
	put_raw(c);
	column = c == '\n' ? 0 : column + 1;
}

static void puts(const char *s)
{
	while (*s)
		put(*s++);
}

/* ANSI attributes take no column. */
static void attr(const char *code)
{
	if (!color)
		return;
	put_raw('\033');
	put_raw('[');
	while (*code)
		put_raw(*code++);
	put_raw('m');
}

#define PLAIN "0"
#define BOLD "1"
#define DIM "2"
#define RED "31"
#define GREEN "32"
#define YELLOW "33"

static void pad_to(u32 to)
{
	while (column < to)
		put(' ');
}

static void hex(u32 v, u32 digits)
{
	while (digits--)
		put("0123456789abcdef"[v >> (4 * digits) & 15]);
}

/* v / d, both halves of the quotient. */
static u64 divide(u64 v, u32 d)
{
	u32 high = (u32)(v >> 32), low = (u32)v, q_high = high / d, rest = high % d;

	asm("divl %2" : "+a"(low), "+d"(rest) : "r"(d) : "cc");
	return (u64)q_high << 32 | low;
}

/* With a space every three digits, at least width wide. */
static void number(u64 v, u32 width)
{
	char buf[32];
	u32 n = 0, digits = 0;

	do {
		if (digits && digits % 3 == 0)
			buf[n++] = ' ';
		u64 q = divide(v, 10);
		buf[n++] = (char)('0' + (u32)(v - q * 10));
		v = q;
		digits++;
	} while (v);
	for (; width > n; width--)
		put(' ');
	while (n)
		put(buf[--n]);
}

static void rule(char c)
{
	for (u32 i = 0; i < 79; i++)
		put(c);
	put('\n');
}

static void heading(const char *s)
{
	put('\n');
	attr(BOLD);
	puts(s);
	attr(PLAIN);
	put('\n');
}

static void verdict(bool good)
{
	all_well &= good;
	attr(good ? GREEN : RED);
	puts(good ? "right" : "WRONG");
	attr(PLAIN);
}

/* --- processor tables --- */

static void gdt_set(u32 sel, u32 base, u32 limit, u32 access, u32 flags)
{
	gdt[sel >> 3] = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	                (u64)(limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static void idt_set(u32 vector, void (*to)(void), u32 access)
{
	u32 a = (u32)to;

	idt[vector] = (a & 0xffff) | (u32)CODE0 << 16 | (u64)access << 40 | (u64)(a >> 16) << 48;
}

static const struct table gdtr = {sizeof(gdt) - 1, (u32)gdt}, idtr = {sizeof(idt) - 1, (u32)idt};

static void tables_init(void)
{
	gdt_set(CODE0, 0, 0xfffff, 0x9a, 0xc);
	gdt_set(DATA0, 0, 0xfffff, 0x92, 0xc);
	gdt_set(CODE3, 0, 0xfffff, 0xfa, 0xc);
	gdt_set(DATA3, 0, 0xfffff, 0xf2, 0xc);
	gdt_set(TSS, (u32)&tss, sizeof(tss) - 1, 0x89, 0);
	gdt_set(LDT, (u32)gdt, sizeof(gdt) - 1, 0x82, 0);
	tss.esp0 = (u32)trap_stack + sizeof(trap_stack);
	tss.ss0 = DATA0;
	tss.iomap = sizeof(tss);
	asm volatile("lgdt %0" : : "m"(gdtr));
	load_segments();
	for (u32 v = 0; v <= V_TOUR; v++)
		idt_set(v, (void (*)(void))stubs[v], 0x8e);
	idt_set(V_SYSCALL, int80_stub, 0xee);
	asm volatile("lidt %0" : : "m"(idtr));
	asm volatile("ltr %w0; lldt %w1" : : "r"(TSS), "r"(LDT));
}

static void paging_init(void)
{
	for (u32 i = 0; i < 1024; i++) {
		u32 a = i << 12;
		bool user = (a >= (u32)user_start && a < (u32)user_end) || a == (u32)user_stack;

		page_table[i] = a | PTE_P | PTE_W | (user ? PTE_U : 0);
	}
	page_dir[0] = (u32)page_table | PTE_P | PTE_W | PTE_U;
	page_dir[DEMAND_PAGE >> 22] = (u32)demand_table | PTE_P | PTE_W | PTE_U;
	asm volatile("mov %0, %%cr3" : : "r"(page_dir) : "memory");
	asm volatile("mov %%cr0, %%eax; or $0x80010000, %%eax; mov %%eax, %%cr0"
	             :
	             :
	             : "eax", "memory");
}

/* Both 8259A at vectors 32 to 47, only the timer let through; 8254 channel 0 at HZ. */
static void timer_init(void)
{
	outb(0x20, 0x11);
	outb(0x21, V_TIMER);
	outb(0x21, 4);
	outb(0x21, 1);
	outb(0xa0, 0x11);
	outb(0xa1, V_TIMER + 8);
	outb(0xa1, 2);
	outb(0xa1, 1);
	outb(0x21, 0xfe);
	outb(0xa1, 0xff);
	outb(0x43, 0x34);
	outb(0x40, (PIT_HZ / HZ) & 0xff);
	outb(0x40, PIT_HZ / HZ >> 8);
}

/* --- traps --- */

enum { EXIT = 1, HELLO, FAULTED, PATCHED };

static void system_call(struct frame *f)
{
	switch (f->eax) {
	case EXIT:
		leave_user();
	case HELLO:
		user_cs = f->ebx;
		break;
	case FAULTED:
		fault.value = f->ecx;
		break;
	case PATCHED:
		patch_sum = f->ebx;
		break;
	}
}

static void page_fault(struct frame *f)
{
	u32 address;

	asm volatile("mov %%cr2, %0" : "=r"(address));
	fault.count++;
	fault.address = address;
	fault.error = f->error;
	fault.eip = f->eip;
	demand_table[address >> 12 & 1023] = (u32)demand_frame | PTE_P | PTE_W | PTE_U;
}

void trap(struct frame *f)
{
	switch (f->vector) {
	case V_TIMER:
		ticks++;
		outb(0x20, 0x20);
		return;
	case V_TOUR:
		tour_ints++;
		return;
	case V_SYSCALL:
		system_call(f);
		return;
	case V_PF:
		if (fault.count < 10) {
			page_fault(f);
			return;
		}
	}
	attr(RED);
	puts("\nunexpected exception ");
	number(f->vector, 0);
	puts(" at ");
	hex(f->eip, 8);
	attr(PLAIN);
	put('\n');
	for (;;)
		outb(EXIT_PORT, EXIT_BAD);
}

/* --- 1: the sensitive instructions --- */

static const char *report, *report_end;

/* The host's line for this instruction. */
static void host_cell(const char *name)
{
	const char *p = report;

	while (p < report_end) {
		const char *q = p, *n = name;

		while (q < report_end && *n && *q == *n)
			q++, n++;
		if (!*n && q < report_end && *q == ':') {
			bool faulted = q + 1 < report_end && q[1] == 'f' && q[2] == 'a';

			attr(faulted ? YELLOW : RED);
			for (q++; q < report_end && *q != '\n'; q++)
				put(*q);
			attr(PLAIN);
			return;
		}
		while (p < report_end && *p++ != '\n')
			;
	}
	puts("not measurable here");
}

static void row(const char *name)
{
	attr(BOLD);
	puts(name);
	attr(PLAIN);
	pad_to(14);
	puts("| ");
	host_cell(name);
	pad_to(44);
	puts("| ");
}

static void row_end(bool good)
{
	puts(": ");
	verdict(good);
	put('\n');
}

static void row_table(const char *name, struct table got, struct table own)
{
	row(name);
	puts("base ");
	hex(got.base, 8);
	put('/');
	hex(got.limit, 4);
	row_end(got.base == own.base && got.limit == own.limit);
}

static void row_word(const char *name, const char *what, u32 got, u32 digits, u32 own)
{
	row(name);
	puts(what);
	hex(got, digits);
	row_end(got == own);
}

static void row_text(const char *name, const char *what, bool good)
{
	row(name);
	puts(what);
	row_end(good);
}

static u32 flags(void)
{
	u32 f;

	asm volatile("pushf; pop %0" : "=r"(f));
	return f;
}

/* Each instruction is run here in ring 0 of the guest, and must give what this
 * kernel itself has set up. */
static void sensitive(void)
{
	struct table t;
	u32 v, cr0, own;
	u8 zf;

	asm volatile("sgdt %0" : "=m"(t));
	row_table("SGDT", t, gdtr);
	asm volatile("sidt %0" : "=m"(t));
	row_table("SIDT", t, idtr);
	asm volatile("sldt %0" : "=r"(v));
	row_word("SLDT", "LDT ", v & 0xffff, 4, LDT);
	asm volatile("mov %%cr0, %0; smsw %w1" : "=r"(cr0), "=r"(v));
	row_word("SMSW", "CR0, low half ", v & 0xffff, 4, cr0 & 0xffff);
	asm volatile("cli");
	v = flags();
	row_word("PUSHF", "after CLI, flags ", v, 8, v & ~(u32)FLAG_IF);
	asm volatile("sti; pushf; andl %0, (%%esp); popf" : : "i"(~FLAG_IF) : "cc", "memory");
	row_text("POPF", "IF cleared", !(flags() & FLAG_IF));
	asm volatile("lar %2, %0; setz %1" : "=r"(v), "=q"(zf) : "r"(CODE0));
	/* Bits 16 to 19 are undefined. */
	row_word("LAR", "ZF 1, access ", zf ? v & 0xf0ff00 : 0, 8,
	         (u32)(gdt[CODE0 >> 3] >> 32) & 0xf0ff00);
	asm volatile("lsl %2, %0; setz %1" : "=r"(v), "=q"(zf) : "r"(CODE0));
	row_word("LSL", "ZF 1, limit ", zf ? v : 0, 8, ~0u);
	asm volatile("verr %w1; setz %0" : "=q"(zf) : "r"(DATA0));
	row_text("VERR", "ZF 1: readable", zf);
	asm volatile("verw %w1; setz %0" : "=q"(zf) : "r"(DATA0));
	row_text("VERW", "ZF 1: writable", zf);
	asm volatile("push %%es; pushl %1; pop %%es; mov %%es, %0; pop %%es"
	             : "=r"(v)
	             : "i"(DATA3 & ~3));
	row_word("POP(seg)", "ES loaded with ", v & 0xffff, 4, DATA3 & ~3);
	asm volatile("push %%cs; pop %0" : "=r"(v));
	row_word("PUSH(seg)", "CS ", v & 0xffff, 4, CODE0);
	asm volatile("xor %0, %0; lcall %1, $1f; jmp 2f; 1: mov $1, %0; lret; 2:"
	             : "=&r"(v)
	             : "i"(CODE0)
	             : "memory", "cc");
	row_text("CALL(far)", "called, and came back", v == 1);
	asm volatile("xor %0, %0; ljmp %1, $1f; 1: inc %0" : "=&r"(v) : "i"(CODE0) : "cc");
	row_text("JMP(far)", "went there", v == 1);
	own = tour_ints;
	asm volatile("int %0" : : "i"(V_TOUR) : "memory");
	row_text("INT n", "int 40h: my own handler", tour_ints == own + 1);
	asm volatile("sti; pushf; andl %0, (%%esp); push %%cs; push $1f; iret; 1:"
	             :
	             : "i"(~FLAG_IF)
	             : "cc", "memory");
	row_text("RET(far)/IRET", "IF cleared", !(flags() & FLAG_IF));
	asm volatile("str %0" : "=r"(v));
	row_word("STR", "task ", v & 0xffff, 4, TSS);
	asm volatile("mov %%ss, %0" : "=r"(v));
	row_word("MOV(seg)", "SS ", v & 0xffff, 4, DATA0);
	asm volatile("sti");
}

/* --- 2: the machine at work --- */

static inline u64 rdtsc(void)
{
	u64 v;

	asm volatile("rdtsc" : "=A"(v));
	return v;
}

/* Sleeps to the next tick; the TSC there. */
static u64 tick_edge(void)
{
	u32 now = ticks;

	while (ticks == now)
		asm volatile("hlt");
	return rdtsc();
}

static u32 tsc_per_ms;

static void item(const char *name)
{
	puts("  ");
	attr(BOLD);
	puts(name);
	attr(PLAIN);
	pad_to(18);
}

static void show_timer(void)
{
	enum { WANT = 200 };
	u64 start = tick_edge();
	u32 from = ticks;

	while (ticks - from < WANT)
		asm volatile("hlt");
	tsc_per_ms = (u32)divide(rdtsc() - start, WANT);
	item("timer");
	number(ticks - from, 0);
	puts(" ticks at 1000 Hz, asleep in HLT between; TSC at ");
	number(tsc_per_ms / 1000, 0);
	puts(" MHz\n");
}

static void run_user(void (*program)(void))
{
	enter_user(program, (u32)user_stack + sizeof(user_stack));
	asm volatile("mov %0, %%ds; mov %0, %%es; sti" : : "r"(DATA0) : "memory");
}

static void show_ring3(void)
{
	run_user(user_hello);
	item("ring 3");
	puts("a task of mine reads its CS as ");
	hex(user_cs & 0xffff, 4);
	puts(", its ring: ");
	verdict((user_cs & 0xffff) == CODE3);
	put('\n');
}

static void show_fault(void)
{
	run_user(user_fault);
	item("page fault");
	puts("at ");
	hex(fault.address, 8);
	puts(", error ");
	hex(fault.error, 1);
	puts("; page mapped, the store went on: ");
	verdict(fault.count == 1 && fault.address == DEMAND_PAGE + 0x123 && fault.error == 6 &&
	        fault.value == 0xc0ffee && *(u32 *)(demand_frame + 0x123) == 0xc0ffee);
	put('\n');
}

static void show_patch(void)
{
	run_user(user_patch);
	item("self-modifying");
	puts("a loop that rewrote its next instruction 10 000 times: ");
	verdict(patch_sum == PATCHES * (PATCHES + 1) / 2);
	put('\n');
}

static void show_rate(const char *name, void (*program)(void), volatile u32 *count)
{
	u64 start = rdtsc();

	run_user(program);
	u32 us = (u32)divide((rdtsc() - start) * 1000, tsc_per_ms);

	item(name);
	number(divide((u64)CALLS * 1000000, us ? us : 1), 0);
	puts(" calls a second, ring 3 to ring 0 and back: ");
	verdict(*count == CALLS);
	put('\n');
}

static bool has_sep(void)
{
	u32 a = 1, b, c, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return d >> 11 & 1;
}

static void wrmsr(u32 msr, u32 v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"(v), "d"(0));
}

static void at_work(void)
{
	show_timer();
	show_ring3();
	show_fault();
	show_patch();
	show_rate("int 80h", user_int80, &int80_count);
	if (has_sep()) {
		wrmsr(0x174, CODE0);
		wrmsr(0x175, (u32)trap_stack + sizeof(trap_stack));
		wrmsr(0x176, (u32)sysenter_entry);
		show_rate("sysenter", user_sysenter, &sysenter_count);
	}
}

/* --- 3: the VMM's counters --- */

static const struct {
	const char *name, *help;
} counters[] = {
#define STAT(name, help) {#name, help},
#include "base/stats.inc"
#undef STAT
};

static u64 counter(u32 index)
{
	outl(COUNTER_PORT, index);
	u32 low = inl(COUNTER_PORT);

	return (u64)inl(COUNTER_PORT + 4) << 32 | low;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The ones that tell a newcomer something, in this order. */
static void show_counters(void)
{
	static const char *const chosen[] = {
		"units",         "guest_instructions",
		"host_bytes",    "exits",
		"chains",        "callouts",
		"shadow_faults", "true_faults",
		"invalidations", "maps",
		"interrupts",    "signals",
	};
	u32 shown = 0;

	if ((u32)counter(~0u) != COUNTER_MAGIC) {
		puts("  not there: this is not unring\n");
		return;
	}
	for (u32 i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		for (u32 k = 0; k < sizeof(counters) / sizeof(counters[0]); k++) {
			if (!same(chosen[i], counters[k].name))
				continue;
			number(counter(k), 13);
			puts("  ");
			puts(counters[k].help);
			put('\n');
			shown++;
		}
	if (!shown)
		puts("  none\n");
}

/* --- the whole --- */

static void banner(const struct multiboot *m)
{
	char vendor[13] = {0}, *p = vendor;
	u32 r[4], signature, a = 0;

	asm volatile("cpuid" : "+a"(a), "=b"(r[0]), "=c"(r[2]), "=d"(r[1]));
	for (u32 i = 0; i < 12; i++)
		*p++ = (char)(r[i / 4] >> (i % 4 * 8));
	a = 1;
	asm volatile("cpuid" : "+a"(a) : : "ebx", "ecx", "edx");
	signature = a;
	put('\n');
	rule('=');
	attr(BOLD);
	puts(" unring");
	attr(PLAIN);
	puts(": you are reading the output of a guest kernel.  It runs in ring 0 of a\n"
	     " 32-bit PC that is one ordinary Linux process: no VT-x, no kernel module, no\n"
	     " root.  Its code is translated, block by block, to run in ring 3 of the host.\n");
	rule('-');
	puts(" CPU ");
	puts(vendor);
	puts(" family ");
	number(signature >> 8 & 15, 0);
	puts(" model ");
	number((signature >> 4 & 15) | (signature >> 12 & 0xf0), 0);
	puts(", ");
	number((m->mem_upper >> 10) + 1, 0);
	puts(" MiB; segments, IDT, TSS, paging set up\n");
	rule('=');
}

static bool has_word(const char *s, const char *word)
{
	for (; *s; s++) {
		const char *p = s, *w = word;

		while (*w && *p == *w)
			p++, w++;
		if (!*w)
			return true;
	}
	return false;
}

void kernel_main(u32 magic, const struct multiboot *m)
{
	uart_init();
	if (magic != 0x2badb002) {
		puts("This kernel wants a Multiboot loader.\n");
		return;
	}
	if (m->flags & 4)
		color = has_word(m->cmdline, "color=1");
	if (m->flags & 8 && m->mods_count) {
		report = m->mods[0].start;
		report_end = m->mods[0].end;
	}
	tables_init();
	paging_init();
	timer_init();
	asm volatile("sti");

	banner(m);
	heading("1. Instructions that are sensitive, and yet not privileged");
	puts("   In ring 3 they tell of the host or do the wrong thing without a fault: the\n"
	     "   x86 could not be virtualized by trapping alone (Robin and Irvine, 2000: 17).\n"
	     "   The host's column was measured a moment ago, by a program run in its ring 3.\n\n");
	attr(DIM);
	puts("instruction   | bare host, deprivileged     | under unring\n"
	     "--------------+-----------------------------+----------------------------------\n");
	attr(PLAIN);
	sensitive();
	if (color) {
		puts("                ");
		attr(RED);
		puts("red");
		attr(PLAIN);
		puts(": wrong, and no fault tells   ");
		attr(YELLOW);
		puts("yellow");
		attr(PLAIN);
		puts(": a fault, which could be trapped\n");
	}
	heading("2. The machine at work");
	at_work();
	heading("3. What it took: the VMM's own counters");
	show_counters();
	put('\n');
	attr(all_well ? GREEN : RED);
	puts(all_well ? "All is as on real hardware." : "Something is wrong: see above.");
	attr(PLAIN);
	puts("\nNext: a Debian kernel, up to its shell: sh tools/run.sh debian\n\n");
	for (;;)
		outb(EXIT_PORT, all_well ? EXIT_GOOD : EXIT_BAD);
}
