/* links: monitor */
/* Devices in memory as a guest meets them, and a physical map that changes under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/stats.h"
#include "cpu/cpu.h"
#include "cpu/model.h"
#include "monitor/monitor.h"

/* Guest code, 32-bit, from name to name_end; it ends with HLT. */
#define GUEST(name, text)                                                                          \
	__asm__(".pushsection .rodata\n\t.code32\n" #name ":\n\t" text "\n\thlt\n" #name           \
	        "_end:\n\t.code64\n\t.popsection");                                                \
	extern const uint8_t name[], name##_end[];

enum {
	CODE = 0x200000,
	DEV = 0xfeb00000u,
	MOVED = 0xfec00000u,
	MOST = 64,
};

/* One access of the device. */
struct access {
	uint32_t offset, value;
	uint8_t size;
	bool write;
};

struct pc {
	struct monitor *monitor;
	struct mmu *mmu;
	uint32_t at; /* where the device is */
	struct access seen[MOST];
	unsigned n;
	bool line;
	void (*out)(struct pc *pc, uint16_t port, uint32_t value);
};

static void note(struct pc *pc, gpa_t a, unsigned size, bool write, uint32_t value)
{
	assert_true(pc->n < MOST);
	pc->seen[pc->n++] = (struct access){(uint32_t)a.v - pc->at, value, (uint8_t)size, write};
}

/* Each read gives another value. */
static uint32_t on_mem_read(void *ctx, gpa_t a, unsigned size)
{
	struct pc *pc = ctx;
	uint32_t value = 0x11111111u * (pc->n + 1);
	note(pc, a, size, false, value);
	return value;
}

static void on_mem_write(void *ctx, gpa_t a, unsigned size, uint32_t value)
{
	struct pc *pc = ctx;
	note(pc, a, size, true, value);
	pc->line = value == 0xcafe;
}

/* Runs, if they are wanted; element by element they come as single accesses. */
static struct {
	bool wanted;
	unsigned n;
	struct mem_run last;
	uint8_t stored[PAGE_SIZE];
} runs;

static bool on_mem_run(void *ctx, const struct mem_run *r)
{
	if (!runs.wanted)
		return false;
	size_t bytes = r->n * r->size;
	assert_true((r->at & PAGE_MASK) + bytes <= PAGE_SIZE);
	runs.n++;
	runs.last = *r;
	if (r->kind == RUN_LOAD)
		memset(r->buf, 0x77, bytes);
	else if (r->kind != RUN_MOVE)
		memcpy(runs.stored, r->buf, r->kind == RUN_FILL ? r->size : bytes);
	return true;
}

static unsigned port_reads;

/* Who does IN has other registers changed as well. */
static uint32_t on_io_read(void *ctx, uint16_t port, unsigned size)
{
	struct pc *pc = ctx;
	uint32_t *reg = monitor_in_registers(pc->monitor);
	port_reads++;
	if (!reg)
		return ~0u;
	reg[EBX] = reg[EAX] + 1;
	reg[ECX] = 0xcccccccc;
	reg[EDX] = port;
	return 0xaaaaaaaa;
}

static void on_io_write(void *ctx, uint16_t port, unsigned size, uint32_t value)
{
	struct pc *pc = ctx;
	pc->out(pc, port, value);
}

/* What INS and OUTS move: bytes that count up, and where they went. */
static struct {
	unsigned bursts, elements;
	uint8_t in, out[3 * PAGE_SIZE];
	unsigned n_out;
} moved;

static void on_io_burst(void *ctx, uint16_t port, unsigned size, void *buf, size_t n, bool in)
{
	uint8_t *p = buf;
	assert_int_equal(port, 0x1f0);
	moved.bursts++;
	moved.elements += (unsigned)n;
	assert_true(n * size <= PAGE_SIZE);
	for (size_t i = 0; i < n * size; i++)
		if (in)
			p[i] = moved.in++;
		else
			moved.out[moved.n_out++] = p[i];
}

static bool on_intr_line(void *ctx)
{
	const struct pc *pc = ctx;
	return pc->line;
}

static uint8_t on_intr_ack(void *ctx)
{
	struct pc *pc = ctx;
	pc->line = false;
	return 0x20;
}

