/* Many address spaces (PROCESSES, with USER_PAGES each, for ROUNDS of random work), forked from each other with copy on write, as a Unix kernel does.
 * KERNEL_BASE: where the first 16 MiB of memory are for the kernel; USER_BASE: a
 * region of 64 MiB that belongs to the user.  SELF_MAP, if defined: where each space
 * sees its own tables, by entries that point at its own page directories.  PAE: three levels. */
#include "rt/rt.h"

#ifdef PAE
typedef u64 pte_t;
enum { DIRS = 4, DIR_SHIFT = 21 };
#else
typedef u32 pte_t;
enum { DIRS = 1, DIR_SHIFT = 22 };
#endif
enum { FRAMES_KERNEL = DIRS == 1 ? 1 : 1 + DIRS }; /* those of kernel_dir */
enum { TABLE_ENTRIES = 4096 / sizeof(pte_t) };

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 32, PTE_D = 64, PTE_COW = 0x200, PTE_ALL = 7 };
enum {
	FRAMES_FROM = 0x400000,
	FRAMES = 0xb00, /* 4 MiB to 15 MiB */
	STACK_PAGES = 4
};

#define P2V(a) ((void *)((a) + KERNEL_BASE))
#define V2P(p) ((u32)(p)-KERNEL_BASE)
#define USER_STACK (USER_BASE + 0x3c00000) /* its top; in another table than the rest */

static u8 frame_users[FRAMES];
static u32 frames_used, frames_most, cow_faults, forks, exits, first_touches;

static u32 frame_alloc(void)
{
	static u32 next;

	/* All over memory, so that neighbours seldom make a run.  1237 shares no factor with FRAMES. */
	for (u32 i = 0; i < FRAMES; i++) {
		next = (next + 1237) % FRAMES;
		if (!frame_users[next]) {
			frame_users[next] = 1;
			if (++frames_used > frames_most)
				frames_most = frames_used;
			return FRAMES_FROM + next * 4096;
		}
	}
	panic("out of memory");
}

static u8 *frame_count(u32 a)
{
	return &frame_users[(a - FRAMES_FROM) >> 12];
}

static void frame_free(u32 a)
{
	if (!--*frame_count(a))
		frames_used--;
}

static struct process {
	u32 dir; /* 0: free */
	u32 id, runs;
	u32 words[USER_PAGES + STACK_PAGES]; /* what each page must hold; 0: never touched */
} processes[PROCESSES];
static struct process *current;

static u32 page_address(u32 page)
{
	return page < USER_PAGES ? USER_BASE + page * 4096
	                         : USER_STACK - (page - USER_PAGES + 1) * 4096;
}

/* A space is what goes into CR3: a page directory, or with PAE the page of pointers to four. */
static u32 directory(u32 dir, u32 which)
{
	return DIRS == 1 ? dir : *((u32 *)P2V(dir) + 2 * which) & ~0xfffu;
}

/* The directory's entry, where the kernel sees all memory. */
static pte_t *dir_entry(u32 dir, u32 a)
{
	pte_t *d = P2V(directory(dir, DIRS == 1 ? 0 : a >> 30));

	return d + (a >> DIR_SHIFT) % TABLE_ENTRIES;
}

#ifdef SELF_MAP
/* Where the loaded space sees the entry of a page; the directory's entry is that of its table. */
static pte_t *self_entry(u32 a)
{
	return (pte_t *)SELF_MAP + (a >> 12);
}
#endif

/* Its tables are at hand: through the space itself they are only while it is loaded. */
static void attach(u32 dir)
{
#ifdef SELF_MAP
	if (read_cr3() != dir)
		write_cr3(dir);
#endif
}

