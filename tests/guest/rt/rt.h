/* The runtime of the guest test kernels: a flat protected-mode environment, a
 * trap handler that records, and cpu_run, which executes a snippet at any CPL
 * with every register chosen and tells what stopped it with every register
 * seen.  Output goes to port E9h and COM1, the verdict to port F4h. */
#ifndef GUEST_RT_H
#define GUEST_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* The GDT.  CODE0, DATA0, CODE3, DATA3 lie as SYSENTER and SYSEXIT want them. */
enum {
	CODE0 = 0x08,
	DATA0 = 0x10,
	CODE3 = 0x18 | 3,
	DATA3 = 0x20 | 3,
	TSS_MAIN = 0x28,
	CODE1 = 0x30 | 1,
	DATA1 = 0x38 | 1,
	CODE2 = 0x40 | 2,
	DATA2 = 0x48 | 2,
	SEL_FREE = 0x60, /* from here on, entries are the tests' */
	GDT_ENTRIES = 128,
};

/* Access bytes (SDM vol. 3, 3.4.5 and 3.5). */
enum {
	ACC_P = 0x80,
	ACC_DPL1 = 0x20,
	ACC_DPL2 = 0x40,
	ACC_DPL3 = 0x60,
	ACC_DATA = 0x90, /* present, S, read-only */
	ACC_DATAW = 0x92,
	ACC_DOWN = 0x94, /* expand-down, read-only */
	ACC_DOWNW = 0x96,
	ACC_CODE = 0x98, /* execute-only */
	ACC_CODER = 0x9a,
	ACC_CONF = 0x9c,
	ACC_CONFR = 0x9e,
	ACC_LDT = 0x82,
	ACC_TSS16 = 0x81,
	ACC_TSS32 = 0x89,
	ACC_BUSY = 0x02,
	GATE_CALL16 = 0x84,
	GATE_TASK = 0x85,
	GATE_INT16 = 0x86,
	GATE_TRAP16 = 0x87,
	GATE_CALL32 = 0x8c,
	GATE_INT32 = 0x8e,
	GATE_TRAP32 = 0x8f,
	DESC_G = 0x8, /* flags nibble */
	DESC_B = 0x4,
};

/* clang-format off */
enum { CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, TF = 0x100, IF = 0x200, DF = 0x400, OF = 0x800,
       IOPL3 = 0x3000, NT = 0x4000, RF = 0x10000, VM = 0x20000, AC = 0x40000, VIF = 0x80000,
       VIP = 0x100000, ID = 0x200000 };

enum { V_DE, V_DB, V_NMI, V_BP, V_OF, V_BR, V_UD, V_NM, V_DF, V_TS = 10, V_NP, V_SS, V_GP, V_PF,
       V_MF = 16, V_AC, V_MC, V_XM, V_SYSCALL = 0x80, V_DONE = 0x81 };

enum { CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_NE = 0x20, CR0_WP = 0x10000,
       CR0_AM = 0x40000, CR0_CD = 0x40000000, CR0_PG = (int)0x80000000 };
enum { CR4_VME = 1, CR4_TSD = 4, CR4_DE = 8, CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_PGE = 0x80, CR4_OSFXSR = 0x200,
       CR4_OSXMMEXCPT = 0x400 };

/* What the trap stubs push; esp and ss only from an outer ring. */
struct frame {
	u16 gs, gs_pad, fs, fs_pad, es, es_pad, ds, ds_pad;
	u32 edi, esi, ebp, esp_pushed, ebx, edx, ecx, eax;
	u32 vector, error;
	u32 eip;
	u16 cs, cs_pad;
	u32 eflags;
	u32 esp;
	u16 ss, ss_pad;
};
/* clang-format on */

/* Registers to run with, and after cpu_run those at the trap, with its cause.
 * start.asm knows the offsets. */
struct state {
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 eip, eflags;
	u32 cs, ss, ds, es, fs, gs;
	u32 vector, error, cr2, dr6;
};

struct tss32 {
	u16 link, pad0;
	u32 esp0;
	u16 ss0, pad1;
	u32 esp1;
	u16 ss1, pad2;
	u32 esp2;
	u16 ss2, pad3;
	u32 cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u16 es, pad4, cs, pad5, ss, pad6, ds, pad7, fs, pad8, gs, pad9, ldt, pad10;
	u16 trap, iomap;
};

struct tss16 {
	u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs,
		ss, ds, ldt;
};

struct test {
	const char *name;
	const char *source; /* the manual's section */
	void (*run)(void);
};

extern u64 gdt[GDT_ENTRIES];
extern u64 idt[256];
/* The I/O bitmap (ports 0 to 3FFh) follows the main TSS; at first its limit ends
 * before the bitmap, so that every port is denied. */
