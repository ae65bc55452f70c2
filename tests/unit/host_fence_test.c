/* links: host */
/* The second fence: a process of each kind may make its own calls, and dies of any other. */
#define _GNU_SOURCE
#include "host/fence.h"
#include "host/loss.h"
#include "host/memory.h"
#include "host/signal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WINDOWS (1ull << 45)
#define WINDOWS_END (WINDOWS + (8ull << 32))
#define GIB4 (1ull << 32)
#define NOBODY 0x7ffffff0         /* beyond all process numbers */
#define ANY 0xfffffffffffffff0ull /* an address that faults, or a wrong number */

enum {
	V = 1 << FENCE_VCPU,
	W = 1 << FENCE_WATCHER,
	B = 1 << FENCE_BROKER,
	F = 1 << FENCE_FRONT,
	D = 1 << FENCE_DISKS,
	S = 1 << FENCE_CLIENTS,
	G = 1 << FENCE_WINDOW,
	C = 1 << FENCE_CLIENT | S | G,
	NONE = 0
};
enum {
	LISTENER = 20,
	DUMP = 21,
	BOOK = 22,
	WP = 23,
	FOLDER = 24,
	OTHER = 25,
	SOCKET = 26,
	ALARM = 27,
	DRIVE = 28
};

#define FIXED (MAP_SHARED | MAP_FIXED)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define DATA (PROT_READ | PROT_WRITE)
#define NAMED (O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define CWD (uint32_t) AT_FDCWD

static uint64_t self(void)
{
	return (uint64_t)getpid();
}

/* A call, its arguments, and who may make it. */
struct call {
	const char *what;
	long nr;
	uint64_t arg[6];
	unsigned may;
	int self; /* 1 + the argument that is the process itself */
};

