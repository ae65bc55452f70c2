#define _GNU_SOURCE
#include "host/fence.h"

#include "base/log.h"
#include "host/loss.h"
#include "host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- what each kind of process may call --- */

enum { GRANTS = 32, TESTS = 5, PROGRAM = 1024 };

enum op {
	OP_NONE,
	OP_BITS,    /* (argument & mask) == value */
	OP_AT_MOST, /* value */
	OP_SELF,    /* this process */
	OP_A,
	OP_B,      /* the grant's */
	OP_WITHIN, /* [a, b) of the grant */
};

struct test {
	enum op op;
	unsigned arg;
	uint64_t value, mask;
};
/* clang-format off */
#define IS(arg, value) {OP_BITS, arg, value, ~0ull}
#define NO_BITS_BUT(arg, bits) {OP_BITS, arg, 0, ~(uint64_t)(bits)}
#define AT_MOST(arg, value) {OP_AT_MOST, arg, value, 0}
#define WORKING_FOLDER(arg) {OP_BITS, arg, (uint32_t)AT_FDCWD, UINT32_MAX}
#define SELF(arg) {OP_SELF, arg, 0, 0}
#define A(arg) {OP_A, arg, 0, 0}
#define B(arg) {OP_B, arg, 0, 0}
#define WITHIN(arg) {OP_WITHIN, arg, 0, 0}
/* clang-format on */

/* Permits the call when all tests hold; once for each grant, if it needs one. */
struct row {
	int call;
	enum fence_grant needs;
	struct test tests[TESTS];
};

#define DATA (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

/* The frequent ones first. */
static const struct row vcpu[] = {
	{SYS_mmap,
         GRANT_WINDOWS,
         {WITHIN(0), AT_MOST(1, 1ull << 32), NO_BITS_BUT(2, DATA), IS(3, MAP_SHARED | MAP_FIXED)}},
	{SYS_mmap, 0, {NO_BITS_BUT(2, DATA), {OP_BITS, 3, ANONYMOUS, ~(uint64_t)MAP_NORESERVE}}},
	{SYS_mprotect, 0, {NO_BITS_BUT(2, DATA)}},
	{SYS_ioctl, GRANT_WP, {A(0), IS(1, UFFDIO_WRITEPROTECT)}},
	{SYS_ioctl, GRANT_WP, {A(0), IS(1, UFFDIO_REGISTER)}},
	{SYS_munmap, 0, {}},
	{SYS_rt_sigreturn, 0, {}},
	{SYS_rt_sigprocmask, 0, {}},
	{SYS_rt_sigtimedwait, 0, {}},
	{SYS_timer_settime, 0, {}},
	{SYS_clock_gettime, 0, {}},
	{SYS_read, 0, {}},
	{SYS_write, 0, {}},
	{SYS_poll, 0, {}},
	{SYS_ppoll, 0, {}},
	{SYS_restart_syscall, 0, {}},
	/* The terminal.  Not TIOCSTI. */
	{SYS_ioctl, 0, {IS(1, TCGETS)}},
	{SYS_ioctl, 0, {IS(0, STDIN_FILENO), IS(1, TCSETS)}},
	{SYS_ioctl, 0, {IS(0, STDIN_FILENO), IS(1, TIOCGPGRP)}},
	{SYS_ioctl, 0, {IS(0, STDIN_FILENO), IS(1, TIOCGWINSZ)}},
	{SYS_getpgrp, 0, {}},
	/* Debuggers and serial lines that come and go. */
	{SYS_accept4, GRANT_LISTENER, {A(0)}},
	{SYS_setsockopt, GRANT_LISTENER, {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)}},
	{SYS_recvfrom, GRANT_LISTENER, {IS(4, 0)}},
	{SYS_sendto, GRANT_LISTENER, {IS(4, 0)}},
	{SYS_recvfrom, GRANT_SOCKET, {A(0), IS(4, 0)}},
	{SYS_sendto, GRANT_SOCKET, {A(0), IS(4, 0)}},
	/* Callers that the front hands over, and the files that they name. */
	{SYS_recvmsg, GRANT_FILES, {IS(2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)}},
	{SYS_sendto, GRANT_FILES, {IS(4, 0)}},
	{SYS_fstat, GRANT_FILES, {}},
	{SYS_lseek, GRANT_FILES, {}},
	{SYS_ftruncate, GRANT_FILES, {}},
	{SYS_fcntl, GRANT_FILES, {IS(1, F_OFD_GETLK)}},
	{SYS_timerfd_settime, GRANT_ALARM, {A(0), IS(1, 0)}},
	{SYS_close, 0, {}},
	/* libc: malloc, abort, exit */
	{SYS_brk, 0, {}},
	{SYS_mremap, 0, {IS(3, MREMAP_MAYMOVE)}},
	{SYS_writev, 0, {}},
	{SYS_rt_sigaction, 0, {}},
	{SYS_getpid, 0, {}},
	{SYS_gettid, 0, {}},
	{SYS_tgkill, 0, {SELF(0)}},
	{SYS_timer_delete, 0, {}},
	{SYS_kill, GRANT_CHILD, {A(0), IS(1, SIGKILL)}},
	{SYS_wait4, GRANT_CHILD, {A(0)}},
	{SYS_exit_group, 0, {}},
	/* Outputs; --dump-cache, --verify; qsort asks how much memory there is. */
	{SYS_lseek, GRANT_OUTPUT, {A(0)}},
	{SYS_ftruncate, GRANT_OUTPUT, {A(0)}},
	{SYS_pread64, GRANT_BOOKS, {A(0)}},
	{SYS_sysinfo, GRANT_BOOKS, {}},
	/* Drives. */
	{SYS_pread64, GRANT_MEDIUM, {A(0)}},
	{SYS_pwrite64, GRANT_MEDIUM, {A(0)}},
	{SYS_fdatasync, GRANT_MEDIUM, {A(0)}},
	{SYS_preadv2, GRANT_MEDIUM, {A(0), IS(5, RWF_NOWAIT)}},
	{SYS_sendto, GRANT_SERVED, {A(0), IS(4, 0)}},
	{SYS_recvfrom, GRANT_SERVED, {A(0), IS(4, 0)}},
	{SYS_futex, 0, {IS(1, FUTEX_WAKE)}},
	{SYS_futex, 0, {IS(1, FUTEX_WAIT)}},
	{SYS_dup3, GRANT_MEDIUM, {A(1), IS(2, O_CLOEXEC)}},
	{SYS_fcntl, GRANT_MEDIUM, {IS(1, F_OFD_SETLK)}},
	{SYS_fstat, GRANT_MEDIUM, {}},
	{-1, 0, {}},
};