static uint64_t on_tsc(void *ctx)
{
	return 0;
}

static void on_nothing(void *ctx)
{
}

static struct pc *pc_new(void)
{
	static struct pc pc;
	const char *what;
	pc = (struct pc){.at = DEV};
	memset(&runs, 0, sizeof runs);
	struct monitor_config c = {
		.mmu = {.ram_bytes = 16 << 20},
		.model = cpu_model_default(),
		.platform = {.ctx = &pc,
	                     .io_read = on_io_read,
	                     .io_write = on_io_write,
	                     .io_burst = on_io_burst,
	                     .mem_read = on_mem_read,
	                     .mem_write = on_mem_write,
	                     .mem_run = on_mem_run,
	                     .intr_line = on_intr_line,
	                     .intr_ack = on_intr_ack,
	                     .tsc = on_tsc,
	                     .poll = on_nothing,
	                     .wait = on_nothing},
	};
	assert_int_equal(monitor_create(&pc.monitor, &c, &what), 0);
	pc.mmu = monitor_mmu(pc.monitor);
	mmu_map(pc.mmu, gpa(DEV), 2 * PAGE_SIZE, PHYS_DEVICE, 0);
	memset(&stats, 0, sizeof stats);
	return &pc;
}

static void pc_free(struct pc *pc)
{
	mmu_check(pc->mmu);
	monitor_destroy(pc->monitor);
}

static void put(struct pc *pc, uint32_t at, const uint8_t *code, const uint8_t *end)
{
	mmu_dma_write(pc->mmu, gpa(at), code, (size_t)(end - code));
}

/* Runs from there to HLT. */
static struct vcpu *run(struct pc *pc, uint32_t eip)
{
	struct vcpu *v = monitor_vcpu(pc->monitor);
	monitor_reset(pc->monitor);
	cpu_set_flat32(v, eip);
	v->gpr[EAX] = 0x12345678;
	v->gpr[EBX] = DEV;
	v->gpr[ESP] = 0x9000;
	v->gpr[EDI] = 1;
	pc->n = 0;
	assert_int_equal(monitor_run(pc->monitor), END_HALT);
	return v;
}

static struct vcpu *run_code(struct pc *pc, const uint8_t *code, const uint8_t *end)
{
	put(pc, CODE, code, end);
	return run(pc, CODE);
}

#define RUN(pc, name) run_code(pc, name, name##_end)

static void saw(struct pc *pc, unsigned i, uint32_t offset, unsigned size, bool write,
                uint32_t value)
{
	assert_true(i < pc->n);
	assert_int_equal(pc->seen[i].offset, offset);
	assert_int_equal(pc->seen[i].size, size);
	assert_int_equal(pc->seen[i].write, write);
	assert_int_equal(pc->seen[i].value, value);
}

GUEST(calls,
      "push %ebp; mov %esp, %ebp; push $77; mov $0xeeeeeeee, %edx; mov $0x5658, %dx; in %dx, %eax;"
      "mov %ebx, %esi; mov -4(%ebp), %edi; mov $0x8000, %ebp; mov %ecx, (%ebp)")
GUEST(narrow, "mov $5, %ecx; in $0x40, %al; mov %eax, %esi; in $0x40, %ax")
GUEST(no_calls, "mov $0x5658, %edx; mov $0x8000, %edi; insl; mov $1, %ecx; rep insl")

/* Registers that a device sets are the instruction's results, of IN alone. */
static void test_registers(void **state)
{
	struct pc *pc = pc_new();
	for (unsigned round = 0; round < 3; round++) {
		struct vcpu *v = RUN(pc, calls);
		assert_int_equal(v->gpr[EAX], 0xaaaaaaaa);
		assert_int_equal(v->gpr[EBX], 0x12345679);
		assert_int_equal(v->gpr[ESI], 0x12345679);
		assert_int_equal(v->gpr[ECX], 0xcccccccc);
		assert_int_equal(v->gpr[EDX], 0x5658);
		assert_int_equal(v->gpr[EDI], 77);
		assert_int_equal(*(const uint32_t *)mmu_host(pc->mmu, gpa(0x8000)), 0xcccccccc);
		v = RUN(pc, narrow);
		assert_int_equal(v->gpr[ESI], 0x123456aa);
		assert_int_equal(v->gpr[EAX], 0x1234aaaa);
		assert_int_equal(v->gpr[EBX], 0x123456ab);
	}
	port_reads = 0;
	struct vcpu *v = RUN(pc, no_calls);
	assert_int_equal(port_reads, 2);
	assert_int_equal(v->gpr[EBX], DEV);
	assert_int_equal(v->gpr[EDX], 0x5658);
	assert_null(monitor_in_registers(pc->monitor));
	pc_free(pc);
}

