/* The guest runner: runs the cases of a pack (a Multiboot module) in ring 3
 * under paging and prints their results to port E9h; ends through port F4h.
 *
 * The command line may hold `from=N` and `count=N`. */
#include "../case.h"

enum {
	KERNEL_CODE = 0x10,
	KERNEL_DATA = 0x18,
	TSS_SELECTOR = 0x40,
	LDT_SELECTOR = 0x50,
	GDT_ENTRIES = 16,
	PAGE_USER = 7, /* present, writable, user */
	PAGE_USER_READ = 5,
	PAGE_KERNEL = 3,
	KERNEL_TABLES = 16, /* of 4 MiB each, mapped as they are */
	EXIT_DONE = 0x10,   /* to port F4h: status 21h */
	EXIT_FAILED = 0x11,
};

struct frame {
	uint32_t gs, fs, es, ds;
	uint32_t edi, esi, ebp, esp_unused, ebx, edx, ecx, eax;
	uint32_t trap, error;
	uint32_t eip, cs, eflags, esp, ss;
};

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
};

extern const uint32_t trap_stubs[32];
extern uint8_t fpu_image[FPU_SIZE];
_Noreturn void enter_user(struct frame *frame);

static uint32_t page_directory[1024] __attribute__((aligned(4096)));
static uint32_t kernel_tables[KERNEL_TABLES][1024] __attribute__((aligned(4096)));
static uint32_t area_table[1024] __attribute__((aligned(4096)));
static uint32_t batch_table[1024] __attribute__((aligned(4096)));
static uint8_t area[AREA_SIZE] __attribute__((aligned(4096)));
static uint8_t code[CODE_SIZE] __attribute__((aligned(4096)));
static uint8_t edge[EDGE_SIZE] __attribute__((aligned(4096)));
static const struct asm_memory memory = {area, edge};
static uint8_t readonly[READONLY_SIZE] __attribute__((aligned(4096)));
static uint64_t gdt[GDT_ENTRIES], ldt[LDT_SLOTS], idt[32];
static uint32_t tss[26];
uint32_t trap_stack[1024] __attribute__((section(".bss.stack")));

static const struct asm_pack *pack;
static uint32_t current, end;

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* Written out in blocks: an instruction for each byte takes most of the time. */
static char text[4096];
static uint32_t length;

static void flush(void)
{
	const char *p = text;

	__asm__ volatile("rep outsb" : "+S"(p), "+c"(length) : "d"(0xe9) : "memory");
}

static void put(char c)
{
	text[length++] = c;
	if (length == sizeof(text))
		flush();
}

static _Noreturn void quit(int code)
{
	flush();
	out8(0xf4, code);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static _Noreturn void fail(const char *why)
{
	while (*why)
		put(*why++);
	put('\n');
	quit(EXIT_FAILED);
}

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access, uint32_t attributes)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)attributes << 52 |
	       (uint64_t)(base >> 24) << 56;
}

/* The bits as Linux sets them from a struct user_desc. */
static void install(const struct segment *s)
{
	uint32_t type = (s->locked ? 0 : 2) | s->contents << 2 | 1;
	uint64_t d = descriptor(s->base, s->limit, (s->absent ? 0x70 : 0xf0) | type,
	                        s->pages << 3 | s->big << 2 | 1);

	(s->selector & 4 ? ldt : gdt)[s->selector >> 3] = d;
}