static pte_t *entry(u32 dir, u32 a, bool make)
{
	attach(dir);
#ifdef SELF_MAP
	pte_t *d = self_entry((u32)self_entry(a));
#else
	pte_t *d = dir_entry(dir, a);
#endif
	if (!(*d & PTE_P)) {
		if (!make)
			return NULL;
		u32 t = frame_alloc();

		memset(P2V(t), 0, 4096);
		*d = t | PTE_ALL;
	}
#ifdef SELF_MAP
	return self_entry(a);
#else
	return (pte_t *)P2V((u32)*d & ~0xfffu) + (a >> 12) % TABLE_ENTRIES;
#endif
}

static u32 kernel_dir; /* kernel half only */

static u32 dir_make(void)
{
	u32 dir = frame_alloc(), d[DIRS];

	for (u32 i = 0; i < DIRS; i++) {
		d[i] = DIRS == 1 ? dir : frame_alloc();
		if (kernel_dir)
			memcpy(P2V(d[i]), P2V(directory(kernel_dir, i)), 4096);
		else
			memset(P2V(d[i]), 0, 4096);
		if (DIRS > 1) {
			u64 pointer = d[i] | PTE_P;

			memcpy((u8 *)P2V(dir) + 8 * i, &pointer, 8);
		}
	}
#ifdef SELF_MAP
	for (u32 i = 0; i < DIRS; i++)
		*dir_entry(dir, SELF_MAP + (i << DIR_SHIFT)) = d[i] | PTE_P | PTE_W;
#endif
	return dir;
}

static void dir_free(u32 dir)
{
	for (u32 i = 0; DIRS > 1 && i < DIRS; i++)
		frame_free(directory(dir, i));
	frame_free(dir);
}