GUEST(loads, "mov (%ebx), %eax; mov 5(%ebx), %cl; movzwl 6(%ebx), %edx; test %edx, 8(%ebx);"
             "cmp 12(%ebx), %edx; push 16(%ebx); pop %esi; fildl 20(%ebx); fistpl 0x8000")

/* A load is one read of its own size, whether its site has met the device before or not. */
static void test_loads(void **state)
{
	struct pc *pc = pc_new();
	for (unsigned round = 0; round < 5; round++) {
		struct vcpu *v = RUN(pc, loads);
		assert_int_equal(pc->n, 7);
		saw(pc, 0, 0, 4, false, 0x11111111);
		saw(pc, 1, 5, 1, false, 0x22222222);
		saw(pc, 2, 6, 2, false, 0x33333333);
		saw(pc, 3, 8, 4, false, 0x44444444);
		saw(pc, 4, 12, 4, false, 0x55555555);
		saw(pc, 5, 16, 4, false, 0x66666666);
		saw(pc, 6, 20, 4, false, 0x77777777);
		assert_int_equal(v->gpr[EAX], 0x11111111);
		assert_int_equal(v->gpr[ECX] & 0xff, 0x22);
		assert_int_equal(v->gpr[EDX], 0x3333);
		assert_int_equal(v->gpr[ESI], 0x66666666);
		assert_int_equal(*(const uint32_t *)mmu_host(pc->mmu, gpa(0x8000)), 0x77777777);
	}
	pc_free(pc);
}

GUEST(stores, "mov %eax, (%ebx); mov %al, 5(%ebx); mov %ax, 6(%ebx); movl $77, 8(%ebx);"
              "mov %esp, %ebp; lea 16(%ebx), %esp; push %eax; mov %ebp, %esp; setc 20(%ebx);"
              "movd %eax, %mm0; movq %mm0, 24(%ebx); emms")

/* A store is one write of its own size, and never a read. */
static void test_stores(void **state)
{
	struct pc *pc = pc_new();
	for (unsigned round = 0; round < 5; round++) {
		RUN(pc, stores);
		assert_int_equal(pc->n, 8);
		saw(pc, 0, 0, 4, true, 0x12345678);
		saw(pc, 1, 5, 1, true, 0x78);
		saw(pc, 2, 6, 2, true, 0x5678);
		saw(pc, 3, 8, 4, true, 77);
		saw(pc, 4, 12, 4, true, 0x12345678);
		saw(pc, 5, 20, 1, true, 0);
		saw(pc, 6, 24, 4, true, 0x12345678);
		saw(pc, 7, 28, 4, true, 0);
	}
	pc_free(pc);
}

GUEST(movs, "mov $0xaabbccdd, %ecx; mov $0x11223344, %edx; mov %ch, (%ebx); mov %dh, 1(%ebx);"
            "mov 2(%ebx), %ah; mov 4(%ebx), %cx; movb $0x5a, 6(%ebx); movw $0x1234, 8(%ebx);"
            "mov %al, 0xfeb0000a; mov 0xfeb0000c, %eax; mov 0xfeb00010, %al;"
            "mov %esp, %ebp; lea 32(%ebx), %esp; mov %esp, (%esp); mov %ebp, %esp;"
            "movb $1, %fs:20(%ebx); mov (%ebx, %edi, 4), %dl")