static const struct call calls[] = {
	/* No name is acted on. */
	{"open", SYS_open, {ANY}, NONE, 0},
	{"openat", SYS_openat, {ANY, ANY}, NONE, 0},
	{"openat to read", SYS_openat, {CWD, ANY, NAMED}, F, 0},
	{"openat to change", SYS_openat, {CWD, ANY, O_RDWR | NAMED}, F, 0},
	{"openat to make", SYS_openat, {CWD, ANY, O_WRONLY | O_CREAT | NAMED, 0666}, F, 0},
	{"openat to empty", SYS_openat, {CWD, ANY, O_WRONLY | O_TRUNC | NAMED}, NONE, 0},
	{"openat that waits", SYS_openat, {CWD, ANY, O_CLOEXEC}, G, 0},
	{"openat in a folder", SYS_openat, {FOLDER, ANY, NAMED}, NONE, 0},
	{"openat2", SYS_openat2, {ANY, ANY}, NONE, 0},
	{"creat", SYS_creat, {ANY}, NONE, 0},
	{"open_by_handle_at", SYS_open_by_handle_at, {ANY, ANY}, NONE, 0},
	{"stat", SYS_stat, {ANY, ANY}, NONE, 0},
	{"newfstatat of a folder", SYS_newfstatat, {FOLDER, ANY, ANY}, B | G, 0},
	{"newfstatat of another", SYS_newfstatat, {OTHER, ANY, ANY}, G, 0},
	{"newfstatat of a name", SYS_newfstatat, {CWD, ANY, ANY, 0}, F | G, 0},
	{"newfstatat of a link", SYS_newfstatat, {CWD, ANY, ANY, AT_SYMLINK_NOFOLLOW}, G, 0},
	{"unlink", SYS_unlink, {ANY}, NONE, 0},
	{"unlinkat in a folder", SYS_unlinkat, {FOLDER, ANY, 0}, B, 0},
	{"unlinkat in another", SYS_unlinkat, {OTHER, ANY, 0}, NONE, 0},
	{"rmdir in a folder", SYS_unlinkat, {FOLDER, ANY, AT_REMOVEDIR}, NONE, 0},
	{"unlinkat", SYS_unlinkat, {CWD, ANY, 0}, NONE, 0},
	{"linkat", SYS_linkat, {CWD, ANY, CWD, ANY, 0}, NONE, 0},
	{"mkdirat", SYS_mkdirat, {CWD, ANY, 0}, NONE, 0},
	{"chdir", SYS_chdir, {ANY}, NONE, 0},
	{"rename", SYS_rename, {ANY, ANY}, NONE, 0},
	{"chmod", SYS_chmod, {ANY}, NONE, 0},
	{"mount", SYS_mount, {ANY, ANY}, NONE, 0},
	/* Nothing is started, and no other process touched. */
	{"fork", SYS_fork, {0}, NONE, 0},
	{"vfork", SYS_vfork, {0}, NONE, 0},
	{"clone", SYS_clone, {SIGCHLD}, NONE, 0},
	{"clone3", SYS_clone3, {ANY, 88}, NONE, 0},
	{"fork of a client", SYS_clone, {CLONE_THREAD | SIGCHLD}, NONE, 0},
	{"execve", SYS_execve, {ANY}, NONE, 0},
	{"execveat", SYS_execveat, {ANY, ANY}, NONE, 0},
	{"ptrace", SYS_ptrace, {0}, NONE, 0},
	{"process_vm_writev", SYS_process_vm_writev, {1, ANY}, NONE, 0},
	{"kill of init", SYS_kill, {1, 0}, NONE, 0},
	{"tgkill of init", SYS_tgkill, {1, 1, 0}, NONE, 0},
	{"tgkill of itself", SYS_tgkill, {0, 0, 0}, V, 1},
	{"tgkill of the owner", SYS_tgkill, {NOBODY, 8, HOST_SIGNAL_FILES}, W | D, 0},
	{"another thread of the owner", SYS_tgkill, {NOBODY, 9, HOST_SIGNAL_FILES}, NONE, 0},
	{"another signal to the owner", SYS_tgkill, {NOBODY, 8, SIGKILL}, NONE, 0},
	{"kill of a child", SYS_kill, {NOBODY, SIGKILL}, V, 0},
	{"another signal to a child", SYS_kill, {NOBODY, SIGSTOP}, NONE, 0},
	{"wait for a child", SYS_wait4, {NOBODY, ANY, WNOHANG}, V, 0},
	/* No memory becomes executable, no mapping is put but in windows. */
	{"mmap", SYS_mmap, {0, 4096, DATA, ANONYMOUS, ~0ull}, V | F | C, 0},
	{"mmap without swap",
         SYS_mmap,
         {0, 4096, DATA, ANONYMOUS | MAP_NORESERVE, ~0ull},
         V | F | C,
         0},
	{"mmap to execute", SYS_mmap, {0, 4096, DATA | PROT_EXEC, ANONYMOUS, ~0ull}, NONE, 0},
	{"mmap of a file to execute",
         SYS_mmap,
         {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0},
         NONE,
         0},
	{"mmap of a file", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED, 0}, G, 0},
	{"mmap, growing down",
         SYS_mmap,
         {0, 4096, DATA, ANONYMOUS | MAP_GROWSDOWN, ~0ull},
         NONE,
         0},
	{"a window's page", SYS_mmap, {WINDOWS, 4096, DATA, FIXED, OTHER}, V, 0},
	{"a window's last page", SYS_mmap, {WINDOWS_END - 4096, 4096, DATA, FIXED, OTHER}, V, 0},
	{"a window's page, to execute",
         SYS_mmap,
         {WINDOWS, 4096, DATA | PROT_EXEC, FIXED, OTHER},
         NONE,
         0},
	{"below the windows", SYS_mmap, {WINDOWS - 4096, 4096, DATA, FIXED, OTHER}, NONE, 0},
	{"4 GiB below", SYS_mmap, {WINDOWS - GIB4, 4096, DATA, FIXED, OTHER}, NONE, 0},
	{"above the windows", SYS_mmap, {WINDOWS_END, 4096, DATA, FIXED, OTHER}, NONE, 0},
	{"4 GiB above", SYS_mmap, {WINDOWS_END + GIB4, 4096, DATA, FIXED, OTHER}, NONE, 0},
	{"at 0", SYS_mmap, {0, 4096, DATA, FIXED, OTHER}, NONE, 0},
	{"through the guard", SYS_mmap, {WINDOWS, GIB4 + 4096, DATA, FIXED, OTHER}, NONE, 0},
	{"nothing over a window",
         SYS_mmap,
         {WINDOWS, GIB4, PROT_NONE, ANONYMOUS | MAP_NORESERVE | MAP_FIXED, ~0ull},
         NONE,
         0},
	{"munmap", SYS_munmap, {WINDOWS, 4096}, V | F | C, 0},
	{"mprotect", SYS_mprotect, {WINDOWS, 4096, PROT_READ}, V | G, 0},
	{"mprotect to execute", SYS_mprotect, {WINDOWS, 4096, PROT_READ | PROT_EXEC}, NONE, 0},
	{"mprotect, high bits", SYS_mprotect, {WINDOWS, 4096, GIB4 | PROT_READ}, NONE, 0},
	{"pkey_mprotect", SYS_pkey_mprotect, {WINDOWS, 4096, PROT_EXEC, ~0ull}, NONE, 0},
	{"mremap", SYS_mremap, {WINDOWS, 4096, 8192, MREMAP_MAYMOVE}, V | F | C, 0},
	{"mremap to a place",
         SYS_mremap,
         {WINDOWS, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, 0x10000},
         NONE,
         0},
	{"remap_file_pages", SYS_remap_file_pages, {WINDOWS, 4096}, NONE, 0},
	{"memfd_create", SYS_memfd_create, {ANY}, G, 0},
	{"shmget", SYS_shmget, {IPC_PRIVATE, 0, 0}, G, 0},
	{"shmget of another's", SYS_shmget, {1, 0, 0}, NONE, 0},
	{"shmat", SYS_shmat, {ANY, 0, 0}, G, 0},
	{"shmat to execute", SYS_shmat, {ANY, 0, SHM_EXEC}, NONE, 0},
	{"shmctl", SYS_shmctl, {ANY, IPC_RMID, 0}, G, 0},
	{"shmctl of its owner", SYS_shmctl, {ANY, IPC_SET, 0}, NONE, 0},
	{"userfaultfd", SYS_userfaultfd, {0}, NONE, 0},
	{"write-protect", SYS_ioctl, {WP, UFFDIO_WRITEPROTECT, ANY}, V, 0},
	{"register", SYS_ioctl, {WP, UFFDIO_REGISTER, ANY}, V, 0},
	{"copy by userfaultfd", SYS_ioctl, {WP, UFFDIO_COPY, ANY}, NONE, 0},
	{"write-protect by another", SYS_ioctl, {OTHER, UFFDIO_WRITEPROTECT, ANY}, NONE, 0},
	/* Descriptors that are there. */
	{"read", SYS_read, {ANY, ANY, 0}, V | W | C, 0},
	{"write", SYS_write, {ANY, ANY, 0}, V | C, 0},
	{"poll", SYS_poll, {0, 0, 0}, V | W | F | C, 0},
	{"TCGETS", SYS_ioctl, {0, TCGETS, ANY}, V, 0},
	{"TIOCSTI", SYS_ioctl, {0, TIOCSTI, ANY}, NONE, 0},
	{"TIOCGWINSZ", SYS_ioctl, {0, TIOCGWINSZ, ANY}, V, 0},
	{"TIOCGWINSZ of another", SYS_ioctl, {OTHER, TIOCGWINSZ, ANY}, NONE, 0},
	{"TIOCSWINSZ", SYS_ioctl, {0, TIOCSWINSZ, ANY}, NONE, 0},
	{"TCSETS of another", SYS_ioctl, {OTHER, TCSETS, ANY}, NONE, 0},
	{"socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, NONE, 0},
	{"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ANY}, F | S, 0},
	{"socketpair of others", SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, ANY}, NONE, 0},
	{"end of sending", SYS_shutdown, {OTHER, SHUT_WR}, F | S, 0},
	{"end of both", SYS_shutdown, {OTHER, SHUT_RDWR}, C, 0},
	{"end of receiving", SYS_shutdown, {OTHER, SHUT_RD}, NONE, 0},
	{"connect", SYS_connect, {OTHER, ANY, 0}, NONE, 0},
	{"bind", SYS_bind, {OTHER, ANY, 0}, NONE, 0},
	{"listen", SYS_listen, {OTHER, 1}, NONE, 0},
	{"accept4", SYS_accept4, {LISTENER, 0, 0, 0}, V | F | S, 0},
	{"accept4 of another", SYS_accept4, {OTHER, 0, 0, 0}, NONE, 0},
	{"TCP_NODELAY", SYS_setsockopt, {OTHER, IPPROTO_TCP, TCP_NODELAY, ANY, 4}, V | C, 0},
	{"SO_BINDTODEVICE", SYS_setsockopt, {OTHER, SOL_SOCKET, SO_BINDTODEVICE, ANY, 4}, NONE, 0},
	{"sendto", SYS_sendto, {OTHER, ANY, 0, 0, 0, 0}, V | F | C, 0},
	{"sendto an address", SYS_sendto, {OTHER, ANY, 0, 0, ANY, 16}, NONE, 0},
	{"recvfrom", SYS_recvfrom, {OTHER, ANY, 0, 0, 0, 0}, V | F | C, 0},
	{"recvmsg", SYS_recvmsg, {OTHER, ANY, 0}, B | G, 0},
	{"recvmsg of a caller",
         SYS_recvmsg,
         {OTHER, ANY, MSG_DONTWAIT | MSG_CMSG_CLOEXEC},
         V | B | F | G,
         0},
	{"fstat", SYS_fstat, {OTHER, ANY}, V | F | G, 0},
	{"the alarm", SYS_timerfd_settime, {ALARM, 0, ANY}, V, 0},
	{"the alarm, absolute", SYS_timerfd_settime, {ALARM, 1, ANY}, NONE, 0},
	{"another alarm", SYS_timerfd_settime, {OTHER, 0, ANY}, NONE, 0},
	{"timerfd_create", SYS_timerfd_create, {CLOCK_MONOTONIC, 0}, NONE, 0},
	{"sendmsg", SYS_sendmsg, {OTHER, ANY, 0}, B | G, 0},
	{"sendmsg to a caller",
         SYS_sendmsg,
         {OTHER, ANY, MSG_DONTWAIT | MSG_NOSIGNAL},
         B | F | G,
         0},
	{"ftruncate of the dump", SYS_ftruncate, {DUMP, 0}, V | G, 0},
	{"ftruncate of a caller's", SYS_ftruncate, {OTHER, 0}, V | G, 0},
	{"lseek in the dump", SYS_lseek, {DUMP, 0, 0}, V, 0},
	{"lseek in a caller's", SYS_lseek, {OTHER, 0, 0}, V, 0},
	{"pread of the books", SYS_pread64, {BOOK, ANY, 0, 0}, V, 0},
	{"pread of another", SYS_pread64, {OTHER, ANY, 0, 0}, NONE, 0},
	{"pread of a drive", SYS_pread64, {DRIVE, ANY, 0, 0}, V | D, 0},
	{"pwrite of a drive", SYS_pwrite64, {DRIVE, ANY, 0, 0}, V, 0},
	{"fdatasync of a drive", SYS_fdatasync, {DRIVE}, V | D, 0},
	{"what is cached of a drive", SYS_preadv2, {DRIVE, ANY, 1, 0, 0, RWF_NOWAIT}, V, 0},
	{"preadv2 of a drive", SYS_preadv2, {DRIVE, ANY, 1, 0, 0, 0}, NONE, 0},
	{"what is cached of another", SYS_preadv2, {OTHER, ANY, 1, 0, 0, RWF_NOWAIT}, NONE, 0},
	{"futex that waits", SYS_futex, {ANY, FUTEX_WAIT, 0}, V | D, 0},
	{"futex that wakes", SYS_futex, {ANY, FUTEX_WAKE, 0}, V | D, 0},
	{"private futex that wakes", SYS_futex, {ANY, FUTEX_WAKE_PRIVATE, 0}, C, 0},
	{"another futex", SYS_futex, {ANY, FUTEX_REQUEUE, 0}, NONE, 0},
	{"fdatasync of another", SYS_fdatasync, {OTHER}, NONE, 0},
	{"fsync of a drive", SYS_fsync, {DRIVE}, NONE, 0},
	{"pwrite of another", SYS_pwrite64, {OTHER, ANY, 0, 0}, NONE, 0},
	{"another in the drive's place", SYS_dup3, {OTHER, DRIVE, O_CLOEXEC}, V, 0},
	{"another in another's place", SYS_dup3, {OTHER, BOOK, O_CLOEXEC}, NONE, 0},
	{"another kept over exec", SYS_dup3, {OTHER, DRIVE, 0}, NONE, 0},
	{"dup2", SYS_dup2, {OTHER, BOOK}, NONE, 0},
	{"a lock", SYS_fcntl, {OTHER, F_OFD_SETLK, ANY}, V, 0},
	{"a look for locks", SYS_fcntl, {OTHER, F_OFD_GETLK, ANY}, V, 0},
	{"a lock that waits", SYS_fcntl, {OTHER, F_OFD_SETLKW, ANY}, NONE, 0},
	{"fcntl", SYS_fcntl, {0, F_DUPFD, 30}, NONE, 0},
	{"io_uring_setup", SYS_io_uring_setup, {1, ANY}, NONE, 0},
	/* The fence itself. */
	{"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1}, NONE, 0},
	{"arch_prctl", SYS_arch_prctl, {0}, NONE, 0},
	{"setrlimit", SYS_setrlimit, {RLIMIT_CORE, ANY}, NONE, 0},
	{"seccomp", SYS_seccomp, {0}, NONE, 0},
	{"a narrower filter", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, ANY}, S, 0},
	{"setuid", SYS_setuid, {0}, NONE, 0},
	{"chroot", SYS_chroot, {ANY}, NONE, 0},
	{"no call at all", 4000, {0}, NONE, 0},
	/* x32 numbers mean other calls (linux/include/uapi/asm/unistd.h). */
	{"read as x32", 0x40000000 | SYS_read, {ANY, ANY, 0}, NONE, 0},
};