static const struct row watcher[] = {
	{SYS_poll, 0, {}},
	{SYS_read, 0, {}},
	{SYS_tgkill, GRANT_OWNER, {A(0), B(1), IS(2, HOST_SIGNAL_FILES)}},
	{SYS_restart_syscall, 0, {}},
	{SYS_exit_group, 0, {}},
	{-1, 0, {}},
};

static const struct row disks[] = {
	{SYS_pread64, GRANT_MEDIUM, {A(0)}},
	{SYS_fdatasync, GRANT_MEDIUM, {A(0)}},
	{SYS_sendto, GRANT_SERVED, {A(0), IS(4, 0)}},
	{SYS_recvfrom, GRANT_SERVED, {A(0), IS(4, 0)}},
	{SYS_futex, 0, {IS(1, FUTEX_WAIT)}},
	{SYS_futex, 0, {IS(1, FUTEX_WAKE)}},
	{SYS_tgkill, GRANT_OWNER, {A(0), B(1), IS(2, HOST_SIGNAL_FILES)}},
	{SYS_restart_syscall, 0, {}},
	{SYS_exit_group, 0, {}},
	{-1, 0, {}},
};

static const struct row broker[] = {
	{SYS_recvmsg, 0, {}},
	{SYS_sendmsg, 0, {}},
	{SYS_newfstatat, GRANT_FOLDER, {A(0)}},
	{SYS_unlinkat, GRANT_FOLDER, {A(0), IS(2, 0)}},
	{SYS_exit_group, 0, {}},
	{-1, 0, {}},
};

