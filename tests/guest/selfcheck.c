/* Code that is written again and again, and data beside code: what was stored is what runs, each
 * time, and run.sh's bounds of the counters say at what cost.  SDM vol. 3, 8.1.3 and 11.6. */
#include "rt/pages.h"

enum { TIMES = 10000, S_C16 = SEL_FREE | 3 };

static u8 area[4 * 4096] __attribute__((aligned(4096)));
static u8 data[4096] __attribute__((aligned(4096)));
static u8 *out; /* where the next byte goes */

static void emit(u32 n, u32 bytes) /* the first is the lowest */
{
	memcpy(out, &bytes, n);
	out += n;
}

/* Room for an immediate: where it is. */
static u8 *imm(u32 n)
{
	u8 *at = out;

	emit(n, 0);
	return at;
}

static void put(u8 *at, u32 n, u32 v)
{
	memcpy(at, &v, n);
}

static u32 next_value(void)
{
	static u32 seed = 1;

	seed = seed * 1664525 + 1013904223;
	return seed;
}

static u32 call(const void *p)
{
	u32 r;

	asm volatile("call *%1" : "=a"(r) : "r"(p) : "ecx", "edx", "memory", "cc");
	return r;
}

static u32 calls; /* system calls */
static bool count_calls(struct frame *f)
{
	calls += f->vector == V_SYSCALL;
	return f->vector == V_SYSCALL;
}

/* All forms that take an immediate from the code; each pass with others. */
static void immediates(void)
{
	out = area;
	emit(1, 0xb8);
	u8 *mov_eax = imm(4);
	emit(2, 0xbb66);
	u8 *mov_bx = imm(2);
	emit(1, 0xb1);
	u8 *mov_cl = imm(1);
	emit(1, 0xb5);
	u8 *mov_ch = imm(1);
	emit(1, 0xb6);
	u8 *mov_dh = imm(1);
	emit(1, 0x05);
	u8 *add_eax = imm(4);
	emit(1, 0x34);
	u8 *xor_al = imm(1);
	emit(2, 0xc281);
	u8 *add_edx = imm(4);
	emit(2, 0xc283);
	u8 *add_edx_byte = imm(1);
	emit(2, 0x06c7); /* mov dword [esi] */
	u8 *mov_mem = imm(4);
	emit(3, 0x0446c6); /* mov byte [esi+4] */
	u8 *mov_mem_byte = imm(1);
	emit(3, 0x046e80); /* sub byte [esi+4] */
	u8 *sub_mem_byte = imm(1);
	emit(1, 0x68);
	u8 *push = imm(4);
	emit(2, 0x6a5f); /* pop edi; push imm8 */
	u8 *push_byte = imm(1);
	emit(2, 0x3d5d); /* pop ebp; cmp eax */
	u8 *cmp_eax = imm(4);
	emit(4, 0x0546940f); /* sete [esi+5] */
	emit(1, 0xa9);       /* test eax */
	u8 *test_eax = imm(4);
	emit(4, 0x0646950f); /* setne [esi+6] */
	emit(1, 0xcd);
	u8 *vector = imm(1);
	emit(2, 0x81cd);

	trap_hook = count_calls;
	for (u32 i = 0; i < TIMES; i++) {
		struct state s = at_cpl(3, area);
		u32 v[17];

		for (u32 k = 0; k < 17; k++)
			v[k] = next_value();
		put(mov_eax, 4, v[0]);
		put(mov_bx, 2, v[1]);
		put(mov_cl, 1, v[2]);
		put(mov_ch, 1, v[3]);
		put(mov_dh, 1, v[4]);
		put(add_eax, 4, v[5]);
		put(xor_al, 1, v[6]);
		put(add_edx, 4, v[7]);
		put(add_edx_byte, 1, v[8]);
		put(mov_mem, 4, v[9]);
		put(mov_mem_byte, 1, v[10]);
		put(sub_mem_byte, 1, v[11]);
		put(push, 4, v[12]);
		put(push_byte, 1, v[13]);
		u32 eax = (v[0] + v[5]) ^ (u8)v[6];
		put(cmp_eax, 4, v[14] & 0x100 ? eax : v[14]);
		put(test_eax, 4, v[15]);
		bool goes_on = v[16] & 0x10000;
		put(vector, 1, goes_on ? V_SYSCALL : V_DONE);
		s.ebx = s.ecx = s.edx = 0x55555555;
		s.esi = (u32)data;
		calls = 0;
		expect_done("patched", &s, out - (goes_on ? 2 : 4));
		expect("calls", calls, goes_on);
		expect("eax", s.eax, eax);
		expect("ebx", s.ebx, 0x55550000 | (u16)v[1]);
		expect("ecx", s.ecx, 0x55550000 | (v[3] & 255) << 8 | (u8)v[2]);
		expect("edx", s.edx,
		       (0x55550055 | (v[4] & 255) << 8) + v[7] + (u32)(int32_t)(int8_t)v[8]);
		expect("stored", *(u32 *)data, v[9]);
		expect("stored byte", data[4], (u8)(v[10] - v[11]));
		expect("edi", s.edi, v[12]);
		expect("ebp", s.ebp, (u32)(int32_t)(int8_t)v[13]);
		expect("equal", data[5], eax == (v[14] & 0x100 ? eax : v[14]));
		expect("bits", data[6], (eax & v[15]) != 0);
	}
}