#if KERNEL_BASE
/* 4 KiB pages for the kernel, in tables that all spaces share; nothing below. */
static void kernel_map(void)
{
	static pte_t tables[(16 << 20) / 4096] __attribute__((aligned(4096)));

	kernel_dir = dir_make();
	for (u32 i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		tables[i] = i << 12 | PTE_P | PTE_W;
	for (u32 a = 0; a < 16 << 20; a += 1 << DIR_SHIFT)
		*dir_entry(kernel_dir, KERNEL_BASE + a) = V2P(tables + (a >> 12)) | PTE_P | PTE_W;
#ifdef PAE
	/* Paging is off for a moment, below: this code is where the first 2 MiB show themselves. */
	extern void high_pae(u32 dir);

	*dir_entry(kernel_dir, 0) = PTE_P | PTE_W | 0x80;
	high_pae(kernel_dir);
	*dir_entry(kernel_dir, 0) = 0;
#endif
	write_cr3(kernel_dir);
}
#endif

static struct process *process_free(void)
{
	for (u32 i = 0; i < PROCESSES; i++)
		if (!processes[i].dir)
			return &processes[i];
	return NULL;
}

/* Both get every page read-only; the first that writes copies. */
static struct process *fork(struct process *from)
{
	static pte_t copied[USER_PAGES + STACK_PAGES];
	struct process *p = process_free();

	if (!p)
		return NULL;
	u32 runs = from->runs, id = p->id;

	*p = *from;
	p->id = id + 1;
	p->runs = runs;
	p->dir = dir_make();
	for (u32 i = 0; i < USER_PAGES + STACK_PAGES; i++) {
		pte_t *e = entry(from->dir, page_address(i), false);

		copied[i] = 0;
		if (!e || !(*e & PTE_P))
			continue;
		*e = (*e & ~(pte_t)PTE_W) | PTE_COW;
		++*frame_count((u32)*e & ~0xfffu);
		copied[i] = *e & ~(pte_t)(PTE_A | PTE_D);
	}
	for (u32 i = 0; i < USER_PAGES + STACK_PAGES; i++)
		if (copied[i])
			*entry(p->dir, page_address(i), true) = copied[i];
	forks++;
	return p;
}

static void process_exit(struct process *p)
{
	write_cr3(kernel_dir);
	for (u32 i = 0; i < USER_PAGES + STACK_PAGES; i++) {
		pte_t *e = entry(p->dir, page_address(i), false);

		if (e && *e & PTE_P)
			frame_free((u32)*e & ~0xfffu);
	}
	write_cr3(kernel_dir);
	for (u32 a = USER_BASE; a < USER_BASE + (64 << 20); a += 1 << DIR_SHIFT) {
		u32 d = (u32)*dir_entry(p->dir, a);

		/* Freed as it is: the next owner finds old entries in it. */
		if (d & PTE_P)
			frame_free(d & ~0xfffu);
	}
	dir_free(p->dir);
	p->dir = 0;
	exits++;
}

/* --- what the user runs: for each page, add EDX to its word at EBX, verify as it goes --- */

/* ESI = number of pages from EBX on, stride 4096; EDX is added to the first word of each.
 * Then some work on the stack. */
CODE(user_work, "1: add [ebx], edx\n"
                "mov eax, [ebx]\n mov [ebx+0xffc], eax\n"
                "add ebx, 4096\n dec esi\n jnz 1b\n"
                "mov ecx, 50\n 2: push ecx\n call 3f\n pop ecx\n loop 2b\n"
                "jmp 4f\n 3: add ebp, ecx\n ret\n 4: int 0x80");

static bool on_trap(struct frame *f)
{
	if (f->vector != V_PF)
		return false;
	u32 a = read_cr2();
	pte_t *e;

	/* Only the user's region is ours to repair; the kernel's own stores to it come here too. */
	if (a < USER_BASE || a >= USER_STACK)
		return false;
	e = entry(current->dir, a, true);
	if (!(*e & PTE_P)) {
		u32 n = frame_alloc();

		memset(P2V(n), 0, 4096);
		*e = n | PTE_ALL; /* was absent: no flush is needed */
		first_touches++;
		return true;
	}
	if (!(f->error & 2) || !(*e & PTE_COW))
		return false;
	u32 old = (u32)*e & ~0xfffu;

	cow_faults++;
	if (*frame_count(old) == 1) {
		*e = old | PTE_ALL;
	} else {
		u32 n = frame_alloc();

		memcpy(P2V(n), P2V(old), 4096);
		*e = n | PTE_ALL;
		frame_free(old);
	}
	invlpg((void *)a);
	return true;
}

/* The code is copied to the user's last data page: it is shared, and read-only by fork. */
static void user_run(struct process *p, u32 first, u32 count, u32 add)
{
	struct state s = at_cpl(3, (void *)(USER_BASE + (USER_PAGES - 1) * 4096));

	current = p;
	write_cr3(p->dir);
	s.ebx = USER_BASE + first * 4096;
	s.esi = count;
	s.edx = add;
	s.ebp = 0;
	s.esp = USER_STACK - 16;
	cpu_run(&s);
	if (s.vector != V_SYSCALL || s.ebp != 50 * 51 / 2 || s.esp != USER_STACK - 16) {
		fail("user: vector %u error %h at %x cr2 %x ebp %u esp %x", s.vector, s.error,
		     s.eip, s.cr2, s.ebp, s.esp);
		return;
	}
	for (u32 i = 0; i < count; i++)
		p->words[first + i] += add;
	p->words[USER_PAGES] = 1;
	p->runs++;
}

static void verify(struct process *p)
{
	current = p;
	write_cr3(p->dir);
	for (u32 i = 0; i < USER_PAGES - 1; i++) {
		volatile u32 *w = (volatile u32 *)page_address(i);

		if (!p->words[i])
			continue;
		if (w[0] != p->words[i] || w[1023] != p->words[i])
			fail("process %u page %u holds %x and %x, not %x", p->id, i, w[0], w[1023],
			     p->words[i]);
	}
}

static u32 random_state = 12345;
static u32 random(u32 n)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % n;
}

static void start_first(void)
{
	struct process *p = &processes[0];

	p->id = 1;
	p->dir = dir_make();
	u32 a = USER_BASE + (USER_PAGES - 1) * 4096, n = frame_alloc();

	memcpy(P2V(n), user_work, (u32)(user_work_end - user_work));
	*entry(p->dir, a, true) = n | PTE_P | PTE_U;
}