static void enter(enum fence_kind kind)
{
	fence_choose(FENCE_ON);
	fence_grant(GRANT_WINDOWS, WINDOWS, WINDOWS_END);
	fence_grant(GRANT_WP, WP, 0);
	fence_grant(GRANT_CHILD, NOBODY, 0);
	fence_grant(GRANT_LISTENER, LISTENER, 0);
	fence_grant(GRANT_FILES, 0, 0);
	fence_grant(GRANT_ALARM, ALARM, 0);
	fence_grant(GRANT_OUTPUT, DUMP, 0);
	fence_grant(GRANT_BOOKS, BOOK, 0);
	fence_grant(GRANT_MEDIUM, DRIVE, 0);
	fence_grant(GRANT_OWNER, NOBODY, 8);
	if (kind == FENCE_BROKER || kind == FENCE_FRONT) { /* it must be there, for Landlock */
		int fd = open("/tmp", O_PATH | O_DIRECTORY);
		dup2(fd, FOLDER);
		fence_grant(kind == FENCE_BROKER ? GRANT_FOLDER : GRANT_NAMES, FOLDER, 0);
	}
	fence_enter(kind);
}

/* Runs fn in a process of its own and returns how that ended. */
static int in_child(void (*fn)(const void *what, enum fence_kind kind), const void *what,
                    enum fence_kind kind)
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	if (!pid) {
		fn(what, kind);
		syscall(SYS_exit_group, 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void make(const void *what, enum fence_kind kind)
{
	const struct call *c = what;
	uint64_t a[6];
	memcpy(a, c->arg, sizeof a);
	if (c->self)
		a[c->self - 1] = self();
	enter(kind);
	if (host_losses() && strstr(host_losses(), "seccomp"))
		syscall(SYS_exit_group, 99);
	syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void test_calls(void **state)
{
	unsigned wrong = 0;
	for (unsigned kind = 0; kind < FENCE_KINDS; kind++)
		for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
			const struct call *c = &calls[i];
			bool may = c->may >> kind & 1;
			int status = in_child(make, c, kind);
			bool right = may ? WIFEXITED(status) && !WEXITSTATUS(status)
			                 : WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
			if (!right)
				print_error("kind %u, %s: status %#x, %s\n", kind, c->what, status,
				            may ? "permitted" : "forbidden");
			wrong += !right;
		}
	assert_int_equal(wrong, 0);
}

/* A line that is connected, where nobody is listened for and no files come. */
static void talk(const void *what, enum fence_kind kind)
{
	const struct call *c = what;
	fence_choose(FENCE_ON);
	fence_grant(GRANT_SOCKET, SOCKET, 0);
	fence_enter(kind);
	syscall(c->nr, c->arg[0], c->arg[1], 0, 0, c->arg[4], c->arg[5]);
}

static void test_connected(void **state)
{
	static const struct call calls[] = {
		{"sendto", SYS_sendto, {SOCKET, ANY}, V, 0},
		{"sendto of another", SYS_sendto, {OTHER, ANY}, NONE, 0},
		{"sendto an address", SYS_sendto, {SOCKET, ANY, 0, 0, ANY, 16}, NONE, 0},
		{"recvfrom", SYS_recvfrom, {SOCKET, ANY}, V, 0},
		{"recvfrom of another", SYS_recvfrom, {OTHER, ANY}, NONE, 0},
		{"accept4", SYS_accept4, {SOCKET}, NONE, 0},
		{"recvmsg", SYS_recvmsg, {SOCKET, ANY, MSG_DONTWAIT | MSG_CMSG_CLOEXEC}, NONE, 0},
		{"ftruncate", SYS_ftruncate, {OTHER, 0}, NONE, 0},
		{"lseek", SYS_lseek, {OTHER, 0, 0}, NONE, 0},
		{"TCP_NODELAY", SYS_setsockopt, {SOCKET, IPPROTO_TCP, TCP_NODELAY}, NONE, 0},
	};
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
		int status = in_child(talk, &calls[i], FENCE_VCPU);
		if (calls[i].may ? status != 0 : WTERMSIG(status) != SIGSYS)
			fail_msg("%s: status %#x", calls[i].what, status);
	}
}

/* The calls of 32-bit programs have numbers of their own: 3 is read. */
static void make_32(const void *what, enum fence_kind kind)
{
	long result;
	enter(kind);
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(3), "b"(0), "c"(0), "d"(0) : "memory");
}

