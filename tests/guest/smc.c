/* Self-modifying code: what was stored is what runs next.  SDM vol. 3, 11.6: the processor
 * sees a store to code at its linear address at once; through another linear address
 * after a serializing instruction. */
#include "rt/pages.h"

/* Eight pages of code space. */
static u8 area[8 * 4096] __attribute__((aligned(4096)));
static u8 *out; /* where the next byte goes */

static void at(void *p)
{
	out = p;
}

static void emit1(u8 b)
{
	*out++ = b;
}

static void emit4(u32 v)
{
	memcpy(out, &v, 4);
	out += 4;
}

/* mov eax, v; ret */
static void emit_return(void *p, u32 v)
{
	at(p);
	emit1(0xb8);
	emit4(v);
	emit1(0xc3);
}

static u32 call(const void *p)
{
	u32 r;

	asm volatile("call *%1" : "=a"(r) : "r"(p) : "ecx", "edx", "memory", "cc");
	return r;
}

static void serialize(void)
{
	asm volatile("cpuid" : : "a"(0) : "ebx", "ecx", "edx", "memory");
}

/* --- the unit's own next instruction --- */

CODE(next_plain, "mov byte ptr [1f+1], 0x55\n 1: mov al, 0x11");
CODE(next_jump, "mov byte ptr [1f+1], 0x55\n jmp 1f\n nop\n 1: mov al, 0x11");
CODE(next_far, "mov byte ptr [1f+1], 0x55\n .rept 20\n inc ecx\n .endr\n 1: mov al, 0x11");
CODE(next_whole, "mov dword ptr [1f], 0x90909090\n 1: ud2\n ud2");
CODE(next_push, "mov ebx, esp\n lea esp, [1f+5]\n push 0x12345678\n mov esp, ebx\n"
                "1: mov eax, 0");
CODE(next_movs, "mov esi, offset 2f\n mov edi, offset 1f\n mov ecx, 5\n cld\n rep movsb\n"
                "1: mov eax, 0\n jmp 3f\n 2: mov eax, 0x77777777\n 3:");
CODE(next_xchg, "mov ecx, 0x90909090\n xchg [1f], ecx\n 1: ud2\n ud2");
CODE(next_cx8, "mov eax, [1f]\n mov edx, [1f+4]\n mov ebx, 0x90909090\n mov ecx, ebx\n"
               "cmpxchg8b [1f]\n 1: ud2\n ud2\n ud2\n ud2");
CODE(next_inc, "inc byte ptr [1f+1]\n 1: mov al, 0x11");
CODE(next_call, "mov ebx, esp\n lea esp, [1f+5]\n call 2f\n 2: mov esp, ebx\n 1: mov eax, 0");

static void run_at(const char *what, unsigned cpl, const void *code, const void *end, u32 eax)
{
	struct state s = at_cpl(cpl, code);

	s.eax = 0;
	expect_done(what, &s, end);
	expect(what, s.eax, eax);
}

static void own_next(void)
{
	run_at("byte of the next instruction", 3, next_plain, next_plain_end, 0x55);
	run_at("again, by now the same store", 3, next_plain, next_plain_end, 0x55);
	next_plain[8] = 0x11;
	run_at("at CPL 0", 0, next_plain, next_plain_end, 0x55);
	run_at("after a jump", 3, next_jump, next_jump_end, 0x55);
	run_at("20 instructions on", 3, next_far, next_far_end, 0x55);
	run_at("a whole instruction", 3, next_whole, next_whole_end, 0);
	run_at("by push", 3, next_push, next_push_end, 0x12345678);
	run_at("by rep movs", 3, next_movs, next_movs_end, 0x77777777);
	run_at("by xchg", 3, next_xchg, next_xchg_end, 0);
	for (unsigned i = 0; i < 5; i++)
		run_at("by inc", 3, next_inc, next_inc_end, 0x12 + i);
	struct state s = at_cpl(3, next_cx8);

	expect_done("by cmpxchg8b", &s, next_cx8_end);
}