static void fork_and_run(void)
{
	trap_hook = on_trap;
	start_first();
	user_run(&processes[0], 0, 8, 7);
	for (u32 round = 0; round < ROUNDS; round++) {
		struct process *p;

		do
			p = &processes[random(PROCESSES)];
		while (!p->dir);
		switch (random(8)) {
		case 0:
		case 1: {
			struct process *child = fork(p);

			if (child)
				user_run(child, random(8), 1 + random(8), 1 + random(1000));
			break;
		}
		case 2:
			if (p != &processes[0])
				process_exit(p);
			break;
		case 3:
			verify(p);
			break;
		default: {
			u32 first = random(USER_PAGES - 2);

			user_run(p, first, 1 + random(USER_PAGES - 2 - first), 1 + random(1000));
		}
		}
	}
	for (u32 i = 0; i < PROCESSES; i++)
		if (processes[i].dir)
			verify(&processes[i]);
	for (u32 i = 0; i < PROCESSES; i++)
		if (processes[i].dir)
			process_exit(&processes[i]);
	expect("frames left over", frames_used, FRAMES_KERNEL);
	print("%u forks, %u exits, %u copies, %u first touches, %u frames at most\n", forks, exits,
	      cow_faults, first_touches, frames_most);
	if (forks < 30 || cow_faults < 100)
		fail("too little was done");
}

/* The pattern of a shell: fork, the child writes a little, exits; over and over. */
static void fork_wait(void)
{
	trap_hook = on_trap;
	memset(processes, 0, sizeof(processes));
	start_first();
	struct process *parent = &processes[0];

	user_run(parent, 0, USER_PAGES - 1, 3);
	for (u32 i = 0; i < 200; i++) {
		struct process *child = fork(parent);

		user_run(parent, 0, 3, 1);
		user_run(child, 2, 4, 100 + i);
		verify(child);
		process_exit(child);
		user_run(parent, 5, 2, 2);
	}
	verify(parent);
	process_exit(parent);
	expect("frames left over", frames_used, FRAMES_KERNEL);
}

/* The kernel reads and writes the user's pages of whichever space is current. */
static void user_copies(void)
{
	trap_hook = on_trap;
	memset(processes, 0, sizeof(processes));
	start_first();
	struct process *a = &processes[0], *b;

	user_run(a, 0, 10, 5);
	b = fork(a);
	for (u32 i = 0; i < 300; i++) {
		struct process *p = i & 1 ? a : b;
		u32 page = i % 10;
		volatile u32 *w = (volatile u32 *)page_address(page);

		current = p;
		write_cr3(p->dir);
		w[0] = w[1023] = p->words[page] = 0x10000 + i;
		memcpy(P2V(V2P(scratch)), (void *)w, 4096);
		expect("copied to the kernel", *(u32 *)scratch, 0x10000 + i);
		if (i % 10 == 9) {
			verify(a);
			verify(b);
		}
	}
	process_exit(a);
	process_exit(b);
	expect("frames left over", frames_used, FRAMES_KERNEL);
}

#if KERNEL_BASE
/* mov eax, n; ret */
static void put_return(u32 a, u8 n)
{
	memcpy(P2V(a), (u8[]){0xb8, n, 0, 0, 0, 0xc3}, 6);
}

