/* Alignment checks in every kind of access: SDM vol. 3, 6.15, interrupt 17, table 6-7. */
#include "rt/pages.h"

#define ACCESSES(X)                                                                                \
	X(load, "mov eax, [ebx]", 4)                                                               \
	X(store16, "mov [ebx], ax", 2)                                                             \
	X(exchange, "xchg [ebx], eax", 4)                                                          \
	X(cmpxchg8b, "cmpxchg8b [ebx]", 8)                                                         \
	X(bts, "bts dword ptr [ebx], 0", 4)                                                        \
	X(load_based, "mov eax, fs:[ebx]", 4)                                                      \
	X(fild64, "fild qword ptr [ebx]\n fstp st(0)", 8)                                          \
	X(fnstcw, "fnstcw [ebx]", 2)                                                               \
	X(fnstenv, "fnstenv [ebx]", 4)                                                             \
	X(fnstenv16, ".byte 0x66\n fnstenv [ebx]", 2)                                              \
	X(fnsave, "fnsave [ebx]", 4)                                                               \
	X(movq, "movq [ebx], mm0", 8)                                                              \
	X(sidt, "sidt [ebx]", 4)                                                                   \
	X(smsw, "smsw [ebx]", 2)                                                                   \
	X(bound, "mov eax, 1\n bound_at: bound eax, [ebx]", 4)                                     \
	X(les, "les_at: les eax, [ebx]", 4)                                                        \
	X(enter, "mov esp, ebx\n enter 0, 0", 4)                                                   \
	X(enter_level, "mov esp, ebx\n enter 0, 1", 4)                                             \
	X(pushfd, "mov esp, ebx\n pushfd", 4)                                                      \
	X(popfd, "mov esp, ebx\n popfd", 4)                                                        \
	X(pushw, "mov esp, ebx\n push ax", 2)                                                      \
	X(pushad, "mov esp, ebx\n pushad", 4)                                                      \
	X(stosd, "mov edi, ebx\n stosd", 4)                                                        \
	X(rep_movsd, "mov edi, ebx\n mov esi, ebx\n mov ecx, 2\n rep movsd", 4)                    \
	X(scasw, "mov edi, ebx\n scasw", 2)                                                        \
	X(lodsd_based, "mov esi, ebx\n lodsd eax, fs:[esi]", 4)

#define X(name, text, align) CODE(ac_##name, text);
ACCESSES(X)
#undef X

static const struct access {
	const char *name;
	const u8 *code, *end;
	u32 align;
} accesses[] = {
#define X(name, text, align) {#name, ac_##name, ac_##name##_end, align},
	ACCESSES(X)
#undef X
};

static u32 *const area = (u32 *)(scratch + 64);

/* A pair of bounds that 1 is in, a far pointer to DATA3; an EFLAGS image. */
static void fill(u8 *at)
{
	memset(scratch, 0, 512);
	*(u32 *)at = AC | 2;
	*(u32 *)(at + 4) = DATA3;
}

static struct state access_state(const struct access *a, u32 offset)
{
	struct state s = at_cpl(3, a->code);

	s.ebx = (u32)area + offset;
	s.eflags |= AC;
	s.fs = SEL_FREE | 3;
	if (a->code == ac_load_based || a->code == ac_lodsd_based)
		s.ebx -= 0x10000;
	fill((u8 *)area + offset);
	if (a->code == ac_bound)
		*(u32 *)((u8 *)area + offset) = 0;
	return s;
}