/* CALL pushes its return address over code that follows. */
static void own_call(void)
{
	run_at("by call", 3, next_call, next_call_end, (u32)next_call_end - 7);
	run_at("by call at CPL 0", 0, next_call, next_call_end, (u32)next_call_end - 7);
}

/* --- loops --- */

/* A loop whose body's immediate is patched before each pass, 10,000 times. */
CODE(patch_loop, "mov ecx, 10000\n xor eax, eax\n"
                 "2: mov [1f+1], ecx\n"
                 "1: add eax, 0x01010101\n"
                 "dec ecx\n jnz 2b");
/* The same with the patch in another unit (a call between). */
CODE(patch_far_loop, "mov ecx, 10000\n xor eax, eax\n"
                     "2: call 3f\n"
                     "1: add eax, 0x01010101\n"
                     "dec ecx\n jnz 2b\n jmp 4f\n"
                     "3: mov [1b+1], ecx\n ret\n 4:");
/* A counter among the code: data in the page of the code that counts. */
CODE(data_loop, "mov ecx, 10000\n"
                "2: inc dword ptr [1f]\n add eax, [1f]\n dec ecx\n jnz 2b\n jmp 3f\n"
                ".balign 4\n 1: .long 0\n 3: mov eax, [1b]");

static void loops(void)
{
	run_at("patched each pass", 3, patch_loop, patch_loop_end, 10000 * 10001 / 2);
	run_at("patched by a call", 3, patch_far_loop, patch_far_loop_end, 10000 * 10001 / 2);
	run_at("at CPL 0", 0, patch_loop, patch_loop_end, 10000 * 10001 / 2);
	run_at("data among code", 3, data_loop, data_loop_end, 10000);
}

/* Two bodies in turn at one place, called from a loop elsewhere. */
static void generated(void)
{
	u32 sum = 0, want = 0;

	for (u32 i = 0; i < 10000; i++) {
		emit_return(area + 100, i * 3);
		sum += call(area + 100);
		want += i * 3;
	}
	expect("sum", sum, want);
	for (u32 i = 0; i < 3000; i++) {
		/* Length changes too: inc eax, or add eax, 2, before the ret. */
		at(area + 200);
		emit1(0xb8);
		emit4(i);
		if (i % 3 == 0) {
			emit1(0x40);
		} else if (i % 3 == 1) {
			emit1(0x83);
			emit1(0xc0);
			emit1(2);
		}
		emit1(0xc3);
		expect("changing length", call(area + 200), i + (i % 3 == 0) + 2 * (i % 3 == 1));
	}
}

/* --- page crossings --- */

/* mov eax, imm32 with its opcode and first byte on one page, the rest on the next. */
static void crossing(void)
{
	u8 *p = area + 4096 - 2;

	emit_return(p, 0x11111111);
	expect("before", call(p), 0x11111111);
	p[2] = 0x22;
	expect("first byte of the tail", call(p), 0x11112211);
	p[4] = 0x33;
	expect("last byte of the tail", call(p), 0x33112211);
	p[1] = 0x44;
	expect("the head", call(p), 0x33112244);
	p[5] = 0x40; /* inc eax in place of ret */
	p[6] = 0xc3;
	expect("past it", call(p), 0x33112245);
	for (u32 i = 0; i < 2000; i++) {
		*(volatile u32 *)(p + 1) = i * 0x01010101;
		expect("patched by a straddling store", call(p), i * 0x01010101 + 1);
	}
}

