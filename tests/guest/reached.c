/* Accesses one behind the other by the same registers, in a segment of 64 KiB: a translator may look at
 * the limit once for several.  What lies in it gets there, and the first that does not faults. */
#include "rt/rt.h"

enum {
	S_A = SEL_FREE | 3,
	S_B = (SEL_FREE + 8) | 3, /* 4 KiB */
	S_RO = (SEL_FREE + 16) | 3,
	DPL3_DATAW = ACC_DATAW | ACC_DPL3,
	DPL3_DATA = (ACC_DATAW & ~2) | ACC_DPL3,
};

static u8 area[0x12000] __attribute__((aligned(4096)));

/* Runs to its end but for the last instruction, which is beyond the limit: EBX, ESI, the code before,
 * the last. */
#define BEYOND(X)                                                                                  \
	X(again, 0x10000, 0, "nop", "mov eax, [ebx]")                                              \
	X(behind, 0xfffc, 0, "mov eax, [ebx]", "mov eax, [ebx + 4]")                               \
	X(behind_4, 0xfff0, 0,                                                                     \
	  "mov eax, [ebx]\n mov ecx, [ebx + 4]\n mov edx, [ebx + 8]\n mov edi, [ebx + 12]",        \
	  "mov eax, [ebx + 16]")                                                                   \
	X(before, 0, 0, "mov eax, [ebx + 4]", "mov eax, [ebx - 4]")                                \
	X(before_2, 0, 0, "mov eax, [ebx]", "mov eax, [ebx - 1]")                                  \
	X(far_before, 0, 0, "mov eax, [ebx + 0x100]", "mov eax, [ebx - 4]")                        \
	X(wider, 0xffff, 0, "mov al, [ebx]", "mov ax, [ebx]")                                      \
	X(wider_fpu, 0xfffc, 0, "fld dword ptr [ebx]", "fld qword ptr [ebx]")                      \
	X(straddle, 0xfff8, 0, "mov eax, [ebx + 4]", "mov eax, [ebx + 5]")                         \
	X(absolute, 0, 0, "mov eax, ds:[0xfffc]\n mov ecx, ds:[0xfff8]", "mov eax, ds:[0xfffd]")   \
	X(indexed, 0x8000, 0x7ffc, "mov eax, [ebx + esi]", "mov eax, [ebx + esi + 1]")             \
	X(scaled, 0xc, 0x3ffc, "mov eax, [ebx + 4 * esi]", "mov eax, [ebx + 4 * esi + 4]")         \
	X(scale, 0xc, 0x3ffc, "mov eax, [ebx + 4 * esi]", "mov eax, [ebx + 8 * esi]")              \
	X(index_wraps, 0xfffffff0, 0x10, "mov eax, [ebx + esi]", "mov eax, [ebx + esi - 4]")       \
	X(index_below, 0xfffffffc, 0, "mov eax, [ebx + esi + 8]", "mov eax, [ebx + esi]")          \
	X(other_segment, 0x2000, 0, "mov eax, [ebx]", "mov eax, es:[ebx]")                         \
	X(loaded_segment, 0x2000, 0, "mov eax, [ebx]\n mov edi, es\n mov ds, edi",                 \
	  "mov eax, [ebx]")                                                                        \
	X(to_store, 0x100, 0, "mov eax, fs:[ebx]\n mov ecx, fs:[ebx + 4]", "mov fs:[ebx], eax")    \
	X(to_change, 0x100, 0, "mov eax, fs:[ebx + 4]", "inc dword ptr fs:[ebx]")                  \
	X(load, 0x8000, 0x10000, "mov [ebx], esi\n mov ebx, [ebx]", "mov eax, [ebx]")              \
	X(movzx, 0x8000, 0xffff, "mov [ebx], esi\n movzx ebx, word ptr [ebx]", "mov eax, [ebx]")   \
	X(mov, 0x8000, 0x10000, "mov eax, [ebx]\n mov ebx, esi", "mov eax, [ebx]")                 \
	X(mov_imm, 0x8000, 0, "mov eax, [ebx]\n mov ebx, 0x10000", "mov eax, [ebx]")               \
	X(mov_16, 0x8000, 0, "mov eax, [ebx]\n mov bx, 0xffff", "mov eax, [ebx]")                  \
	X(mov_low, 0xff00, 0, "mov eax, [ebx]\n mov bl, 0xff", "mov eax, [ebx]")                   \
	X(mov_high, 0x00fd, 0, "mov eax, [ebx]\n mov bh, 0xff", "mov eax, [ebx]")                  \
	X(load_low, 0xff00, 0, "or dword ptr [ebx], -1\n mov bl, [ebx]", "mov eax, [ebx]")         \
	X(load_high, 0xff, 0, "or dword ptr [ebx], -1\n mov bh, [ebx]", "mov eax, [ebx]")          \
	X(inc, 0xfffc, 0, "mov eax, [ebx]\n inc ebx", "mov eax, [ebx]")                            \
	X(inc_rm, 0xfffc, 0, "mov eax, [ebx]\n .byte 0xff, 0xc3", "mov eax, [ebx]")                \
	X(dec, 0, 0, "mov eax, [ebx]\n dec ebx", "mov eax, [ebx]")                                 \
	X(add, 0xfffc, 0, "mov eax, [ebx]\n add ebx, 1", "mov eax, [ebx]")                         \
	X(add_reg, 0x8000, 0x8000, "mov eax, [ebx]\n add ebx, esi", "mov eax, [ebx]")              \
	X(add_load, 0x8000, 0x8000, "mov [ebx], esi\n add ebx, [ebx]", "mov eax, [ebx]")           \
	X(sub, 0, 0, "mov eax, [ebx]\n sub ebx, 4", "mov eax, [ebx]")                              \
	X(lea, 0x8000, 0x8000, "mov eax, [ebx]\n lea ebx, [ebx + esi]", "mov eax, [ebx]")          \
	X(shl, 0x8000, 0, "mov eax, [ebx]\n shl ebx, 1", "mov eax, [ebx]")                         \
	X(shld, 0x8000, 0, "mov eax, [ebx]\n shld ebx, esi, 1", "mov eax, [ebx]")                  \
	X(neg, 0x8000, 0, "mov eax, [ebx]\n neg ebx", "mov eax, [ebx]")                            \
	X(bswap, 0x8000, 0, "mov eax, [ebx]\n bswap ebx", "mov eax, [ebx]")                        \
	X(bts, 0x8000, 0, "mov eax, [ebx]\n bts ebx, 16", "mov eax, [ebx]")                        \
	X(imul, 0x8000, 0, "mov eax, [ebx]\n imul ebx, ebx, 2", "mov eax, [ebx]")                  \
	X(setcc, 0xfffc, 0,                                                                        \
	  "mov eax, [ebx]\n mov bl, 0xfd\n cmp eax, eax\n setz bl\n or bl, 0xff",                  \
	  "mov eax, [ebx]")                                                                        \
	X(cmov, 0x8000, 0x10000, "mov eax, [ebx]\n cmp eax, eax\n cmovz ebx, esi",                 \
	  "mov eax, [ebx]")                                                                        \
	X(xchg, 0x8000, 0x10000, "mov eax, [ebx]\n xchg ebx, esi", "mov eax, [ebx]")               \
	X(xchg_mem, 0x8000, 0x10000, "mov [ebx], esi\n xchg ebx, [ebx]", "mov eax, [ebx]")         \
	X(xadd, 0x8000, 0x10000, "mov [ebx], esi\n xadd [ebx], ebx", "mov eax, [ebx]")             \
	X(xchg_eax, 0x8000, 0x10000, "mov eax, ebx\n mov ecx, [eax]\n xchg eax, esi",              \
	  "mov ecx, [eax]")                                                                        \
	X(cmpxchg, 0x8000, 0x10000, "mov eax, ebx\n mov [eax], esi\n cmpxchg [eax], ecx",          \
	  "mov ecx, [eax]")                                                                        \
	X(mul, 0x8000, 0x10000, "mov eax, ebx\n mov ecx, [eax]\n mul esi", "mov ecx, [eax + 1]")   \
	X(mul_edx, 0x8000, 0x10000,                                                                \
	  "mov edx, ebx\n mov ecx, [edx]\n mov eax, -1\n mul esi\n add edx, 1", "mov ecx, [edx]")  \
	X(div, 0x8000, 1, "mov eax, ebx\n mov ecx, [eax]\n mov edx, 0\n shl eax, 1\n div esi",     \
	  "mov ecx, [eax]")                                                                        \
	X(cwde, 0x8000, 0, "mov eax, ebx\n mov ecx, [eax]\n cwde", "mov ecx, [eax]")               \
	X(cdq, 0x8000, 0, "mov edx, ebx\n mov ecx, [edx]\n mov eax, -1\n cdq", "mov ecx, [edx]")   \
	X(lahf, 0x1000, 0, "mov eax, ebx\n mov ecx, [eax]\n or al, 0xff\n mov ah, 0xff",           \
	  "mov ecx, [eax]")                                                                        \
	X(moffs, 0x8000, 0x10000, "mov eax, ebx\n mov [eax], esi\n mov eax, ds:[0x8000]",          \
	  "mov ecx, [eax]")                                                                        \
	X(or_imm, 0x8000, 0, "mov eax, ebx\n mov ecx, [eax]\n or eax, 0x10000", "mov ecx, [eax]")  \
	X(pop, 0x8000, 0x10000, "mov eax, [ebx]\n push esi\n pop ebx", "mov eax, [ebx]")           \
	X(lods, 0x8000, 0xfffc, "mov eax, [esi]\n lodsd", "mov eax, [esi]")                        \
	X(movs, 0x8000, 0xfffc, "mov edi, 0x100\n mov eax, [esi]\n movsd", "mov eax, [esi]")       \
	X(loop, 0xfff8, 0, "mov ecx, 2\n1: mov eax, [ebx]\n add ebx, 4\n loop 1b",                 \
	  "mov eax, [ebx]")                                                                        \
	X(call, 0x8000, 0x10000, "jmp 2f\n1: mov ebx, esi\n ret\n2: mov eax, [ebx]\n call 1b",     \
	  "mov eax, [ebx]")                                                                        \
	X(jump, 0x8000, 0x10000,                                                                   \
	  "mov eax, [ebx]\n cmp eax, eax\n jnz 1f\n mov ebx, esi\n1:", "mov eax, [ebx]")           \
	X(index, 0x8000, 0x7ffc, "mov eax, [ebx + esi]\n inc esi", "mov eax, [ebx + esi]")         \
	X(index_low, 0x8000, 0x7f00, "mov eax, [ebx + esi]\n mov esi, 0x7ffd",                     \
	  "mov eax, [ebx + esi]")                                                                  \
	X(cpuid, 0x8000, 0, "mov eax, [ebx]\n xor eax, eax\n cpuid", "mov eax, [ebx]")             \
	X(three, 0xfffc, 0x4000,                                                                   \
	  "mov eax, [ebx]\n mov ecx, [esi]\n mov edx, [esi + 4]\n mov edi, [ebp - 4]\n"            \
	  "mov eax, [esi + 8]",                                                                    \
	  "mov eax, [ebx + 1]")