static void test_32_bit_calls(void **state)
{
	for (unsigned kind = 0; kind < FENCE_KINDS; kind++) {
		int status = in_child(make_32, NULL, kind);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static void look(const void *what, enum fence_kind kind)
{
	char text[4096];
	struct rlimit core;
	int fd = open("/proc/self/status", O_RDONLY);
	fence_choose(FENCE_ON);
	fence_strip();
	ssize_t n = read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	static const char *const wanted[] = {
		"\nCapInh:\t0000000000000000\n",
		"\nCapPrm:\t0000000000000000\n",
		"\nCapEff:\t0000000000000000\n",
		"\nCapAmb:\t0000000000000000\n",
		"\nNoNewPrivs:\t1\n",
	};
	for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (!strstr(text, wanted[i]))
			syscall(SYS_exit_group, 10 + i);
	getrlimit(RLIMIT_CORE, &core);
	if (core.rlim_max)
		syscall(SYS_exit_group, 20);
}

static void test_stripped(void **state)
{
	assert_int_equal(in_child(look, NULL, FENCE_VCPU), 0);
}

/* Where seccomp is refused, Landlock still keeps files shut. */
static void refuse_seccomp(const void *what, enum fence_kind kind)
{
	struct sock_filter ops[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = {sizeof ops / sizeof *ops, ops};
	const char *path = what;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p))
		syscall(SYS_exit_group, 1);
	enter(kind);
	if (!host_losses() || !strstr(host_losses(), "seccomp (Operation not permitted)"))
		syscall(SYS_exit_group, 2);
	bool landlock = !strstr(host_losses(), "Landlock");
	bool shut = landlock && kind != FENCE_FRONT;
	int fd = open(path, O_RDWR);
	if ((fd < 0) != shut || (shut && errno != EACCES))
		syscall(SYS_exit_group, 3);
	if (!shut && ftruncate(fd, 0))
		syscall(SYS_exit_group, 4);
	int err = unlink(path);
	if (landlock && (!err) != (kind == FENCE_BROKER))
		syscall(SYS_exit_group, 5);
	/* The front makes files where it may, and nothing else. */
	if (landlock && kind == FENCE_FRONT) {
		if (!mkdir("/tmp/fence.d", 0700) || !symlink("x", "/tmp/fence.l") ||
		    open("/dev/null", O_RDONLY) >= 0)
			syscall(SYS_exit_group, 6);
		if (unlink(path) == 0 ||
		    open("/tmp/fence.new", NAMED | O_CREAT | O_WRONLY, 0600) < 0)
			syscall(SYS_exit_group, 7);
	}
}

static void test_landlock(void **state)
{
	for (enum fence_kind kind = 0; kind < FENCE_KINDS; kind++) {
		char path[] = "/tmp/fence.XXXXXX";
		close(mkstemp(path));
		int status = in_child(refuse_seccomp, path, kind);
		unlink(path);
		unlink("/tmp/fence.new");
		assert_int_equal(status, 0);
	}
}

static void closed(const void *what, enum fence_kind kind)
{
	dup2(0, 40);
	dup2(0, 60);
	dup2(0, 61);
	dup2(0, 1000);
	fence_choose(FENCE_ON);
	fence_close_others((const int[]){0, 1, 2, 60}, 4);
	for (int fd = 0; fd <= 1000; fd++)
		if ((fcntl(fd, F_GETFD) >= 0) != (fd < 3 || fd == 60))
			syscall(SYS_exit_group, 1);
}

static void test_descriptors(void **state)
{
	assert_int_equal(in_child(closed, NULL, FENCE_VCPU), 0);
}

static void off(const void *what, enum fence_kind kind)
{
	fence_choose(FENCE_OFF);
	fence_strip();
	fence_enter(kind);
	int fd = open("/dev/null", O_RDONLY);
	if (fd < 0 || host_losses() || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) ||
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1)
		syscall(SYS_exit_group, 1);
}