/* Each offset up to 8 faults unless it is a multiple of what the operand asks for. */
static void offsets(void)
{
	gdt_set(SEL_FREE, 0x10000, 0xfffff, ACC_DATAW | ACC_DPL3, DESC_G | DESC_B);
	asm volatile("fninit");
	write_cr0(read_cr0() | CR0_AM);
	for (u32 i = 0; i < sizeof(accesses) / sizeof(*accesses); i++)
		for (u32 offset = 0; offset <= 8; offset++) {
			const struct access *a = &accesses[i];
			struct state s = access_state(a, offset);
			u32 want = offset % a->align ? V_AC : V_DONE;

			cpu_run(&s);
			if (s.vector != want || (want == V_AC && s.error))
				fail("%s at %u: vector %u error %h, not %u", a->name, offset,
				     s.vector, s.error, want);
			s = access_state(a, offset);
			s.eflags &= ~(u32)AC;
			*(u32 *)((u8 *)area + offset) &= ~(u32)AC;
			cpu_run(&s);
			if (s.vector != V_DONE)
				fail("%s at %u with AC off: vector %u", a->name, offset, s.vector);
		}
	write_cr0(read_cr0() & ~(u32)CR0_AM);
	asm volatile("fninit");
}

/* A page fault comes before the alignment check. */
static void priority(void)
{
	struct state s;

	pages_on();
	pages_set(scratch + 4096, 0);
	write_cr0(read_cr0() | CR0_AM);
	for (u32 i = 0; i < sizeof(accesses) / sizeof(*accesses); i++) {
		const struct access *a = &accesses[i];

		if (a->code != ac_load && a->code != ac_fnstenv && a->code != ac_les &&
		    a->code != ac_stosd)
			continue;
		s = access_state(a, 0);
		s.ebx = (u32)scratch + 4096 + 257;
		cpu_run(&s);
		if (s.vector != V_PF)
			fail("%s: vector %u", a->name, s.vector);
	}
	/* Where an operand reaches into the absent page, CR2 names the page's first byte.  Some
	 * processors raise #AC there instead. */
	for (u32 i = 0; i < sizeof(accesses) / sizeof(*accesses); i++) {
		const struct access *a = &accesses[i];

		if (a->code != ac_load && a->code != ac_load_based && a->code != ac_lodsd_based &&
		    a->code != ac_stosd)
			continue;
		s = access_state(a, 0);
		s.ebx += (u32)scratch + 4096 - 2 - (u32)area;
		cpu_run(&s);
		if (s.vector != V_AC && (s.vector != V_PF || s.cr2 != (u32)scratch + 4096))
			fail("%s into an absent page: vector %u cr2 %h", a->name, s.vector, s.cr2);
	}
	write_cr0(read_cr0() & ~(u32)CR0_AM);
	pages_off();
}

/* Interrupts come and go while the checks are on. */
CODE(spin, "1: mov eax, [ebx]\n add [ebx+4], eax\n push eax\n pop ecx\n call 2f\n jmp 1b\n 2: ret");
static u32 ticks, checked;
static bool on_timer(struct frame *f)
{
	if (f->vector != V_TIMER)
		return false;
	checked += f->eflags >> 18 & 1;
	/* On a busy host the next ticks wait already. */
	if (++ticks == 50) {
		f->eip = (u32)spin_end;
		timer_off();
	}
	outb(PIC1, 0x20);
	return true;
}

static void interrupted(void)
{
	struct state s = at_cpl(3, spin);

	timer_on(1000);
	write_cr0(read_cr0() | CR0_AM);
	ticks = checked = 0;
	trap_hook = on_timer;
	s.ebx = (u32)area;
	s.eflags |= AC | IF;
	cpu_run(&s);
	trap_hook = NULL;
	timer_off();
	write_cr0(read_cr0() & ~(u32)CR0_AM);
	expect("vector", s.vector, V_DONE);
	expect("interrupts with AC in their image", checked, 50);
}

static const struct test tests[] = {
	{"offsets", "SDM vol. 3, 6.15, table 6-7", offsets},
	{"priority", "SDM vol. 3, table 6-2", priority},
	{"interrupted", "SDM vol. 3, 6.15, interrupt 17", interrupted},
};

void guest_main(void)
{
	RUN_TESTS(tests);
}