/* MOV in all its forms: parts of registers that it does not name stay. */
static void test_movs(void **state)
{
	struct pc *pc = pc_new();
	for (unsigned round = 0; round < 5; round++) {
		struct vcpu *v = RUN(pc, movs);
		assert_int_equal(pc->n, 12);
		saw(pc, 0, 0, 1, true, 0xcc);
		saw(pc, 1, 1, 1, true, 0x33);
		saw(pc, 2, 2, 1, false, 0x33333333);
		saw(pc, 3, 4, 2, false, 0x44444444);
		saw(pc, 4, 6, 1, true, 0x5a);
		saw(pc, 5, 8, 2, true, 0x1234);
		saw(pc, 6, 10, 1, true, 0x78);
		saw(pc, 7, 12, 4, false, 0x88888888);
		saw(pc, 8, 16, 1, false, 0x99999999);
		saw(pc, 9, 32, 4, true, DEV + 32);
		saw(pc, 10, 20, 1, true, 1);
		saw(pc, 11, 4, 1, false, 0xcccccccc);
		assert_int_equal(v->gpr[EAX], 0x88888899);
		assert_int_equal(v->gpr[ECX], 0xaabb4444);
		assert_int_equal(v->gpr[EDX], 0x112233cc);
		assert_int_equal(v->gpr[ESP], 0x9000);
	}
	pc_free(pc);
}

GUEST(both, "orl $0x100, (%ebx); mov %eax, %ecx; xchg %ecx, 4(%ebx); lock incb 9(%ebx)")

static void test_both(void **state)
{
	struct pc *pc = pc_new();
	for (unsigned round = 0; round < 5; round++) {
		struct vcpu *v = RUN(pc, both);
		assert_int_equal(pc->n, 6);
		saw(pc, 0, 0, 4, false, 0x11111111);
		saw(pc, 1, 0, 4, true, 0x11111111);
		saw(pc, 2, 4, 4, false, 0x33333333);
		saw(pc, 3, 4, 4, true, 0x12345678);
		saw(pc, 4, 9, 1, false, 0x55555555);
		saw(pc, 5, 9, 1, true, 0x56);
		assert_int_equal(v->gpr[ECX], 0x33333333);
	}
	pc_free(pc);
}

GUEST(strings, "cld; mov %ebx, %esi; mov $0x8000, %edi; mov $3, %ecx; rep movsl;"
               "mov %ebx, %edi; mov $2, %ecx; rep stosw; lodsb; mov $0x8000, %esi; movsb")

static void test_strings(void **state)
{
	struct pc *pc = pc_new();
	for (unsigned round = 0; round < 3; round++) {
		RUN(pc, strings);
		assert_int_equal(pc->n, 7);
		for (unsigned i = 0; i < 3; i++)
			saw(pc, i, 4 * i, 4, false, 0x11111111 * (i + 1));
		saw(pc, 3, 0, 2, true, 0x5678);
		saw(pc, 4, 2, 2, true, 0x5678);
		saw(pc, 5, 12, 1, false, 0x66666666);
		saw(pc, 6, 4, 1, true, 0x11);
		assert_int_equal(*(const uint32_t *)mmu_host(pc->mmu, gpa(0x8008)), 0x33333333);
	}
	pc_free(pc);
}

GUEST(fills, "cld; mov %ebx, %edi; mov $3000, %ecx; rep stosw")
GUEST(run_stores, "cld; mov $0x8ffe, %esi; mov %ebx, %edi; mov $2, %ecx; rep movsl")
GUEST(run_loads, "cld; mov %ebx, %esi; mov $0x8010, %edi; mov $5, %ecx; rep movsw")
GUEST(moves, "cld; lea 2(%ebx), %esi; mov %ebx, %edi; mov $9, %ecx; rep movsb")
GUEST(downwards, "std; lea 8(%ebx), %edi; mov $3, %ecx; rep stosb; cld")

static void saw_run(enum mem_run_kind kind, unsigned size, size_t n, uint64_t at)
{
	assert_int_equal(runs.last.kind, kind);
	assert_int_equal(runs.last.size, size);
	assert_int_equal(runs.last.n, n);
	assert_int_equal(runs.last.at, at);
}