#define CODE_BEYOND(name, ebx, esi, before, last)                                                  \
	CODE(beyond_##name, before "\nbeyond_" #name "_at: " last);                                \
	LABEL(beyond_##name##_at);
BEYOND(CODE_BEYOND)

static void segments_set(void)
{
	gdt_set(S_A & ~7, (u32)area, 0xffff, DPL3_DATAW, DESC_B);
	gdt_set(S_B & ~7, (u32)area, 0xfff, DPL3_DATAW, DESC_B);
	gdt_set(S_RO & ~7, (u32)area, 0xffff, DPL3_DATA, DESC_B);
}

static struct state in_a(const void *code)
{
	struct state s = at_cpl(3, code);

	s.ds = S_A;
	s.es = S_B;
	s.fs = S_RO;
	return s;
}

static void beyond(void)
{
	static const struct {
		const char *name;
		u32 ebx, esi;
		u8 *code, *at;
	} all[] = {
#define ROW_BEYOND(name, ebx, esi, before, last)                                                   \
	{#name, ebx, esi, beyond_##name, beyond_##name##_at},
		BEYOND(ROW_BEYOND)};

	segments_set();
	asm volatile("clts; fninit");
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct state s = in_a(all[i].code);

		memset(area, 0, sizeof area);
		s.ebx = all[i].ebx;
		s.esi = all[i].esi;
		s.ebp = 0x8000;
		cpu_run(&s);
		if (s.vector != V_GP || s.error || s.eip != (u32)all[i].at)
			fail("%s: vector %u error %h at %x, not at %x", all[i].name, s.vector,
			     s.error, s.eip, (u32)all[i].at);
		asm volatile("fninit");
	}
}

CODE(sums, "mov eax, [ebx + 4 * esi + 8]\n mov ecx, [ebx + 4 * esi + 4]\n inc edi\n"
           "add ecx, [ebx + 4 * esi]\n mov edx, [ebx + 4 * esi + 12]\n mov edi, [ebx + 8]\n"
           "add edi, [ebx]\n add edi, [ebx + 4 * esi + 16]");
CODE(bytes, "mov ah, [ebx + 2 * esi + 1]\n mov ch, [ebx + 2 * esi]\n mov dh, [ebx + 2 * esi + 2]\n"
            "mov [ebx + 2 * esi + 3], ah\n mov al, [ebx + 2 * esi + 3]\n mov [ebx + 3], dh\n"
            "add dh, [ebx + 3]\n mov cl, [ebx + 2 * esi + 1]");
CODE(between, "mov eax, [ebx + esi]\n push ebx\n add eax, [ebx + esi + 4]\n lea ecx, [ebx + esi]\n"
              "add eax, [ecx + 8]\n mov edx, fs:[ebx + 2 * esi]\n add edx, fs:[ebx + 2 * esi + 4]\n"
              "add eax, [ebx + esi + 12]\n pop ecx\n add edx, [ebx + esi]\n mov edi, [bp]\n"
              "add edx, [ebx + esi + 4]\n mov ecx, 0x12345\n add edx, [ebx + esi + 8]");

/* Which of the two lies lower, and what comes between them, does not matter. */
static void values(void)
{
	u32 *words = (u32 *)(area + 0x100);

	segments_set();
	for (u32 i = 0; i < 16; i++)
		words[i] = 1u << (2 * i);
	struct state s = in_a(sums);
	s.ebx = 0x100;
	s.esi = 2;
	expect_done("sums", &s, sums_end);
	expect("eax", s.eax, 1u << 8);
	expect("ecx", s.ecx, (1u << 6) + (1u << 4));
	expect("edx", s.edx, 1u << 10);
	expect("edi", s.edi, (1u << 4) + 1 + (1u << 12));

	s = in_a(bytes);
	for (u32 i = 0; i < 16; i++)
		area[0x200 + i] = 0x10 + i;
	s.ebx = 0x200;
	s.esi = 4;
	s.eax = s.ecx = s.edx = 0;
	expect_done("bytes", &s, bytes_end);
	expect("eax", s.eax, 0x1919);
	expect("ecx", s.ecx, 0x1819);
	expect("edx", s.edx, 0x3400);
	expect("stored", area[0x20b], 0x19);
	expect("stored", area[0x203], 0x1a);

	s = in_a(between);
	s.ebx = 0x100;
	s.esi = 8;
	s.ebp = 0x200;
	expect_done("between", &s, between_end);
	expect("eax", s.eax, (1u << 4) + (1u << 6) + (1u << 8) + (1u << 10));
	expect("edx", s.edx, (1u << 8) + (1u << 10) + (1u << 4) + (1u << 6) + (1u << 8));
}

static const struct test tests[] = {
	{"beyond", "SDM vol. 3, 5.3", beyond},
	{"values", "SDM vol. 3, 3.4", values},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