#define NAMED(how) IS(2, (how) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* It opens files and makes them, and does nothing else to a name. */
static const struct row front[] = {
	{SYS_poll, 0, {}},
	{SYS_recvmsg, 0, {IS(2, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)}},
	{SYS_sendmsg, 0, {IS(2, MSG_DONTWAIT | MSG_NOSIGNAL)}},
	{SYS_recvfrom, 0, {IS(4, 0)}},
	{SYS_sendto, 0, {IS(4, 0)}},
	{SYS_newfstatat, 0, {WORKING_FOLDER(0), IS(3, 0)}},
	{SYS_fstat, 0, {}}, /* of what it has open */
	{SYS_openat, 0, {WORKING_FOLDER(0), NAMED(O_RDONLY)}},
	{SYS_openat, 0, {WORKING_FOLDER(0), NAMED(O_RDWR)}},
	{SYS_openat, 0, {WORKING_FOLDER(0), NAMED(O_WRONLY | O_CREAT)}},
	{SYS_accept4, GRANT_LISTENER, {A(0)}},
	{SYS_socketpair, 0, {IS(0, AF_UNIX), IS(1, SOCK_STREAM | SOCK_CLOEXEC)}},
	{SYS_shutdown, 0, {IS(1, SHUT_WR)}},
	{SYS_close, 0, {}},
	{SYS_restart_syscall, 0, {}},
	/* libc: malloc */
	{SYS_brk, 0, {}},
	{SYS_mmap, 0, {NO_BITS_BUT(2, DATA), {OP_BITS, 3, ANONYMOUS, ~(uint64_t)MAP_NORESERVE}}},
	{SYS_munmap, 0, {}},
	{SYS_mremap, 0, {IS(3, MREMAP_MAYMOVE)}},
	{SYS_exit_group, 0, {}},
	{-1, 0, {}},
};

/* clang-format off */
/* What serves a client of the screen: libvncserver, by its socket and its channel alone. */
#define CLIENT_ROWS \
	{SYS_poll, 0, {}}, \
	{SYS_select, 0, {}}, \
	{SYS_pselect6, 0, {}}, \
	{SYS_read, 0, {}}, \
	{SYS_write, 0, {}}, \
	{SYS_recvfrom, 0, {IS(4, 0)}}, \
	{SYS_sendto, 0, {IS(4, 0)}}, \
	{SYS_getpeername, 0, {}}, \
	{SYS_setsockopt, 0, {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)}}, \
	{SYS_fcntl, 0, {IS(1, F_GETFL)}}, \
	{SYS_fcntl, 0, {IS(1, F_SETFL)}}, \
	{SYS_shutdown, 0, {IS(1, SHUT_RDWR)}}, \
	{SYS_close, 0, {}}, \
	{SYS_clock_gettime, 0, {}}, \
	{SYS_gettimeofday, 0, {}}, \
	{SYS_getrandom, 0, {}}, \
	{SYS_uname, 0, {}}, \
	{SYS_brk, 0, {}}, \
	{SYS_mmap, 0, {NO_BITS_BUT(2, DATA), {OP_BITS, 3, ANONYMOUS, ~(uint64_t)MAP_NORESERVE}}}, \
	{SYS_munmap, 0, {}}, \
	{SYS_mremap, 0, {IS(3, MREMAP_MAYMOVE)}}, \
	{SYS_futex, 0, {IS(1, FUTEX_WAIT_PRIVATE)}}, \
	{SYS_futex, 0, {IS(1, FUTEX_WAKE_PRIVATE)}}, \
	{SYS_rt_sigaction, 0, {}}, \
	{SYS_rt_sigprocmask, 0, {}}, \
	{SYS_getpid, 0, {}}, \
	{SYS_gettid, 0, {}}, \
	{SYS_restart_syscall, 0, {}}, \
	{SYS_exit_group, 0, {}}
/* clang-format on */

static const struct row client[] = {CLIENT_ROWS, {-1, 0, {}}};

/* A filter holds for those that are forked behind it, too: so it permits what they do, and that
 * theirs is narrower. */
static const struct row clients[] = {
	{SYS_epoll_wait, 0, {}},
	{SYS_epoll_ctl, 0, {}},
	{SYS_accept4, GRANT_LISTENER, {A(0)}},
	{SYS_socketpair, 0, {IS(0, AF_UNIX), IS(1, SOCK_SEQPACKET | SOCK_CLOEXEC)}},
	{SYS_socketpair, 0, {IS(0, AF_UNIX), IS(1, SOCK_STREAM | SOCK_CLOEXEC)}},
	{SYS_clone, 0, {IS(0, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)}},
	{SYS_shutdown, 0, {IS(1, SHUT_WR)}},
	{SYS_set_robust_list, 0, {}},
	{SYS_rseq, 0, {}},
	{SYS_close_range, 0, {}},
	{SYS_prctl, 0, {IS(0, PR_SET_PDEATHSIG)}},
	{SYS_prctl, 0, {IS(0, PR_SET_DUMPABLE), IS(1, 0)}},
	{SYS_seccomp, 0, {IS(0, SECCOMP_SET_MODE_FILTER)}},
	CLIENT_ROWS,
	{-1, 0, {}},
};

/* Xlib or a compositor's library, by the sockets that it has open, with pictures in shared memory.  It
 * may look for files, and finds none (Landlock). */