/* One store changes the end of one page and the start of the next, each with its own code. */
static void straddling_store(void)
{
	u8 *first = area + 2 * 4096 - 6, *second = area + 2 * 4096;

	for (u32 i = 0; i < 1000; i++) {
		/* mov eax, imm32; ret ends at the boundary; the next page starts with mov al, imm8; ret. */
		emit_return(first, 0);
		at(second);
		emit1(0xb8);
		emit4(0);
		emit1(0xc3);
		expect("first, fresh", call(first), 0);
		expect("second, fresh", call(second), 0);
		/* bytes: imm hi, c3 | b8, imm lo */
		*(volatile u32 *)(second - 2) = 0x00b8c300u | (i & 0xff) << 24 | (i >> 4 & 0xff);
		expect("first", call(first), (i >> 4 & 0xff) << 24);
		expect("second", call(second), i & 0xff);
	}
}

/* Code that runs on from one page to the next without a branch; then the second changes. */
static void run_over(void)
{
	memset(area, 0x90, sizeof(area));
	emit_return(area + 3 * 4096 + 8, 5);
	expect("nops over a boundary", call(area + 3 * 4096 - 64), 5);
	emit_return(area + 3 * 4096, 6);
	expect("changed after the boundary", call(area + 3 * 4096 - 64), 6);
	emit_return(area + 3 * 4096 - 32, 7);
	expect("changed before the boundary", call(area + 3 * 4096 - 64), 7);
}

/* --- bulk --- */

static void bulk(void)
{
	/* A page of calls, each target returning its own number; the page moves on by one page at a time. */
	for (unsigned i = 0; i < 64; i++)
		emit_return(area + i * 64, i);
	for (unsigned page = 1; page < 8; page++) {
		memcpy(area + page * 4096, area + (page - 1) * 4096, 4096);
		for (unsigned i = 0; i < 64; i++)
			expect("copied", call(area + page * 4096 + i * 64), i + page - 1);
		for (unsigned i = 0; i < 64; i++)
			*(u32 *)(area + page * 4096 + i * 64 + 1) += 1;
		for (unsigned i = 0; i < 64; i++)
			expect("patched", call(area + page * 4096 + i * 64), i + page);
	}
	/* REP MOVS over eight pages of live code at once, and back with DF set. */
	for (unsigned i = 0; i < 8; i++)
		emit_return(scratch + (i & 3) * 4096 + 16, 100 + (i & 3));
	for (unsigned i = 0; i < 8; i++)
		emit_return(area + i * 4096 + 16, i);
	for (unsigned i = 0; i < 8; i++)
		expect("before rep movs", call(area + i * 4096 + 16), i);
	memcpy(area, scratch, 4 * 4096);
	for (unsigned i = 0; i < 8; i++)
		expect("after rep movs", call(area + i * 4096 + 16), i < 4 ? 100 + i : i);
	u32 n = 2 * 4096 / 4;
	const u8 *s = scratch + 4 * 4096 - 4;
	u8 *d = area + 6 * 4096 - 4;

	asm volatile("std; rep movsl; cld" : "+c"(n), "+S"(s), "+D"(d) : : "memory");
	for (unsigned i = 0; i < 6; i++)
		expect("after rep movs down", call(area + i * 4096 + 16),
		       100 + (i < 4 ? i : i - 2));
	/* REP STOS: NOPs everywhere and one return at the end. */
	memset(area, 0x90, sizeof(area) - 16);
	emit_return(area + sizeof(area) - 16, 4711);
	expect("a slide of nops over eight pages", call(area), 4711);
}

/* Code on the stack, at addresses that pushes use all the time. */
static void on_stack(void)
{
	for (u32 i = 0; i < 1000; i++) {
		u8 code[16];

		emit_return(code, i);
		expect("trampoline", call(code), i);
	}
}

/* A store from a trap handler into the code that it interrupts. */
CODE(handler_patch, "xor ecx, ecx\n 2: int 0x80\n 1: mov eax, 0\n inc ecx\n cmp ecx, 50\n jne 2b");
static u32 handler_count;
static bool patcher(struct frame *f)
{
	if (f->vector != V_SYSCALL)
		return false;
	*(volatile u32 *)(f->eip + 1) = ++handler_count * 7;
	return true;
}