/* REP is asked for a page at a time; what straddles pages, or goes down, element by element. */
static void test_runs(void **state)
{
	struct pc *pc = pc_new();
	runs.wanted = true;
	struct vcpu *v = RUN(pc, fills);
	assert_int_equal(runs.n, 2);
	saw_run(RUN_FILL, 2, 3000 - 2048, DEV + PAGE_SIZE);
	assert_memory_equal(runs.stored, "\x78\x56", 2);
	assert_int_equal(v->gpr[ECX], 0);
	assert_int_equal(v->gpr[EDI], DEV + 6000);
	assert_int_equal(stats.mem_writes, 3000);
	assert_int_equal(pc->n, 0);

	memcpy((uint8_t *)mmu_host_store(pc->mmu, gpa(0x8000)) + 0xffe, "ab", 2);
	memcpy(mmu_host_store(pc->mmu, gpa(0x9000)), "cdefgh", 6);
	runs.n = 0;
	v = RUN(pc, run_stores);
	assert_int_equal(runs.n, 0); /* one across a page, and one is no run */
	assert_int_equal(pc->n, 2);
	saw(pc, 0, 0, 4, true, 0x64636261);
	saw(pc, 1, 4, 4, true, 0x68676665);
	assert_int_equal(v->gpr[ESI], 0x9006);

	v = RUN(pc, run_loads);
	saw_run(RUN_LOAD, 2, 5, DEV);
	assert_memory_equal(mmu_host(pc->mmu, gpa(0x8010)), "wwwwwwwwww\0\0", 12);
	assert_int_equal(v->gpr[ESI], DEV + 10);
	assert_int_equal(v->gpr[EDI], 0x801a);

	RUN(pc, moves);
	saw_run(RUN_MOVE, 1, 9, DEV);
	assert_int_equal(runs.last.from, DEV + 2);

	runs.n = 0;
	RUN(pc, downwards);
	assert_int_equal(runs.n, 0);
	assert_int_equal(pc->n, 3);
	saw(pc, 2, 6, 1, true, 0x78);
	pc_free(pc);
}

GUEST(in_frames, "mov $0xfec00fff, %edi; xor %eax, %eax; call *%edi; call *%edi; out %al, $0x80;"
                 "call *%edi")

static uint32_t frames;

/* What stood there goes away, is another, and comes again. */
static void change_frames(struct pc *pc, uint16_t port, uint32_t value)
{
	mmu_map(pc->mmu, gpa(MOVED), 2 * PAGE_SIZE, PHYS_DEVICE, 0);
	mmu_page_host(pc->mmu, frames)[PAGE_SIZE - 1] = 0x48; /* DEC EAX */
	mmu_memory_stored(pc->mmu, frames, PAGE_SIZE - 1, 2);
	mmu_map(pc->mmu, gpa(MOVED), 2 * PAGE_SIZE, PHYS_RAM, frames);
}

/* Memory of a device's: units of what it held before are not run again. */
static void test_owned_memory(void **state)
{
	struct pc *pc = pc_new();
	pc->out = change_frames;
	assert_int_equal(mmu_memory_add(pc->mmu, "frames", 2 * PAGE_SIZE, &frames), 0);
	mmu_map(pc->mmu, gpa(MOVED), 2 * PAGE_SIZE, PHYS_RAM, frames);
	memcpy(mmu_page_host(pc->mmu, frames) + PAGE_SIZE - 1, "\x40\xc3", 2); /* INC EAX, RET */
	assert_int_equal(RUN(pc, in_frames)->gpr[EAX], 1 + 1 - 1);
	pc_free(pc);
}

GUEST(loop, "mov $60, %ecx; 1: mov %ecx, (%ebx); loop 1b")

/* A site that meets a device costs signals a few times only. */
static void test_adapts(void **state)
{
	struct pc *pc = pc_new();
	RUN(pc, loop);
	assert_int_equal(pc->n, 60);
	assert_true(stats.signals_segv <= 4);
	assert_int_equal(stats.mem_writes, 60);
	pc_free(pc);
}

GUEST(ports, "cld; mov $0x1f0, %edx; mov $0x8ff0, %edi; mov $3000, %ecx; rep insw;"
             "mov $0x8ff0, %esi; mov $3000, %ecx; rep outsw")