static const struct row window[] = {
	{SYS_ppoll, 0, {}},
	{SYS_recvmsg, 0, {}},
	{SYS_sendmsg, 0, {}},
	{SYS_writev, 0, {}},
	{SYS_ioctl, 0, {IS(1, FIONREAD)}},
	{SYS_shmget, 0, {IS(0, IPC_PRIVATE)}},
	{SYS_shmat, 0, {IS(1, 0), IS(2, 0)}},
	{SYS_shmdt, 0, {}},
	{SYS_shmctl, 0, {IS(1, IPC_RMID)}},
	{SYS_memfd_create, 0, {}},
	{SYS_ftruncate, 0, {}},
	{SYS_fallocate, 0, {}},
	{SYS_mmap, 0, {NO_BITS_BUT(2, DATA), IS(3, MAP_SHARED)}},
	{SYS_mprotect, 0, {NO_BITS_BUT(2, DATA)}},
	{SYS_fcntl, 0, {IS(1, F_ADD_SEALS)}},
	{SYS_fcntl, 0, {IS(1, F_DUPFD_CLOEXEC)}},
	{SYS_openat, 0, {WORKING_FOLDER(0), IS(2, O_RDONLY)}},
	{SYS_openat, 0, {WORKING_FOLDER(0), IS(2, O_RDONLY | O_CLOEXEC)}},
	{SYS_newfstatat, 0, {}},
	{SYS_fstat, 0, {}},
	{SYS_access, 0, {}},
	{SYS_clock_nanosleep, 0, {}},
	{SYS_sched_yield, 0, {}},
	{SYS_madvise, 0, {}},
	CLIENT_ROWS,
	{-1, 0, {}},
};

static const struct row *const tables[FENCE_KINDS] = {vcpu,  watcher, broker, front,
                                                      disks, clients, client, window};

static enum fence_mode mode;

static struct grant {
	enum fence_grant what;
	uint64_t a, b;
} grants[GRANTS];
static unsigned n_grants;

void fence_grant(enum fence_grant what, uint64_t a, uint64_t b)
{
	if (mode == FENCE_OFF)
		return;
	CHECK(n_grants < GRANTS);
	grants[n_grants++] = (struct grant){what, a, b};
}

/* --- as a program for the kernel (Documentation/userspace-api/seccomp_filter.rst) --- */

/* By hand: a rule of libseccomp compares each argument once (seccomp_rule_add(3)), but that
 * an address lies within the windows takes two comparisons. */

enum { FAIL = 255 }; /* a jump behind the row */

struct program {
	unsigned n;
	struct sock_filter op[PROGRAM];
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	CHECK(p->n < PROGRAM);
	p->op[p->n++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void load_half(struct program *p, unsigned arg, bool high)
{
	load(p, offsetof(struct seccomp_data, args) + 8 * arg + 4 * high);
}

static void put_bits(struct program *p, unsigned arg, uint64_t value, uint64_t mask)
{
	for (int high = 1; high >= 0; high--) {
		load_half(p, arg, high);
		put(p, BPF_ALU | BPF_AND | BPF_K, (uint32_t)(mask >> 32 * high), 0, 0);
		put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value >> 32 * high), 0, FAIL);
	}
}

static void put_at_least(struct program *p, unsigned arg, uint64_t v)
{
	load_half(p, arg, true);
	put(p, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(v >> 32), 3, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(v >> 32), 0, FAIL);
	load_half(p, arg, false);
	put(p, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)v, 0, FAIL);
}

static void put_below(struct program *p, unsigned arg, uint64_t v)
{
	load_half(p, arg, true);
	put(p, BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(v >> 32), FAIL, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(v >> 32), 0, 2);
	load_half(p, arg, false);
	put(p, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)v, FAIL, 0);
}

static void put_test(struct program *p, const struct test *t, const struct grant *g)
{
	switch (t->op) {
	case OP_NONE:
		break;
	case OP_BITS:
		put_bits(p, t->arg, t->value, t->mask);
		break;
	case OP_AT_MOST:
		put_below(p, t->arg, t->value + 1);
		break;
	case OP_SELF:
		put_bits(p, t->arg, (uint64_t)getpid(), ~0ull);
		break;
	case OP_A:
		put_bits(p, t->arg, g->a, ~0ull);
		break;
	case OP_B:
		put_bits(p, t->arg, g->b, ~0ull);
		break;
	case OP_WITHIN:
		put_at_least(p, t->arg, g->a);
		put_below(p, t->arg, g->b);
		break;
	}
}