static void test_off(void **state)
{
	assert_int_equal(in_child(off, NULL, FENCE_VCPU), 0);
}

/* Where address space is limited, the windows' area is found all the same, beside what is there,
 * and told to be without guards. */
static bool is_free(const void *at)
{
	void *p = mmap((void *)(uintptr_t)at, PAGE_SIZE, PROT_NONE, ANONYMOUS | MAP_FIXED_NOREPLACE,
	               -1, 0);
	if (p != MAP_FAILED)
		munmap(p, PAGE_SIZE);
	return p == at;
}

static void limited(const void *what, enum fence_kind kind)
{
	uint8_t *first, *area;
	struct rlimit limit = {GIB4, GIB4};
	int wrong = host_mem_area(8 * GIB4, &first) != 0;
	host_mem_area_release(first, 8 * GIB4);
	wrong |= mmap(first + GIB4, PAGE_SIZE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) ==
	         MAP_FAILED;
	wrong |= setrlimit(RLIMIT_AS, &limit) || host_mem_area(8 * GIB4, &area);
	wrong |= area == first || !is_free(area) || !host_losses() ||
	         !strstr(host_losses(), "guards");
	wrong |= host_mem_area_open(area, GIB4) || !is_free(area);
	syscall(SYS_exit_group, wrong);
}

static void test_limited(void **state)
{
	assert_int_equal(in_child(limited, NULL, FENCE_VCPU), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),        cmocka_unit_test(test_connected),
		cmocka_unit_test(test_32_bit_calls), cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_landlock),     cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_off),          cmocka_unit_test(test_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