/* A page at a time, over whole elements: a page's last byte and the next's first are one by one. */
static void test_bursts(void **state)
{
	struct pc *pc = pc_new();
	const uint8_t *memory = mmu_host(pc->mmu, gpa(0));
	memset(&moved, 0, sizeof moved);
	struct vcpu *v = RUN(pc, ports);
	assert_int_equal(moved.elements, 6000);
	assert_int_equal(moved.bursts, 6);
	assert_int_equal(v->gpr[ECX], 0);
	assert_int_equal(v->gpr[EDI], 0x8ff0 + 6000);
	assert_int_equal(v->gpr[ESI], 0x8ff0 + 6000);
	for (unsigned i = 0; i < 6000; i++) {
		assert_int_equal(memory[0x8ff0 + i], i & 0xff);
		assert_int_equal(moved.out[i], i & 0xff);
	}
	assert_int_equal(stats.io_reads, 3000);
	assert_int_equal(stats.io_writes, 3000);
	pc_free(pc);
}

GUEST(overlaid, "cld; mov $0x1f0, %edx; mov $0, %eax; mov $0x9000, %edi; call *%edi;"
                "mov $2, %ecx; rep insb; mov $0x9000, %edi; call *%edi")

/* What is read over code is what runs then. */
static void test_burst_code(void **state)
{
	static const uint8_t before[] = {0x40, 0x40, 0xc3}; /* INC EAX twice, RET */
	struct pc *pc = pc_new();
	put(pc, 0x9000, before, before + sizeof before);
	memset(&moved, 0, sizeof moved);
	moved.in = 0x47; /* INC EDI, then DEC EAX */
	struct vcpu *v = RUN(pc, overlaid);
	assert_int_equal(moved.bursts, 1);
	assert_int_equal(v->gpr[EAX], 2 - 1);
	assert_int_equal(v->gpr[EDI], 0x9001);
	pc_free(pc);
}

GUEST(straddle, "mov -1(%ebx), %eax; mov %eax, 0x1ffd(%ebx); mov 0x1fff(%ebx), %cx")

/* Operands across the ends of the device: its part is accessed once, the rest is memory or a
 * hole. */
static void test_straddle(void **state)
{
	struct pc *pc = pc_new();
	uint32_t first;
	assert_int_equal(mmu_memory_add(pc->mmu, "unring-test", PAGE_SIZE, &first), 0);
	mmu_map(pc->mmu, gpa(DEV - PAGE_SIZE), PAGE_SIZE, PHYS_RAM, first);
	mmu_page_host(pc->mmu, first)[PAGE_MASK] = 0xab;
	for (unsigned round = 0; round < 4; round++) {
		struct vcpu *v = RUN(pc, straddle);
		assert_int_equal(v->gpr[EAX], 0x221111ab);
		assert_int_equal(v->gpr[ECX] & 0xffff, 0xff00 | 0x55);
		assert_int_equal(pc->n, 5);
		saw(pc, 0, 0, 2, false, 0x11111111);
		saw(pc, 1, 2, 1, false, 0x22222222);
		saw(pc, 2, 0x1ffd, 2, true, 0x11ab);
		saw(pc, 3, 0x1fff, 1, true, 0x11);
		saw(pc, 4, 0x1fff, 1, false, 0x55555555);
	}
	pc_free(pc);
}

GUEST(fault, "mov 0x8000, %edx; pushl $0; popfl; mov (%ebx), %eax; div %ecx")

/* The value of the load is the guest's before the next instruction faults: one read. */
static void test_fault(void **state)
{
	struct pc *pc = pc_new();
	put(pc, CODE, fault, fault_end);
	monitor_reset(pc->monitor);
	struct vcpu *v = monitor_vcpu(pc->monitor);
	cpu_set_flat32(v, CODE);
	v->gpr[EBX] = DEV;
	v->gpr[ECX] = 0;
	v->gpr[ESP] = 0x9000;
	v->idtr.limit = 0;
	pc->n = 0;
	assert_int_equal(monitor_run(pc->monitor), END_TRIPLE);
	assert_int_equal(pc->n, 1);
	assert_int_equal(v->gpr[EAX], 0x11111111);
	pc_free(pc);
}