static void put_row(struct program *p, const struct row *r, const struct grant *g)
{
	unsigned from = p->n;
	load(p, offsetof(struct seccomp_data, nr));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->call, 0, FAIL);
	for (unsigned i = 0; i < TESTS; i++)
		put_test(p, &r->tests[i], g);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	for (unsigned i = from; i < p->n; i++) {
		struct sock_filter *op = &p->op[i];
		uint8_t behind = (uint8_t)(p->n - i - 1);
		if (BPF_CLASS(op->code) != BPF_JMP)
			continue;
		op->jt = op->jt == FAIL ? behind : op->jt;
		op->jf = op->jf == FAIL ? behind : op->jf;
	}
}

static void compile(struct program *p, const struct row *table)
{
	load(p, offsetof(struct seccomp_data, arch));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	put(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	for (const struct row *r = table; r->call >= 0; r++) {
		if (!r->needs)
			put_row(p, r, &(struct grant){GRANT_NONE, 0, 0});
		for (unsigned i = 0; r->needs && i < n_grants; i++)
			if (grants[i].what == r->needs)
				put_row(p, r, &grants[i]);
	}
	put(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
}

static void filter(enum fence_kind kind)
{
	static struct program p;
	p.n = 0;
	compile(&p, tables[kind]);
	struct sock_fprog prog = {(unsigned short)p.n, p.op};
	/* Guarding against speculative reads is no goal, and its price is paid by the guest. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog))
		host_lost("seccomp", -errno);
}

/* --- Landlock (Documentation/userspace-api/landlock.rst) --- */

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* Of headers older than the kernels that have them. */
struct ruleset {
	uint64_t fs, net;
};

static struct ruleset all_that(long version)
{
	/* Rights of files known to versions 1 to 5; connect and bind of TCP since 4. */
	static const unsigned rights[] = {13, 14, 15, 15, 16};
	long last = sizeof rights / sizeof *rights;
	return (struct ruleset){(1ull << rights[(version < last ? version : last) - 1]) - 1,
	                        version < 4 ? 0 : 3};
}

/* What may be done beneath a folder; a file that is opened here may be made shorter elsewhere. */
static uint64_t rights_beneath(enum fence_grant what, const struct ruleset *all)
{
	uint64_t truncate = 1 << 14 & all->fs;
	return what == GRANT_FOLDER ? LANDLOCK_ACCESS_FS_REMOVE_FILE
	       : what == GRANT_NAMES
	               ? LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
	                         LANDLOCK_ACCESS_FS_MAKE_REG | truncate
	               : 0;
}

static int restrict_files(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return version ? -errno : -ENOSYS;
	struct ruleset all = all_that(version);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &all,
	                      version < 4 ? sizeof all.fs : sizeof all, 0);
	int err = fd < 0 ? -errno : 0;
	for (unsigned i = 0; !err && i < n_grants; i++) {
		struct landlock_path_beneath_attr rule = {
			.allowed_access = rights_beneath(grants[i].what, &all),
			.parent_fd = (int)grants[i].a,
		};
		if (rule.allowed_access &&
		    syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
			err = -errno;
	}
	if (!err && syscall(SYS_landlock_restrict_self, fd, 0))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* --- life --- */

bool fence_possible(void)
{
#ifdef UNRING_INSTRUMENTED
	return false;
#else
	return true;
#endif
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

void fence_choose(enum fence_mode wanted)
{
	mode = fence_possible() ? wanted : FENCE_OFF;
}

void fence_strip(void)
{
	static bool done;
	if (mode == FENCE_OFF || done)
		return;
	done = true;
	int err = drop_capabilities();
	if (err)
		host_lost("dropped capabilities", err);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		host_lost("no-new-privileges", -errno);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static void close_between(unsigned first, unsigned last)
{
	if (first > last || !syscall(SYS_close_range, first, last, 0))
		return;
	long most = sysconf(_SC_OPEN_MAX);
	for (unsigned fd = first; fd <= last && fd < most; fd++)
		close((int)fd);
}

void fence_close_others(const int *keep, unsigned n)
{
	unsigned from = 0;
	if (mode == FENCE_OFF)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (keep[i] > 0)
			close_between(from, (unsigned)keep[i] - 1);
		from = (unsigned)keep[i] + 1;
	}
	close_between(from, ~0u);
}

void fence_enter(enum fence_kind kind)
{
	static bool shut;
	if (mode == FENCE_OFF)
		return;
	fence_strip();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (!shut) { /* what is forked behind a fence has that from there */
		int err = restrict_files();
		if (err)
			host_lost("Landlock", err);
		if (kind != FENCE_CLIENTS)
			setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0});
	}
	shut = true;
	filter(kind);
}
