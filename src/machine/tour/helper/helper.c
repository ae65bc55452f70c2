/* Runs each sensitive instruction in ring 3 of the host, as a guest kernel that has
 * been deprivileged without further help would, and tells what it did: lines
 * "NAME:text", at most 29 characters of text.  Each is tried in a child, so that
 * a fault is seen from outside.  Static, i386, without libc. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

enum { SYS_EXIT = 1, SYS_FORK = 2, SYS_WRITE = 4, SYS_WAITPID = 7, SYS_GETPID = 20 };

/* Selectors that a small kernel would have for its own code and data. */
enum { KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, FLAG_IF = 0x200 };

static int syscall3(u32 n, u32 a, u32 b, u32 c)
{
	int r;

	asm volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory");
	return r;
}

static char line[128];
static u32 length;

static void text(const char *s)
{
	while (*s)
		line[length++] = *s++;
}

static void hex(u32 v, u32 digits)
{
	while (digits--)
		line[length++] = "0123456789abcdef"[v >> (4 * digits) & 15];
}

static void end_line(void)
{
	line[length++] = '\n';
	syscall3(SYS_WRITE, 1, (u32)line, length);
	length = 0;
}

struct table {
	u16 limit;
	u32 base;
} __attribute__((packed));

static void show_table(const struct table *t)
{
	text("base ");
	hex(t->base, 8);
	text("/");
	hex(t->limit, 4);
	text(t->limit ? ", the host's" : ", a dummy");
}

static void try_sgdt(void)
{
	struct table t;

	asm volatile("sgdt %0" : "=m"(t));
	show_table(&t);
}

static void try_sidt(void)
{
	struct table t;

	asm volatile("sidt %0" : "=m"(t));
	show_table(&t);
}

static void show_word(const char *what, u32 v, const char *remark)
{
	text(what);
	hex(v & 0xffff, 4);
	text(remark);
}

static void try_sldt(void)
{
	u32 v = 0;

	asm volatile("sldt %0" : "=r"(v));
	show_word("LDT ", v, ": the host's");
}

static void try_str(void)
{
	u32 v = 0;

	asm volatile("str %0" : "=r"(v));
	show_word("task ", v, ": the host's");
}

static void try_smsw(void)
{
	u32 v = 0;

	asm volatile("smsw %0" : "=r"(v));
	text("CR0 ");
	hex(v, 8);
	text(": the host's");
}

static u32 flags(void)
{
	u32 f;

	asm volatile("pushf; pop %0" : "=r"(f));
	return f;
}

static void show_if(void)
{
	text(flags() & FLAG_IF ? "IF not cleared, no fault" : "IF cleared");
}

static void try_pushf(void)
{
	text("flags ");
	hex(flags(), 8);
	text(": the host's");
}

static void try_popf(void)
{
	asm volatile("pushf; andl %0, (%%esp); popf" : : "i"(~FLAG_IF) : "cc", "memory");
	show_if();
}

static void show_zf(u8 zf)
{
	text(zf ? "ZF 1: the host's segment" : "ZF 0: says there is none");
}

static void try_lar(void)
{
	u32 v;
	u8 zf;

	asm volatile("lar %2, %0; setz %1" : "=r"(v), "=q"(zf) : "r"(KERNEL_CODE));
	show_zf(zf);
}

static void try_lsl(void)
{
	u32 v;
	u8 zf;

	asm volatile("lsl %2, %0; setz %1" : "=r"(v), "=q"(zf) : "r"(KERNEL_CODE));
	show_zf(zf);
}

static void try_verr(void)
{
	u8 zf;

	asm volatile("verr %w1; setz %0" : "=q"(zf) : "r"(KERNEL_DATA));
	show_zf(zf);
}

static void try_verw(void)
{
	u8 zf;

	asm volatile("verw %w1; setz %0" : "=q"(zf) : "r"(KERNEL_DATA));
	show_zf(zf);
}

static void try_pop(void)
{
	asm volatile("push %%es; pushl %0; pop %%es; pop %%es" : : "i"(KERNEL_DATA));
	text("loaded the host's segment");
}

static void try_push(void)
{
	u32 v;

	asm volatile("push %%cs; pop %0" : "=r"(v));
	show_word("CS ", v, v & 3 ? ": shows ring 3" : ": ring 0");
}

static void try_mov(void)
{
	u32 v;

	asm volatile("mov %%ss, %0" : "=r"(v));
	show_word("SS ", v, v & 3 ? ": shows ring 3" : ": ring 0");
}

static void try_call(void)
{
	asm volatile("lcall %0, $1f; 1: add $8, %%esp" : : "i"(KERNEL_CODE) : "memory", "cc");
	text("went to the host's segment");
}

static void try_jmp(void)
{
	asm volatile("ljmp %0, $1f; 1:" : : "i"(KERNEL_CODE) : "memory");
	text("went to the host's segment");
}

static void try_int(void)
{
	text(syscall3(SYS_GETPID, 0, 0, 0) > 0 ? "int 80h: a host system call"
	                                       : "int 80h: nothing");
}

static void try_iret(void)
{
	asm volatile("pushf; andl %0, (%%esp); push %%cs; push $1f; iret; 1:"
	             :
	             : "i"(~FLAG_IF)
	             : "cc", "memory");
	show_if();
}

static const struct {
	const char *name;
	void (*run)(void);
} tries[] = {
	{"SGDT", try_sgdt},      {"SIDT", try_sidt},
	{"SLDT", try_sldt},      {"SMSW", try_smsw},
	{"PUSHF", try_pushf},    {"POPF", try_popf},
	{"LAR", try_lar},        {"LSL", try_lsl},
	{"VERR", try_verr},      {"VERW", try_verw},
	{"POP(seg)", try_pop},   {"PUSH(seg)", try_push},
	{"CALL(far)", try_call}, {"JMP(far)", try_jmp},
	{"INT n", try_int},      {"RET(far)/IRET", try_iret},
	{"STR", try_str},        {"MOV(seg)", try_mov},
};

static const char *signal_text(u32 s)
{
	switch (s) {
	case 4:
		return "fault: SIGILL";
	case 7:
		return "fault: SIGBUS";
	case 11:
		return "fault: SIGSEGV";
	default:
		return "killed";
	}
}

void _start(void)
{
	for (u32 i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		int pid = syscall3(SYS_FORK, 0, 0, 0);
		u32 status = 0;

		if (pid == 0) {
			text(tries[i].name);
			text(":");
			tries[i].run();
			end_line();
			syscall3(SYS_EXIT, 0, 0, 0);
		}
		if (pid < 0 || syscall3(SYS_WAITPID, (u32)pid, (u32)&status, 0) != pid)
			syscall3(SYS_EXIT, 1, 0, 0);
		if (status & 0x7f) {
			text(tries[i].name);
			text(":");
			text(signal_text(status & 0x7f));
			end_line();
		}
	}
	text("end:");
	end_line();
	syscall3(SYS_EXIT, 0, 0, 0);
}