static void from_handler(void)
{
	handler_count = 0;
	trap_hook = patcher;
	run_at("patched by a handler", 3, handler_patch, handler_patch_end, 350);
}

/* A jump's displacement, a call's, a jcc's condition. */
CODE(branch_code, "xor eax, eax\n stc\n 1: jc 2f\n mov al, 1\n jmp 3f\n 2: mov al, 2\n 3:"
                  "call 4f\n jmp 6f\n 4: or al, 0x10\n ret\n 5: or al, 0x20\n ret\n 6:");
static void branches(void)
{
	u8 *jc = branch_code + 3, *calls = branch_code + 11;

	expect("layout: jc", *jc, 0x72);
	expect("layout: call", *calls, 0xe8);
	run_at("jc, first", 3, branch_code, branch_code_end, 0x12);
	for (unsigned i = 0; i < 100; i++) {
		*jc ^= 1; /* jnc */
		calls[1] ^= 2 ^ 5;
		run_at("changed", 3, branch_code, branch_code_end, i & 1 ? 0x12 : 0x21);
	}
}

/* --- with paging --- */

#define HIGH ((u8 *)0xc00000) /* linear addresses for aliases */

static void aliases(void)
{
	pages_on();
	u8 *a = HIGH, *b = HIGH + 0x10000;

	pages_point(a, area, PTE_ALL);
	pages_point(b, area, PTE_ALL);
	for (u32 i = 0; i < 2000; i++) {
		emit_return(a + 32, i);
		serialize();
		expect("written through one, run by the other", call(b + 32), i);
		expect("and by the one", call(a + 32), i);
		*(volatile u32 *)(b + 33) = ~i;
		serialize();
		expect("written through the other", call(a + 32), ~i);
		expect("run at the identity", call(area + 32), ~i);
	}
	/* The alias is writable, the code's own mapping read-only. */
	pages_set(a, PTE_P | PTE_U);
	for (u32 i = 0; i < 100; i++) {
		*(volatile u32 *)(b + 33) = i;
		serialize();
		expect("read-only code, written by its alias", call(a + 32), i);
	}
	/* A page-crossing instruction whose pages are not neighbours in memory. */
	pages_point(a, area, PTE_ALL);
	pages_point(a + 4096, area + 5 * 4096, PTE_ALL);
	emit_return(a + 4094, 0x55667788);
	expect("crossing", call(a + 4094), 0x55667788);
	area[5 * 4096 + 2] = 0x99;
	serialize();
	expect("its tail changed through the identity", call(a + 4094), 0x99667788);
	emit_return(area + 6 * 4096 - 16, 0); /* other contents for the second page */
	memset(area + 6 * 4096, 0x12, 3);
	area[6 * 4096 + 3] = 0xc3;
	pages_point(a + 4096, area + 6 * 4096, PTE_ALL);
	expect("its tail's page swapped", call(a + 4094), 0x12121288);
	pages_off();
}

static void swapped(void)
{
	/* In the low parts of page numbers, by which tables are indexed, all zeros and others. */
	static const u32 pages[] = {0, 0x155, 0x2aa, 0x3fe};

	pages_on();
	for (unsigned i = 0; i < 8; i++)
		emit_return(area + i * 4096 + 48, 1000 + i);
	for (u32 i = 0; i < 2000; i++) {
		u8 *a = HIGH + pages[i & 3] * 4096;
		u32 n = (i >> 2) * 5 & 7;

		pages_point(a, area + n * 4096, PTE_ALL);
		expect("swapped by INVLPG", call(a + 48), 1000 + n);
	}
	for (u32 i = 0; i < 500; i++) {
		u8 *a = HIGH + pages[i & 3] * 4096;
		u32 n = (i >> 2) * 3 & 7;

		*pages_entry(a) = (u32)(area + n * 4096) | PTE_ALL;
		write_cr3((u32)page_dir);
		expect("swapped by CR3", call(a + 48), 1000 + n);
	}
	pages_off();
}

