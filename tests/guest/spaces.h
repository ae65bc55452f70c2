/* Many address spaces (PROCESSES, with USER_PAGES each, for ROUNDS of random work), forked from each other with copy on write, as a Unix kernel does.
 * KERNEL_BASE: where the first 16 MiB of memory are for the kernel; USER_BASE: a
 * region of 64 MiB that belongs to the user. */
#include "rt/rt.h"

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

static u32 *entry(u32 dir, u32 a, bool make)
{
	u32 *d = P2V(dir);

	if (!(d[a >> 22] & PTE_P)) {
		if (!make)
			return NULL;
		u32 t = frame_alloc();

		memset(P2V(t), 0, 4096);
		d[a >> 22] = t | PTE_ALL;
	}
	return (u32 *)P2V(d[a >> 22] & ~0xfffu) + (a >> 12 & 1023);
}

static u32 kernel_dir; /* kernel half only */

static u32 dir_make(void)
{
	u32 d = frame_alloc();

	memcpy(P2V(d), P2V(kernel_dir), 4096);
	return d;
}

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
	struct process *p = process_free();

	if (!p)
		return NULL;
	u32 runs = from->runs, id = p->id;

	*p = *from;
	p->id = id + 1;
	p->runs = runs;
	p->dir = dir_make();
	for (u32 i = 0; i < USER_PAGES + STACK_PAGES; i++) {
		u32 a = page_address(i), *e = entry(from->dir, a, false);

		if (!e || !(*e & PTE_P))
			continue;
		*e = (*e & ~(u32)PTE_W) | PTE_COW;
		++*frame_count(*e & ~0xfffu);
		*entry(p->dir, a, true) = *e & ~(u32)(PTE_A | PTE_D);
	}
	forks++;
	return p;
}

static void process_exit(struct process *p)
{
	u32 *d = P2V(p->dir);

	write_cr3(kernel_dir);
	for (u32 i = USER_BASE >> 22; i < (USER_BASE >> 22) + 16; i++) {
		if (!(d[i] & PTE_P))
			continue;
		u32 *t = P2V(d[i] & ~0xfffu);

		for (u32 k = 0; k < 1024; k++)
			if (t[k] & PTE_P)
				frame_free(t[k] & ~0xfffu);
		/* Freed as it is: the next owner finds old entries in it. */
		frame_free(d[i] & ~0xfffu);
	}
	frame_free(p->dir);
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
	u32 a = read_cr2(), *e;

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
	u32 old = *e & ~0xfffu;

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
	expect("frames left over", frames_used, 1);
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
	expect("frames left over", frames_used, 1);
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
	expect("frames left over", frames_used, 1);
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
			((u32 *)P2V(dirs[i]))[1023] = ((u32 *)P2V(dirs[0]))[1023];
		else
			*entry(dirs[i], 0xfffff000, true) = last | PTE_P;
	}
	for (u32 i = 0; i < 20; i++) {
		write_cr3(dirs[i & 1]);
		for (u32 n = 0; n < 3; n++)
			expect("the space's own end", jump(), (i & 1) + 1);
	}
	write_cr3(kernel_dir);
	frame_free(((u32 *)P2V(dirs[0]))[1023] & ~0xfffu);
	frame_free(last);
	for (u32 i = 0; i < 2; i++) {
		frame_free(((u32 *)P2V(dirs[i]))[0] & ~0xfffu);
		frame_free(low[i]);
		frame_free(dirs[i]);
	}
	expect("frames left over", frames_used, 1);
}
#endif

static const struct test tests[] = {
	{"fork-and-run", "SDM vol. 3, 4.10", fork_and_run},
	{"fork-wait", "SDM vol. 3, 4.10", fork_wait},
	{"user-copies", "SDM vol. 3, 4.6", user_copies},
#if KERNEL_BASE
	{"over-the-top", "SDM vol. 3, 3.3.1, 4.10", over_the_top},
#endif
};

void guest_main(void)
{
	kernel_setup();
	RUN_TESTS(tests);
}