/* As a boot loader calls the BIOS: 16-bit code whose registers and vector are patched. */
static void code16(void)
{
	out = area + 0x123;
	emit(1, 0xb8);
	u8 *mov_ax = imm(2);
	emit(2, 0xbb66);
	u8 *mov_ebx = imm(4);
	emit(1, 0xb4);
	u8 *mov_ah = imm(1);
	emit(1, 0xcd);
	u8 *vector = imm(1);
	emit(2, 0x81cd);
	gdt_set(S_C16 & ~7, (u32)area, 0xffff, ACC_CODER | ACC_DPL3, 0);
	trap_hook = count_calls;
	for (u32 i = 0; i < TIMES; i++) {
		struct state s = at_cpl(3, (void *)0x123);
		u32 a = next_value(), b = next_value(), h = next_value() >> 24;
		bool goes_on = i % 3;

		s.cs = S_C16;
		s.eax = 0xeeeeeeee;
		put(mov_ax, 2, a);
		put(mov_ebx, 4, b);
		put(mov_ah, 1, h);
		put(vector, 1, goes_on ? V_SYSCALL : V_DONE);
		calls = 0;
		expect_done("16-bit", &s, (void *)(out - area - (goes_on ? 2 : 4)));
		expect("calls", calls, goes_on);
		expect("eax", s.eax, 0xeeee0000 | h << 8 | (u8)a);
		expect("ebx", s.ebx, b);
	}
}

/* A counter, a stack and the code that uses them, on one page. */
CODE(mixed, "mov esp, ebx\n mov ecx, 100000\n xor eax, eax\n"
            "1: push ecx\n inc dword ptr [ebx]\n call 2f\n pop edx\n dec ecx\n jnz 1b\n jmp 3f\n"
            "2: add eax, [ebx]\n cmp edx, 0x12345678\n je 2b\n ret\n 3: nop");

static void data_and_code(void)
{
	u32 size = (u32)(mixed_end - mixed) + 2;

	memcpy(area + 4096, mixed, size);
	struct state s = at_cpl(3, area + 4096);

	*(u32 *)(area + 4096 + 2048) = 0;
	s.ebx = (u32)(area + 4096 + 2048);
	expect_done("mixed", &s, area + 4096 + size - 2);
	expect("sum", s.eax, (u32)(100000ull * 100001 / 2));
}

/* --- the unit's own bytes --- */

CODE(own_imm, "mov ecx, 100000\n xor eax, eax\n"
              "2: mov [1f+1], ecx\n 1: add eax, 0x01010101\n dec ecx\n jnz 2b");
/* INC EAX and DEC EAX in turn, at the next instruction and behind a branch and a call. */
CODE(own_next, "mov ecx, 100000\n xor eax, eax\n"
               "2: xor byte ptr [1f], 8\n 1: inc eax\n dec ecx\n jnz 2b");
CODE(own_far, "mov ecx, 30000\n xor eax, eax\n"
              "2: xor byte ptr [1f], 8\n jecxz 3f\n call 4f\n mov edx, ecx\n 1: inc eax\n"
              "dec ecx\n jnz 2b\n 3: jmp 5f\n 4: nop\n ret\n 5: nop");
/* By a push over what follows. */
CODE(own_push,
     "mov ecx, 30000\n xor eax, eax\n mov ebx, esp\n"
     "2: lea esp, [1f+5]\n push ecx\n 1: add eax, 0x11111111\n dec ecx\n jnz 2b\n mov esp, ebx");
