#include "rt.h"

#include <stdarg.h>

u64 gdt[GDT_ENTRIES];
u64 idt[256];
struct main_tss main_tss;
u8 entry_masks[2];
u8 run_stack[8192] __attribute__((aligned(4096)));
u8 scratch[4 * 4096] __attribute__((aligned(4096)));
bool (*trap_hook)(struct frame *f);

static u8 trap_stack[4][8192] __attribute__((aligned(16)));
static struct state trapped;
static bool running;
static const char *test_name = "(none)";
static unsigned tests_done, tests_failed;
static bool test_failed;

void cpu_run_raw(const struct state *in);
_Noreturn void run_leave(void);
void gdt_load(const void *gdtr);

/* --- the timer --- */

static void pic(u16 base, u8 vector, u8 cascade, u8 mask)
{
	outb(base, 0x11);
	outb(base + 1, vector);
	outb(base + 1, cascade);
	outb(base + 1, 1);
	outb(base + 1, mask);
}

void pic_init(u8 mask1, u8 mask2)
{
	pic(PIC1, V_TIMER, 4, mask1);
	pic(PIC2, V_RTC, 2, mask2);
}

void pit_rate(u32 hz)
{
	u32 divisor = 1193182 / hz;

	outb(0x43, 0x34);
	outb(0x40, (u8)divisor);
	outb(0x40, (u8)(divisor >> 8));
}

void timer_on(u32 hz)
{
	pic_init(0xfe, 0xff);
	pit_rate(hz);
}

void timer_off(void)
{
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

/* --- output --- */

static void put_serial(char c)
{
	/* An absent UART reads FFh: ready. */
	for (unsigned i = 0; i < 100000 && !(inb(0x3fd) & 0x20); i++)
		;
	outb(0x3f8, (u8)c);
}

void putch(char c)
{
	outb(0xe9, (u8)c);
	if (c == '\n')
		put_serial('\r');
	put_serial(c);
}

static void put_number(u32 v, unsigned base, unsigned width)
{
	char buf[12];
	unsigned n = 0;

	do {
		buf[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n < width)
		buf[n++] = '0';
	while (n)
		putch(buf[--n]);
}

static void vprint(const char *fmt, va_list ap)
{
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			putch(*fmt);
			continue;
		}
		switch (*++fmt) {
		case 's':
			for (const char *s = va_arg(ap, const char *); *s; s++)
				putch(*s);
			break;
		case 'c':
			putch((char)va_arg(ap, int));
			break;
		case 'd': {
			int v = va_arg(ap, int);

			if (v < 0)
				putch('-');
			put_number(v < 0 ? -(u32)v : (u32)v, 10, 0);
			break;
		}
		case 'u':
			put_number(va_arg(ap, u32), 10, 0);
			break;
		case 'x':
			put_number(va_arg(ap, u32), 16, 8);
			break;
		case 'h':
			put_number(va_arg(ap, u32), 16, 0);
			break;
		default:
			putch('%');
		}
	}
}

void print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
}

/* As QEMU's isa-debug-exit: the process ends with (code << 1) | 1. */
static _Noreturn void debug_exit(u8 code)
{
	for (;;)
		outb(0xf4, code);
}

_Noreturn void finish(void)
{
	if (tests_failed)
		print("VERDICT FAIL %u of %u\n", tests_failed, tests_done);
	else
		print("VERDICT PASS %u\n", tests_done);
	debug_exit(tests_failed || !tests_done ? 0x11 : 0x10);
}

_Noreturn void panic(const char *fmt, ...)
{
	va_list ap;

	print("FAIL %s: panic: ", test_name);
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	print("\nVERDICT FAIL panic\n");
	debug_exit(0x11);
}

/* --- tests --- */

void fail(const char *fmt, ...)
{
	va_list ap;

	test_failed = true;
	print("FAIL %s: ", test_name);
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	print("\n");
}

void expect(const char *what, u32 got, u32 want)
{
	if (got != want)
		fail("%s is %h, not %h", what, got, want);
}

/* The command line is copied: a kernel may unmap where the loader left it. */
char cmdline[512];