/* The kernel's last instruction, a jump, has its end in page 0, which is each space's own. */
static void over_the_top(void)
{
	enum { RETURNS = 0x800000, AT = 4093 };
	u32 last = frame_alloc(), dirs[2], low[2], back = RETURNS + KERNEL_BASE - 2;
	u32 (*jump)(void) = (void *)(0xfffff000 + AT);

	memcpy(P2V(last + AT), (u8[]){0xe9, (u8)back, (u8)(back >> 8)}, 3);
	for (u32 i = 0; i < 2; i++) {
		u16 high = (u16)((back >> 16) + i);

		put_return(RETURNS + (i << 16), (u8)(i + 1));
		dirs[i] = dir_make();
		low[i] = frame_alloc();
		memcpy(P2V(low[i]), &high, 2);
		*entry(dirs[i], 0, true) = low[i] | PTE_P;
		if (i)
			*dir_entry(dirs[i], ~0u) = *dir_entry(dirs[0], ~0u);
		else
			*entry(dirs[i], 0xfffff000, true) = last | PTE_P;
	}
	for (u32 i = 0; i < 20; i++) {
		write_cr3(dirs[i & 1]);
		for (u32 n = 0; n < 3; n++)
			expect("the space's own end", jump(), (i & 1) + 1);
	}
	write_cr3(kernel_dir);
	frame_free((u32)*dir_entry(dirs[0], ~0u) & ~0xfffu);
	frame_free(last);
	for (u32 i = 0; i < 2; i++) {
		frame_free((u32)*dir_entry(dirs[i], 0) & ~0xfffu);
		frame_free(low[i]);
		dir_free(dirs[i]);
	}
	expect("frames left over", frames_used, FRAMES_KERNEL);
}
#endif

#ifdef SELF_MAP
CODE(user_read, "mov eax, [ebx]");

/* What each space sees of itself, and who may. */
static void own_tables(void)
{
	u32 a = USER_BASE + 0x2000, absent = USER_BASE + (63 << 20);
	volatile pte_t *e = self_entry(a), *d = self_entry((u32)e);
	struct process *p[2] = {&processes[0], &processes[1]};

	trap_hook = on_trap;
	memset(processes, 0, sizeof(processes));
	start_first();
	user_run(p[0], 0, USER_PAGES - 1, 3);
	fork(p[0]);
	user_run(p[1], 0, USER_PAGES - 1, 4);
	for (u32 i = 0; i < 100; i++) {
		u32 dir = p[i & 1]->dir;

		write_cr3(dir);
		expect("the directory's entry", (u32)*d, (u32)*dir_entry(dir, a));
		expect("the page's entry", (u32)*e,
		       ((u32 *)P2V((u32)*d &
		                   ~0xfffu))[((a >> 12) % TABLE_ENTRIES) * sizeof(pte_t) / 4]);
		expect("its page", *(u32 *)P2V((u32)*e & ~0xfffu), *(volatile u32 *)a);
		/* Its page becomes another one and comes back; and its table, by its own entry. */
		pte_t old = *e, table = *d;
		u32 other = frame_alloc();

		*(u32 *)P2V(other) = ~i;
		*e = other | PTE_ALL;
		invlpg((void *)a);
		expect("another page", *(volatile u32 *)a, ~i);
		*e = old;
		memset(P2V(other), 0, 4096);
		*d = other | PTE_ALL;
		write_cr3(dir);
		expect("another table", (u32)*e, 0);
		*e = old;
		expect("its only page", *(volatile u32 *)a, *(u32 *)P2V((u32)old & ~0xfffu));
		*d = table;
		write_cr3(dir);
		expect("its old table", (u32)e[1],
		       ((u32 *)P2V((u32)table &
		                   ~0xfffu))[((a >> 12) % TABLE_ENTRIES + 1) * sizeof(pte_t) / 4]);
		frame_free(other);
	}
	/* Faults: no table, and no right. */
	struct state s = at_cpl(0, user_read);

	trap_hook = NULL;
	s.ebx = (u32)self_entry(absent);
	expect_trap("no table", &s, V_PF, 0, user_read);
	expect("cr2", s.cr2, (u32)self_entry(absent));
	trap_hook = on_trap;
	memcpy(P2V((u32)*self_entry(USER_BASE + (USER_PAGES - 1) * 4096) & ~0xfffu) + 2048,
	       user_read, (u32)(user_read_end - user_read) + 2);
	s = at_cpl(3, (void *)(USER_BASE + (USER_PAGES - 1) * 4096 + 2048));
	s.ebx = (u32)e;
	cpu_run(&s);
	expect("the user", s.vector, V_PF);
	expect("its error", s.error, 5);
	expect("its cr2", s.cr2, (u32)e);
	process_exit(p[0]);
	process_exit(p[1]);
	expect("frames left over", frames_used, FRAMES_KERNEL);
}