static void move_device(struct pc *pc, uint16_t port, uint32_t value)
{
	uint32_t to = value ? MOVED : DEV;
	mmu_map(pc->mmu, gpa(pc->at), 2 * PAGE_SIZE, PHYS_NONE, 0);
	mmu_map(pc->mmu, gpa(to), 2 * PAGE_SIZE, PHYS_DEVICE, 0);
	pc->at = to;
}

GUEST(bar, "mov $10, %ecx; 1: mov $1, %al; out %al, $0x10; mov (%ebx), %edx;"
           "mov %ecx, 0x100004(%ebx); xor %eax, %eax; out %al, $0x10; mov %ecx, (%ebx);"
           "mov 0x100000(%ebx), %esi; loop 1b")

/* A BAR moves while the guest uses it: each access goes where the device is, and what it left is a
 * hole. */
static void test_bar(void **state)
{
	struct pc *pc = pc_new();
	pc->out = move_device;
	struct vcpu *v = RUN(pc, bar);
	assert_int_equal(v->gpr[EDX], 0xffffffff);
	assert_int_equal(v->gpr[ESI], 0xffffffff);
	assert_int_equal(pc->n, 20);
	for (unsigned i = 0; i < 20; i++)
		saw(pc, i, i & 1 ? 0 : 4, 4, true, 10 - i / 2);
	pc_free(pc);
}

static uint32_t rom;

static void shadow_ram(struct pc *pc, uint16_t port, uint32_t value)
{
	mmu_map(pc->mmu, gpa(0xf0000), PAGE_SIZE, value & 1 ? PHYS_RAM : PHYS_ROM,
	        value & 1 ? 0xf0 : rom);
}

GUEST(in_rom, "mov %eax, 0xf0800; mov $1, %al; out %al, $0x10; mov $0x1111, %ecx")
GUEST(in_ram, "mov %eax, 0xf0800; mov $1, %al; out %al, $0x10; mov $0x2222, %ecx;"
              "mov %eax, 0xf0800; xor %eax, %eax; out %al, $0x10")

/* PAM turns ROM into RAM under running code, and back: the next instruction is the other's. */
static void test_pam(void **state)
{
	struct pc *pc = pc_new();
	assert_int_equal(mmu_memory_add(pc->mmu, "unring-test", PAGE_SIZE, &rom), 0);
	memset(mmu_page_host(pc->mmu, rom), 0xf4, PAGE_SIZE);
	memcpy(mmu_page_host(pc->mmu, rom), in_rom, (size_t)(in_rom_end - in_rom));
	memcpy(mmu_page_host(pc->mmu, 0xf0), in_ram, (size_t)(in_ram_end - in_ram));
	pc->out = shadow_ram;
	for (unsigned round = 0; round < 4; round++) {
		shadow_ram(pc, 0, 0);
		*(uint32_t *)(mmu_page_host(pc->mmu, 0xf0) + 0x800) = 0;
		struct vcpu *v = run(pc, 0xf0000);
		assert_int_equal(v->gpr[ECX], 0x2222);
		/* The first store went to the ROM, and was lost; the second to RAM. */
		assert_int_equal(mmu_page_host(pc->mmu, rom)[0x800], 0xf4);
		assert_int_equal(*(uint32_t *)(mmu_page_host(pc->mmu, 0xf0) + 0x800), 0x12345601);
		/* Back in the ROM, whose next bytes are HLT. */
		assert_int_equal(v->eip, 0xf0000 + (in_ram_end - in_ram));
	}
	pc_free(pc);
}

static void a20_gate(struct pc *pc, uint16_t port, uint32_t value)
{
	mmu_a20(pc->mmu, value & 2);
}

GUEST(a20, "movl $0x11, 0x8000; movl $0x22, 0x108000; mov $0x108000, %esi; mov $0x300000, %edi;"
           "mov (%esi), %ecx; xor %eax, %eax; out %al, $0x92; mov (%esi), %edx; call *%edi;"
           "movl $0x33, (%esi); mov $2, %al; out %al, $0x92; mov 0x8000, %ebp; call *%edi")