/* Two address spaces with different code at one linear address. */
static void spaces(void)
{
	static u32 dir[2][1024] __attribute__((aligned(4096)));
	static u32 table[2][1024] __attribute__((aligned(4096)));

	pages_on();
	for (unsigned i = 0; i < 2; i++) {
		emit_return(area + i * 4096 + 64, 77 + i);
		memcpy(dir[i], page_dir, 4096);
		dir[i][0x100] = (u32)table[i] | PTE_ALL; /* 40000000h */
		table[i][0] = (u32)(area + i * 4096) | PTE_ALL;
	}
	for (u32 i = 0; i < 1000; i++) {
		write_cr3((u32)dir[i & 1]);
		expect("by space", call((void *)0x40000040), 77 + (i & 1));
	}
	/* One of them patched through the identity while the other is current. */
	for (u32 i = 0; i < 200; i++) {
		write_cr3((u32)dir[0]);
		*(volatile u32 *)(area + 4096 + 65) = i;
		expect("current one", call((void *)0x40000040), 77);
		write_cr3((u32)dir[1]);
		expect("patched one", call((void *)0x40000040), i);
	}
	pages_off();
}

/* Whoever jumps to a page runs what is there after INVLPG: callers on pages of their own, and
 * two on one page. */
static void callers(void)
{
	u8 *to = HIGH, *from[] = {HIGH + 0x20000, HIGH + 0x21010, HIGH + 0x21020, HIGH + 0x25fe0};

	pages_on();
	for (u32 i = 0; i < 4; i++) {
		/* call to; inc eax; ret */
		at(from[i]);
		emit1(0xe8);
		emit4((u32)to - ((u32)from[i] + 5));
		emit1(0x40);
		emit1(0xc3);
	}
	for (u32 i = 0; i < 8; i++)
		emit_return(area + i * 4096, 1000 * i);
	for (u32 i = 0; i < 400; i++) {
		u32 frame = i * 3 & 7;

		pages_point(to, area + frame * 4096, PTE_ALL);
		for (u32 k = 0; k < 12; k++)
			expect("the new callee", call(from[k & 3]), 1000 * frame + 1);
	}
	pages_off();
}

/* A routine returns to a page that is another one by then, or none: predictions of returns
 * end with the mapping. */
CODE(point_return, "mov [ecx], edx\n invlpg [ebx]\n ret");

static void returns(void)
{
	u8 *a = HIGH;
	struct state s;

	pages_on();
	for (u32 i = 0; i < 8; i++) {
		/* call point_return; mov eax, i; int 81h */
		at(area + i * 4096);
		emit1(0xe8);
		emit4((u32)point_return - ((u32)a + 5));
		emit1(0xb8);
		emit4(i);
		emit1(0xcd);
		emit1(V_DONE);
	}
	for (u32 i = 0; i < 200; i++) {
		bool absent = i % 10 == 9;

		pages_point(a, area + (i & 7) * 4096, PTE_ALL);
		s = at_cpl(0, a);
		s.ebx = (u32)a;
		s.ecx = (u32)pages_entry(a);
		s.edx = absent ? 0 : (u32)(area + (~i & 7) * 4096) | PTE_ALL;
		cpu_run(&s);
		expect("vector", s.vector, absent ? V_PF : V_DONE);
		if (absent) {
			expect("EIP", s.eip, (u32)a + 5);
			expect("CR2", s.cr2, (u32)a + 5);
			expect("error", s.error, 0);
		} else {
			expect("EIP", s.eip, (u32)a + 12);
			expect("EAX", s.eax, ~i & 7);
		}
	}
	pages_off();
}

/* A page of two spaces whose code leads to another page, which each space has for itself.  The
 * code is written anew in one space: its jump must not lead the other space there. */