/* Entries that are code: mov eax, i; ret.  None is present. */
static void tables_run(void)
{
	u32 a = USER_BASE + (8 << 20), dirs[2];
	u32 (*run)(void) = (void *)self_entry(a);

	trap_hook = NULL;
	for (u32 i = 0; i < 2; i++) {
		dirs[i] = dir_make();
		pte_t *e = entry(dirs[i], a, true);

		memcpy(e, (u8[]){0xb8, (u8)(4 + 2 * i), 0, 0, 0, 0xc3}, 6);
	}
	for (u32 i = 0; i < 40; i++) {
		write_cr3(dirs[i & 1]);
		for (u32 n = 0; n < 3; n++)
			expect("the table's code", run(), 4 + 2 * (i & 1));
		if (i == 20)
			((u8 *)run)[1] = 4 + 2 * (i & 1);
	}
	write_cr3(kernel_dir);
	for (u32 i = 0; i < 2; i++) {
		frame_free((u32)*dir_entry(dirs[i], a) & ~0xfffu);
		dir_free(dirs[i]);
	}
	expect("frames left over", frames_used, FRAMES_KERNEL);
}
#endif

static const struct test tests[] = {
	{"fork-and-run", "SDM vol. 3, 4.10", fork_and_run},
	{"fork-wait", "SDM vol. 3, 4.10", fork_wait},
	{"user-copies", "SDM vol. 3, 4.6", user_copies},
#if KERNEL_BASE
	{"over-the-top", "SDM vol. 3, 3.3.1, 4.10", over_the_top},
#endif
#ifdef SELF_MAP
	{"own-tables", "SDM vol. 3, 4.3, 4.6", own_tables},
	{"tables-run", "SDM vol. 3, 4.3, 4.10", tables_run},
#endif
};

/* For bench/split.sh: what a fork with its exit costs, and a switch to another process. */
static void bench(void)
{
	enum { FORKS = 500, SWITCHES = 10000, ALIVE = 8 };
	struct process *parent = &processes[0];

	trap_hook = on_trap;
	start_first();
	user_run(parent, 0, USER_PAGES - 1, 3);
	for (u32 warm = 0; warm < 2; warm++) {
		u64 from = rdtsc();

		for (u32 i = 0; i < FORKS; i++) {
			struct process *child = fork(parent);

			user_run(parent, 0, 3, 1);
			user_run(child, 2, 4, 100 + i);
			process_exit(child);
		}
		if (warm)
			print("BENCH fork %u\n", (u32)((rdtsc() - from) >> 6) / FORKS << 6);
	}
	for (u32 i = 1; i < ALIVE; i++)
		user_run(fork(parent), 0, 8, i);
	for (u32 warm = 0; warm < 2; warm++) {
		u64 from = rdtsc();

		for (u32 i = 0; i < SWITCHES; i++)
			user_run(&processes[i % ALIVE], i % 5, 2, 1);
		if (warm)
			print("BENCH switch %u\n", (u32)((rdtsc() - from) >> 6) / SWITCHES << 6);
	}
	for (u32 i = 0; i < ALIVE; i++)
		verify(&processes[i]);
}

void guest_main(void)
{
	kernel_setup();
	/* The name of the kernel comes first. */
	for (const char *p = cmdline; *p; p++)
		if (memcmp(p, " bench", 7) == 0) {
			static const struct test timed[] = {{"bench", "bench/split.sh", bench}};

			RUN_TESTS(timed);
			finish();
		}
	RUN_TESTS(tests);
}