GUEST(odd, "inc %eax; ret")
GUEST(even, "add $0x100, %eax; ret")

/* With A20 off an odd MiB is the even one: loads, stores and code. */
static void test_a20(void **state)
{
	struct pc *pc = pc_new();
	pc->out = a20_gate;
	put(pc, 0x300000, odd, odd_end);
	put(pc, CODE, even, even_end); /* 200000h, where 300000h is with A20 off */
	put(pc, CODE + 0x1000, a20, a20_end);
	for (unsigned round = 0; round < 4; round++) {
		struct vcpu *v = run(pc, CODE + 0x1000);
		assert_int_equal(v->gpr[ECX], 0x22);
		assert_int_equal(v->gpr[EDX], 0x11);
		assert_int_equal(v->gpr[EBP], 0x33);
		assert_int_equal(v->gpr[EAX], 0x103); /* even: 100h; then al = 2; odd: 1 */
		assert_int_equal(*(const uint32_t *)mmu_host(pc->mmu, gpa(0x108000)), 0x22);
	}
	pc_free(pc);
}

static uint32_t patched;

static void patch(struct pc *pc, uint16_t port, uint32_t value)
{
	mmu_dma_write(pc->mmu, gpa(patched), &(uint32_t){0x2222}, 4);
}

GUEST(dma, "mov $0x7000, %ebp; out %al, $0x10; mov $0x1111, %ecx")

/* A device's DMA changes the instruction behind the one that started it. */
static void test_dma(void **state)
{
	struct pc *pc = pc_new();
	pc->out = patch;
	patched = CODE + (uint32_t)(dma_end - dma) - 5;
	for (unsigned round = 0; round < 4; round++)
		assert_int_equal(RUN(pc, dma)->gpr[ECX], 0x2222);
	pc_free(pc);
}

GUEST(interrupt, "sti; nop; movl $0xcafe, (%ebx); inc %ecx; inc %ecx; jmp .")
GUEST(handler, "mov $0x55, %edx")

/* A store to a device raises an interrupt: it is taken after the instruction, or the next. */
static void test_interrupt(void **state)
{
	struct pc *pc = pc_new();
	struct vcpu *v = monitor_vcpu(pc->monitor);
	static const uint64_t gdt[] = {0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff};
	uint64_t gate = 0x00008e0000100000ull | (0x8000ull & 0xffff);
	put(pc, CODE, interrupt, interrupt_end);
	put(pc, 0x8000, handler, handler_end);
	mmu_dma_write(pc->mmu, gpa(0x6000), gdt, sizeof gdt);
	mmu_dma_write(pc->mmu, gpa(0x7000 + 8 * 0x20), &gate, 8);
	for (unsigned round = 0; round < 4; round++) {
		monitor_reset(pc->monitor);
		cpu_set_flat32(v, CODE);
		v->gdtr.base = 0x6000;
		v->gdtr.limit = sizeof gdt - 1;
		v->idtr.base = 0x7000;
		v->idtr.limit = 0x7ff;
		v->gpr[EBX] = DEV;
		v->gpr[ECX] = v->gpr[EDX] = 0;
		v->gpr[ESP] = 0x9000;
		pc->n = 0;
		assert_int_equal(monitor_run(pc->monitor), END_HALT);
		assert_int_equal(v->gpr[EDX], 0x55);
		assert_true(v->gpr[ECX] <= 2);
		assert_int_equal(pc->n, 1);
	}
	pc_free(pc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),  cmocka_unit_test(test_loads),
		cmocka_unit_test(test_stores),     cmocka_unit_test(test_both),
		cmocka_unit_test(test_strings),    cmocka_unit_test(test_movs),
		cmocka_unit_test(test_runs),       cmocka_unit_test(test_owned_memory),
		cmocka_unit_test(test_adapts),     cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_burst_code), cmocka_unit_test(test_straddle),
		cmocka_unit_test(test_fault),      cmocka_unit_test(test_bar),
		cmocka_unit_test(test_pam),        cmocka_unit_test(test_a20),
		cmocka_unit_test(test_dma),        cmocka_unit_test(test_interrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