static void keep_cmdline(const u32 *info)
{
	const char *from = info[0] & 4 ? (const char *)info[4] : "";

	for (unsigned i = 0; i < sizeof(cmdline) - 1 && from[i]; i++)
		cmdline[i] = from[i];
}

/* Does the Multiboot command line hold the word skip:NAME? */
static bool skipped(const char *name)
{
	for (const char *p = cmdline; *p; p++) {
		const char *w = "skip:", *q = p;

		while (*w && *q == *w)
			q++, w++;
		if (*w)
			continue;
		for (w = name; *w && *q == *w; q++)
			w++;
		if (!*w && (*q == ' ' || !*q))
			return true;
	}
	return false;
}

void run_tests(const struct test *t, unsigned n)
{
	for (; n; n--, t++) {
		if (skipped(t->name)) {
			print("skipped %s\n", t->name);
			continue;
		}
		test_name = t->name;
		test_failed = false;
		print("test %s (%s)\n", t->name, t->source);
		t->run();
		trap_hook = NULL;
		tests_done++;
		if (test_failed)
			tests_failed++;
		else
			print("ok %s\n", t->name);
	}
	test_name = "(none)";
}

/* --- descriptors --- */

void gdt_set(u16 sel, u32 base, u32 limit, u8 access, u8 flags)
{
	gdt[sel >> 3] = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
	                (u64)(limit >> 16 & 0xf) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static u64 gate(u16 target, u32 offset, u8 access, u8 params)
{
	return (offset & 0xffff) | (u64)target << 16 | (u64)params << 32 | (u64)access << 40 |
	       (u64)(offset >> 16) << 48;
}

void gdt_gate(u16 sel, u16 target, u32 offset, u8 access, u8 params)
{
	gdt[sel >> 3] = gate(target, offset, access, params);
}

void idt_set(u8 vector, u16 sel, u32 offset, u8 access)
{
	idt[vector] = gate(sel, offset, access, 0);
}

void idt_default(u8 vector)
{
	bool user = vector == V_BP || vector == V_OF || vector == V_SYSCALL || vector == V_DONE;

	idt_set(vector, CODE0, trap_stubs[vector], GATE_INT32 | (user ? ACC_DPL3 : 0));
}

u8 gdt_access(u16 sel)
{
	return (u8)(gdt[sel >> 3] >> 40);
}

/* --- traps --- */

/* clang-format off */
void trap_entry(struct frame *f)
{
	u32 cr2 = read_cr2(), dr6;

	if (trap_hook && trap_hook(f))
		return;
	if (!running)
		panic("vector %u error %h at %h:%x cr2 %x eflags %x", f->vector, f->error, f->cs,
		      f->eip, cr2, f->eflags);
	asm volatile("mov %%dr6, %0" : "=r"(dr6));
	running = false;
	trapped = (struct state){
		.eax = f->eax, .ecx = f->ecx, .edx = f->edx, .ebx = f->ebx,
		.ebp = f->ebp, .esi = f->esi, .edi = f->edi, .eip = f->eip, .eflags = f->eflags,
		.cs = f->cs, .ds = f->ds, .es = f->es, .fs = f->fs, .gs = f->gs,
		.vector = f->vector, .error = f->error, .cr2 = cr2, .dr6 = dr6,
	};
	if (f->cs & 3 || f->eflags & VM) {
		trapped.esp = f->esp;
		trapped.ss = f->ss;
	} else {
		trapped.esp = (u32)&f->esp;
		asm volatile("mov %%ss, %0" : "=r"(trapped.ss));
	}
	run_leave();
}

struct state at_cpl(unsigned cpl, const void *code)
{
	static const u16 codes[4] = {CODE0, CODE1, CODE2, CODE3};
	static const u16 datas[4] = {DATA0, DATA1, DATA2, DATA3};

	return (struct state){
		.eax = 0xa0a1a2a3, .ecx = 0xc0c1c2c3, .edx = 0xd0d1d2d3, .ebx = 0xb0b1b2b3,
		.esp = RUN_STACK_TOP, .ebp = 0xe0e1e2e3, .esi = 0x50515253, .edi = 0x70717273,
		.eip = (u32)code, .eflags = 2, .cs = codes[cpl], .ss = datas[cpl],
		.ds = datas[cpl], .es = datas[cpl], .fs = datas[cpl], .gs = datas[cpl],
	};
}
/* clang-format on */

void cpu_run(struct state *s)
{
	running = true;
	cpu_run_raw(s);
	*s = trapped;
}

void expect_trap(const char *what, struct state *s, u32 vector, u32 error, const void *eip)
{
	static const char *const names[] = {"eax", "ecx", "edx", "ebx",    "esp", "ebp",
	                                    "esi", "edi", "eip", "eflags", "cs",  "ss",
	                                    "ds",  "es",  "fs",  "gs"};
	struct state in = *s;
	const u32 *a = (const u32 *)&in, *b = (const u32 *)s;

	cpu_run(s);
	if (s->vector != vector || s->error != error || s->eip != (u32)eip)
		fail("%s: vector %u error %h at %x, not %u %h at %x", what, s->vector, s->error,
		     s->eip, vector, error, (u32)eip);
	for (unsigned i = 0; i < 16; i++) {
		u32 mask = i == 9 ? ~(u32)RF : ~0u;

		if (i != 8 && (a[i] & mask) != (b[i] & mask))
			fail("%s: %s is %x, was %x", what, names[i], b[i], a[i]);
	}
}

void expect_done(const char *what, struct state *s, const void *end)
{
	cpu_run(s);
	if (s->vector != V_DONE || s->eip != (u32)end + 2)
		fail("%s: vector %u error %h at %x cr2 %x", what, s->vector, s->error, s->eip,
		     s->cr2);
}

/* --- start --- */

void rt_main(u32 magic, u32 info)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) reg;

	/* What firmware left ticking must not come while a test has IF set. */
	entry_masks[0] = inb(PIC1 + 1);
	entry_masks[1] = inb(PIC2 + 1);
	timer_off();
	keep_cmdline((const u32 *)info);
	gdt_set(CODE0, 0, 0xfffff, ACC_CODER, DESC_G | DESC_B);
	gdt_set(DATA0, 0, 0xfffff, ACC_DATAW, DESC_G | DESC_B);
	gdt_set(CODE1, 0, 0xfffff, ACC_CODER | ACC_DPL1, DESC_G | DESC_B);
	gdt_set(DATA1, 0, 0xfffff, ACC_DATAW | ACC_DPL1, DESC_G | DESC_B);
	gdt_set(CODE2, 0, 0xfffff, ACC_CODER | ACC_DPL2, DESC_G | DESC_B);
	gdt_set(DATA2, 0, 0xfffff, ACC_DATAW | ACC_DPL2, DESC_G | DESC_B);
	gdt_set(CODE3, 0, 0xfffff, ACC_CODER | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(DATA3, 0, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | DESC_B);
	gdt_set(TSS_MAIN, (u32)&main_tss, sizeof(main_tss.t) - 1, ACC_TSS32, 0);
	main_tss.t = (struct tss32){
		.esp0 = (u32)trap_stack[0] + sizeof(trap_stack[0]) - 16,
		.ss0 = DATA0,
		.esp1 = (u32)trap_stack[1] + sizeof(trap_stack[1]) - 16,
		.ss1 = DATA1,
		.esp2 = (u32)trap_stack[2] + sizeof(trap_stack[2]) - 16,
		.ss2 = DATA2,
		.iomap = sizeof(struct tss32),
	};
	memset(main_tss.iomap, 0xff, sizeof(main_tss.iomap));
	reg.limit = sizeof(gdt) - 1;
	reg.base = (u32)gdt;
	gdt_load(&reg);
	for (unsigned v = 0; v < 256; v++)
		idt_default((u8)v);
	reg.limit = sizeof(idt) - 1;
	reg.base = (u32)idt;
	asm volatile("lidt %0" : : "m"(reg));
	asm volatile("ltr %w0" : : "r"(TSS_MAIN));
	if (magic != 0x2badb002)
		panic("not started by Multiboot: eax %x", magic);
	guest_main();
	finish();
}

void *memcpy(void *d, const void *s, size_t n)
{
	void *r = d;

	asm volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	return r;
}

void *memset(void *d, int c, size_t n)
{
	void *r = d;

	asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return r;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