static void load_table(const char which, const void *table, uint32_t size)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) pointer = {size - 1, (uint32_t)table};

	if (which == 'g')
		__asm__ volatile("lgdt %0" : : "m"(pointer));
	else
		__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void set_descriptors(void)
{
	static const struct segment segments[] = SEGMENTS;

	gdt[KERNEL_CODE >> 3] = descriptor(0, 0xfffff, 0x9b, 0xc);
	gdt[KERNEL_DATA >> 3] = descriptor(0, 0xfffff, 0x93, 0xc);
	gdt[SEL_CODE >> 3] = descriptor(0, 0xfffff, 0xfb, 0xc);
	gdt[SEL_DATA >> 3] = descriptor(0, 0xfffff, 0xf3, 0xc);
	gdt[TSS_SELECTOR >> 3] = descriptor((uint32_t)tss, sizeof(tss) - 1, 0x89, 0);
	gdt[LDT_SELECTOR >> 3] = descriptor((uint32_t)ldt, sizeof(ldt) - 1, 0x82, 0);
	for (unsigned i = 0; i < sizeof(segments) / sizeof(*segments); i++)
		install(&segments[i]);
	for (unsigned i = 0; i < BATCHES16; i++)
		install(&SEGMENT_BATCH16(i));
	load_table('g', gdt, sizeof(gdt));
	__asm__ volatile("ljmp %0, $1f\n1: mov %1, %%ds\n mov %1, %%es\n mov %1, %%ss\n"
	                 " mov %2, %%fs\n mov %2, %%gs"
	                 :
	                 : "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(0));
	tss[1] = (uint32_t)(trap_stack + 1024);
	tss[2] = KERNEL_DATA;
	tss[25] = sizeof(tss) << 16; /* no I/O bitmap */
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
	if (pack->ldt)
		__asm__ volatile("lldt %w0" : : "r"(LDT_SELECTOR));
	/* INT3 and INTO are open to the user, as under Linux. */
	for (unsigned i = 0; i < 32; i++)
		idt[i] = (trap_stubs[i] & 0xffff) | KERNEL_CODE << 16 |
		         (uint64_t)(i == 3 || i == 4 ? 0xee00 : 0x8e00) << 32 |
		         (uint64_t)(trap_stubs[i] >> 16) << 48;
	load_table('i', idt, sizeof(idt));
}

static void map(uint32_t *table, uint32_t linear, const void *memory, uint32_t size, uint32_t bits)
{
	for (uint32_t i = 0; i < size; i += 4096)
		table[(linear + i) >> 12 & 1023] = ((uint32_t)memory + i) | bits;
	page_directory[linear >> 22] = (uint32_t)table | PAGE_USER;
}

static void set_paging(void)
{
	for (uint32_t i = 0; i < KERNEL_TABLES; i++) {
		map(kernel_tables[i], i << 22, (void *)(i << 22), 1 << 22, PAGE_KERNEL);
		page_directory[i] = (uint32_t)kernel_tables[i] | PAGE_KERNEL;
	}
	for (uint32_t i = 0; i < READONLY_SIZE; i += 4)
		*(uint32_t *)(readonly + i) = READONLY + i;
	for (uint32_t i = 0; i < AREA_SIZE; i += 4)
		*(uint32_t *)(area + i) = AREA + i;
	for (uint32_t i = 0; i < EDGE_SIZE; i += 4)
		*(uint32_t *)(edge + i) = EDGE + i;
	for (uint32_t i = 0; i < CODE_SIZE; i += 4)
		*(uint32_t *)(code + i) = CODE + i;
	map(area_table, AREA, area, AREA_SIZE, PAGE_USER);
	map(area_table, CODE, code, CODE_SIZE, PAGE_USER);
	map(area_table, READONLY, readonly, READONLY_SIZE, PAGE_USER_READ);
	map(area_table, EDGE, edge, EDGE_SIZE, PAGE_USER);
	map(area_table, EDGE + 0x1000, edge + 0x1000, 0x1000, PAGE_USER_READ);
	if (pack->code_size > BATCH_SIZE)
		fail("kernel: the code section is too long");
	map(batch_table, BATCH, (const uint8_t *)pack + pack->code_offset, pack->code_size,
	    PAGE_USER);
	/* MP, NE, WP, AM, PG; OSFXSR, OSXMMEXCPT: as Linux has them. */
	__asm__ volatile("mov %0, %%cr3" : : "r"(page_directory));
	__asm__ volatile("mov %0, %%cr4" : : "r"(0x600));
	__asm__ volatile("mov %0, %%cr0; jmp 1f; 1:" : : "r"(0x80050033));
}

static void begin_case(struct frame *f)
{
	const struct asm_case *c = pack_case(pack, current);
	const uint32_t *fpu = (const uint32_t *)pack_fpu(pack, c);

	case_prepare(pack, c, &memory, code);
	for (int i = 0; i < FPU_SIZE / 4; i++)
		((uint32_t *)fpu_image)[i] = fpu[i];
	*f = (struct frame){
		.gs = c->seg[GS],
		.fs = c->seg[FS],
		.es = c->seg[ES],
		.ds = c->seg[DS],
		.edi = c->gpr[7],
		.esi = c->gpr[6],
		.ebp = c->gpr[5],
		.ebx = c->gpr[3],
		.edx = c->gpr[2],
		.ecx = c->gpr[1],
		.eax = c->gpr[0],
		.eip = c->code,
		.cs = c->seg[CS],
		.eflags = c->eflags,
		.esp = c->gpr[4],
		.ss = c->seg[SS],
	};
}

/* Every exception: the end of a case, unless it is the kernel's own. */
void kernel_trap(struct frame *f)
{
	struct asm_result result = {
		.gpr = {f->eax, f->ecx, f->edx, f->ebx, f->esp, f->ebp, f->esi, f->edi},
		.eip = f->eip,
		.eflags = f->eflags,
		.trap = f->trap,
		.error = f->error,
		.seg = {f->es, f->cs, f->ss, f->ds, f->fs, f->gs},
		.fpu = fpu_image,
		.memory = memory,
	};

	if (!(f->cs & 3)) {
		result.seg[SS] = 0;
		result_print(put, pack, current, &result);
		fail("kernel: a trap in ring 0");
	}
	__asm__ volatile("mov %%cr2, %0" : "=r"(result.cr2));
	/* Our own pages stand where a native run has nothing. */
	if (f->trap == 14 && result.cr2 < KERNEL_TABLES << 22)
		result.error &= ~1;
	result_print(put, pack, current, &result);
	if (++current == end) {
		result_print_end(put, &memory);
		quit(EXIT_DONE);
	}
	begin_case(f);
}

/* The number after `name` in the command line, or otherwise. */
static uint32_t option(const char *line, const char *name, uint32_t otherwise)
{
	for (; *line; line++) {
		const char *p = line, *n = name;
		uint32_t value = 0;

		while (*n && *p == *n)
			p++, n++;
		if (*n)
			continue;
		while (*p >= '0' && *p <= '9')
			value = value * 10 + *p++ - '0';
		return value;
	}
	return otherwise;
}

_Noreturn void kernel_main(const struct multiboot_info *info)
{
	/* On the stack that traps use: an IRET to a 16-bit stack keeps its upper half. */
	struct frame *frame = (struct frame *)(trap_stack + 1024) - 1;

	/* No interrupt disturbs a case: its IF is set, as a user's is. */
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	if (!(info->flags & 8) || !info->mods_count)
		fail("kernel: no pack");
	pack = *(const struct asm_pack **)info->mods_addr;
	if (pack->magic != PACK_MAGIC)
		fail("kernel: not a pack");
	end = pack->cases;
	if (info->flags & 4) {
		uint32_t count;

		current = option((const char *)info->cmdline, "from=", 0);
		count = option((const char *)info->cmdline, "count=", end);
		if (current >= end)
			fail("kernel: from= is beyond the last case");
		if (count < end - current)
			end = current + count;
	}
	set_descriptors();
	set_paging();
	begin_case(frame);
	enter_user(frame);
}