/* By a string instruction. */
CODE(own_string,
     "mov ecx, 30000\n xor ebx, ebx\n cld\n"
     "2: mov eax, ecx\n lea edi, [1f+2]\n stosd\n 1: add ebx, 0x11111111\n dec ecx\n jnz 2b\n"
     "mov eax, ebx");

static void run(const char *what, const void *code, const void *end, u32 eax)
{
	struct state s = at_cpl(3, code);

	expect_done(what, &s, end);
	expect(what, s.eax, eax);
}

static void own(void)
{
	run("immediate of the next", own_imm, own_imm_end, (u32)(100000ull * 100001 / 2));
	run("opcode of the next", own_next, own_next_end, 0);
	run("behind a call", own_far, own_far_end, 0);
	run("by push", own_push, own_push_end, 30000u * 30001 / 2);
	run("by stos", own_string, own_string_end, 30000u * 30001 / 2);
}

/* --- from outside --- */

static void versions(void)
{
	u8 *f = area + 2 * 4096;

	out = f;
	emit(1, 0xb8);
	emit(4, 1000);
	emit(3, 0xc34040); /* inc eax; inc eax; ret */
	for (u32 i = 0; i < TIMES; i++) {
		f[5] = i & 1 ? 0x48 : 0x40;
		f[6] = i & 2 ? 0x48 : 0x40;
		expect("version", call(f), 1000 + (i & 1 ? -1 : 1) + (i & 2 ? -1 : 1));
		/* And the same again, by what leads there already. */
		expect("version again", call(f), 1000 + (i & 1 ? -1 : 1) + (i & 2 ? -1 : 1));
	}
	/* An instruction that is none, by its second byte. */
	trap_hook = NULL;
	for (u32 i = 0; i < 300; i++) {
		struct state s = at_cpl(3, f);

		f[0] = 0x0f;
		f[1] = i & 1 ? 0xff : 0xcd;
		f[2] = 0xcd;
		f[3] = V_DONE;
		s.ebp = 0x01020304;
		cpu_run(&s);
		expect("vector", s.vector, i & 1 ? V_UD : V_DONE);
		expect("ebp", s.ebp, i & 1 ? 0x01020304 : 0x04030201);
	}
}

/* A routine is put together on the stack, and called there. */
static void on_stack(void)
{
	u8 code[64];

	for (u32 i = 0; i < TIMES; i++) {
		u32 want = i;

		out = code;
		emit(1, 0xb8);
		emit(4, i);
		for (u32 k = 0; k < (i >> 4 & 3); k++, want++)
			emit(1, 0x40);
		emit(1, 0xc3);
		expect("compiled", call(code), want);
	}
}

#define HIGH ((u8 *)0xc00000)

static void aliases(void)
{
	u8 *a = HIGH + 0x80, *b = HIGH + 0x10080;

	pages_on();
	pages_point(HIGH, area + 3 * 4096, PTE_ALL);
	pages_point(HIGH + 0x10000, area + 3 * 4096, PTE_ALL);
	for (u32 i = 0; i < TIMES / 2; i++) {
		u8 *by = i & 1 ? a : b, *at = i & 2 ? a : b;

		out = by;
		emit(1, 0xb8);
		emit(4, i);
		emit(2, i & 4 ? 0xc340 : 0xc390);
		asm volatile("cpuid" : : "a"(0) : "ebx", "ecx", "edx", "memory");
		expect("by another address", call(at), i + (i >> 2 & 1));
	}
	/* Across the end of a page, whose neighbour is none in memory. */
	pages_point(HIGH + 4096, area, PTE_ALL);
	out = HIGH + 4096 - 3;
	emit(1, 0xb8);
	emit(4, 0);
	emit(1, 0xc3);
	for (u32 i = 0; i < 200; i++) {
		put(HIGH + 4096 - 2, 4, i * 0x01010101);
		expect("across", call(HIGH + 4096 - 3), i * 0x01010101);
	}
	pages_off();
}

static const struct test tests[] = {
	{"immediates", "SDM vol. 3, 8.1.3", immediates},
	{"code16", "SDM vol. 3, 8.1.3", code16},
	{"data-and-code", "SDM vol. 3, 11.6", data_and_code},
	{"own", "SDM vol. 3, 11.6", own},
	{"versions", "SDM vol. 3, 11.6", versions},
	{"on-stack", "SDM vol. 3, 11.6", on_stack},
	{"aliases", "SDM vol. 3, 11.6", aliases},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
