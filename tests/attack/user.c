/* The init of an initramfs: processes of an unprivileged user do their worst to the VMM,
 * while it counts. */
typedef unsigned u32;

static long call6(long n, long a, long b, long c, long d, long e, long f)
{
	struct {
		long n, f;
	} in = {n, f};
	long r;
	__asm__ volatile("push %%ebp; mov 4(%1), %%ebp; mov (%1), %%eax; int $0x80; pop %%ebp"
	                 : "=a"(r)
	                 : "0"(&in), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
	                 : "memory");
	return r;
}
#define CALL(n, a, b, c) call6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
/* clang-format off */
enum { EXIT = 1, FORK = 2, WRITE = 4, WAITPID = 7, KILL = 37, FTRUNCATE = 93, NANOSLEEP = 162,
       MMAP2 = 192, SETUID = 213, MEMFD_CREATE = 356 };

static void say(const char *s)
{
	u32 n = 0;
	while (s[n])
		n++;
	CALL(WRITE, 1, s, n);
}
/* clang-format on */

static void nap(void)
{
	struct {
		long s, ns;
	} t = {0, 100000000};
	CALL(NANOSLEEP, &t, 0, 0);
}

static void flags(void)
{
	for (;;)
		__asm__ volatile("call 1f; jmp 2f; 1: .rept 40; pushf; pop %%eax; .endr; ret; 2:"
		                 :
		                 :
		                 : "eax", "memory");
}

/* So many mappings of a file of so many pages, each page touched; returns the first. */
static char *map(u32 count, u32 pages)
{
	int fd = (int)CALL(MEMFD_CREATE, "x", 0, 0);
	CALL(FTRUNCATE, fd, pages * 4096, 0);
	char *first = 0;
	for (u32 n = 0; n < count; n++) {
		/* Upwards, and with a hole between two. */
		long at = call6(MMAP2, 0x10000000 + n * 4096 * (pages + 1), (long)pages * 4096, 7,
		                0x11, fd, 0);
		if (at < 0 && at > -4096)
			break;
		if (!first)
			first = (char *)at;
		for (u32 i = 0; i < pages; i++)
			((volatile char *)at)[i * 4096] = (char)0xc3; /* RET */
	}
	return first;
}

static void aliases_executed(void)
{
	char *code = map(62000, 3) + 4096;
	__asm__ volatile("call *%0" : : "r"(code) : "memory");
}

static void aliases_dropped(void)
{
	map(55000, 1);
}

static void attack(const char *name, void (*fn)(void), int ends)
{
	long child = CALL(FORK, 0, 0, 0);
	if (!child) {
		CALL(SETUID, 65534, 0, 0);
		fn();
		CALL(EXIT, 0, 0, 0);
	}
	say(name);
	for (u32 i = 0; !ends && i < 20; i++)
		nap();
	if (!ends)
		CALL(KILL, child, 9, 0);
	CALL(WAITPID, child, 0, 0);
	say("over\n");
}

void _start(void)
{
	attack("flags\n", flags, 0);
	attack("aliases executed\n", aliases_executed, 1);
	attack("aliases dropped\n", aliases_dropped, 1);
	attack("flags again\n", flags, 0);
	say("all is well\n");
	flags();
}