static void spaces_apart(void)
{
	static u32 dir[2][1024] __attribute__((aligned(4096)));
	static u32 table[2][1024] __attribute__((aligned(4096)));
	u8 *shared = (u8 *)0x40000000;

	pages_on();
	for (u32 i = 0; i < 2; i++) {
		memcpy(dir[i], page_dir, 4096);
		dir[i][0x100] = (u32)table[i] | PTE_ALL;
		emit_return(area + (1 + i) * 4096, 100 + i);
	}
	/* First at a linear page whose number is a multiple of all tables' sizes. */
	for (u32 page = 0; page < 3; page++) {
		u8 *from = shared + page * 2 * 4096, *to = from + 4096;

		for (u32 i = 0; i < 2; i++) {
			table[i][page * 2] = (u32)area | PTE_ALL;
			table[i][page * 2 + 1] = (u32)(area + (1 + i) * 4096) | PTE_ALL;
		}
		for (u32 round = 0; round < 50; round++) {
			u32 first = round & 1;

			/* The whole page: nops; jmp to. */
			memset(area, 0x90, 4096);
			at(area + round % 7);
			emit1(0xe9);
			emit4((u32)to - ((u32)from + round % 7 + 5));
			for (u32 turn = 0; turn < 2; turn++) {
				write_cr3((u32)dir[first ^ turn]);
				for (u32 k = 0; k < 3; k++)
					expect("the space's own", call(from), 100 + (first ^ turn));
			}
		}
	}
	pages_off();
}

/* User code patched by the kernel between two system calls of the user's. */
static bool user_patcher(struct frame *f)
{
	if (f->vector != V_SYSCALL)
		return false;
	*(volatile u32 *)(area + (f->eip & 0xfff) + 1) = ++handler_count;
	return true;
}

static void user_code(void)
{
	struct state s;

	pages_on();
	/* The user runs at HIGH, read-only; the kernel writes at the identity. */
	pages_point(HIGH, area, PTE_P | PTE_U);
	at(area + 128);
	emit1(0xcd); /* int 80h; mov eax, imm; add edx, eax; dec ecx; jnz; int 81h */
	emit1(0x80);
	emit1(0xb8);
	emit4(0);
	emit1(0x01);
	emit1(0xc2);
	emit1(0x49);
	emit1(0x75);
	emit1(0x100 - 12);
	emit1(0xcd);
	emit1(V_DONE);
	handler_count = 0;
	trap_hook = user_patcher;
	s = at_cpl(3, HIGH + 128);
	s.ecx = 500;
	s.edx = 0;
	expect_done("user code", &s, HIGH + 128 + 12);
	expect("sum", s.edx, 500 * 501 / 2);
	pages_off();
}

static const struct test tests[] = {
	{"own-next", "SDM vol. 3, 11.6 and 8.1.3", own_next},
	{"own-call", "SDM vol. 3, 11.6", own_call},
	{"loops", "SDM vol. 3, 8.1.3", loops},
	{"generated", "SDM vol. 3, 8.1.3", generated},
	{"crossing", "SDM vol. 3, 11.6", crossing},
	{"straddling-store", "SDM vol. 3, 11.6", straddling_store},
	{"run-over", "SDM vol. 3, 11.6", run_over},
	{"bulk", "SDM vol. 3, 11.6", bulk},
	{"on-stack", "SDM vol. 3, 11.6", on_stack},
	{"from-handler", "SDM vol. 3, 11.6", from_handler},
	{"branches", "SDM vol. 3, 11.6", branches},
	{"aliases", "SDM vol. 3, 11.6", aliases},
	{"swapped", "SDM vol. 3, 4.10.4", swapped},
	{"spaces", "SDM vol. 3, 4.10.4", spaces},
	{"spaces-apart", "SDM vol. 3, 4.10.4", spaces_apart},
	{"callers", "SDM vol. 3, 4.10.4.1", callers},
	{"returns", "SDM vol. 3, 4.10.4.1", returns},
	{"user-code", "SDM vol. 3, 8.1.3", user_code},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