extern struct main_tss {
	struct tss32 t;
	u8 iomap[129];
} main_tss;
extern u32 trap_stubs[256];
extern char cmdline[512]; /* Multiboot's */
extern u8 image_end[];

/* A scratch stack for snippets, and two pages of data around a page boundary. */
extern u8 run_stack[8192], scratch[4 * 4096];
#define RUN_STACK_TOP ((u32)run_stack + sizeof(run_stack) - 256)

/* --- the 8259A pair and channel 0 of the 8254 --- */
enum { PIC1 = 0x20, PIC2 = 0xa0, V_TIMER = 0x30, V_RTC = 0x38 };
void pic_init(u8 mask1, u8 mask2); /* interrupts from V_TIMER on */
void pit_rate(u32 hz);             /* mode 2 */
void timer_on(u32 hz);             /* the only interrupt; EOI is the handler's */
void timer_off(void);
extern u8 entry_masks[2]; /* as firmware left them; all is masked when a test begins */

/* --- output --- */
void putch(char c);
void print(const char *fmt, ...); /* %s %c %d %u %x (8 digits) %h (as short as it is) */
_Noreturn void finish(void);      /* verdict and exit */
_Noreturn void panic(const char *fmt, ...);

/* --- tests --- */
void run_tests(const struct test *t, unsigned n);
#define RUN_TESTS(t) run_tests(t, sizeof(t) / sizeof((t)[0]))
void fail(const char *fmt, ...);
/* Fails the current test unless they are equal. */
void expect(const char *what, u32 got, u32 want);

/* --- descriptors --- */
void gdt_set(u16 sel, u32 base, u32 limit, u8 access, u8 flags);
void gdt_gate(u16 sel, u16 target, u32 offset, u8 access, u8 params);
void idt_set(u8 vector, u16 sel, u32 offset, u8 access);
void idt_default(u8 vector);
u8 gdt_access(u16 sel);

/* --- running snippets --- */

/* CODE(name, "intel syntax"): a snippet that ends with INT 81h; name_end is that INT. */
#define CODE(name, text)                                                                           \
	extern u8 name[], name##_end[];                                                            \
	asm(".pushsection .text\n.intel_syntax noprefix\n" #name ":\n" text "\n" #name             \
	    "_end:\n int 0x81\n.att_syntax\n.popsection")
#define LABEL(name) extern u8 name[]

/* Flat segments of this CPL, distinct values in all registers, EFLAGS 2 or, at
 * CPL 1 to 3, the same; ESP at the top of run_stack. */
struct state at_cpl(unsigned cpl, const void *code);
/* Runs it until a trap that no hook takes; *s becomes the state at the trap. */
void cpu_run(struct state *s);
/* Called first for every trap; true resumes the interrupted code.  NULL: none. */
extern bool (*trap_hook)(struct frame *f);

/* Runs s and expects this end; registers must be as they went in but EIP.
 * RF in the pushed image is not compared here. */
void expect_trap(const char *what, struct state *s, u32 vector, u32 error, const void *eip);
/* Runs s and expects it to reach its INT 81h at end. */
void expect_done(const char *what, struct state *s, const void *end);

/* The kernel's own body. */
void guest_main(void);

/* --- instructions --- */
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
#define CR_ACCESS(n)                                                                               \
	static inline u32 read_cr##n(void)                                                         \
	{                                                                                          \
		u32 v;                                                                             \
		asm volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory");                         \
		return v;                                                                          \
	}                                                                                          \
	static inline void write_cr##n(u32 v)                                                      \
	{                                                                                          \
		asm volatile("mov %0, %%cr" #n : : "r"(v) : "memory");                             \
	}
CR_ACCESS(0)
CR_ACCESS(2)
CR_ACCESS(3)
CR_ACCESS(4)
static inline void invlpg(const void *a)
{
	asm volatile("invlpg (%0)" : : "r"(a) : "memory");
}
static inline void wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr" : : "c"(msr), "A"(v));
}
static inline u64 rdmsr(u32 msr)
{
	u64 v;
	asm volatile("rdmsr" : "=A"(v) : "c"(msr));
	return v;
}
static inline u64 rdtsc(void)
{
	u64 v;
	asm volatile("rdtsc" : "=A"(v));
	return v;
}
static inline void cpuid(u32 leaf, u32 out[4])
{
	asm volatile("cpuid"
	             : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
	             : "a"(leaf), "c"(0));
}
static inline void sti(void)
{
	asm volatile("sti" : : : "memory");
}
static inline void cli(void)
{
	asm volatile("cli" : : : "memory");
}

void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
