/* hostile_vm LOG OPTION...   `unring run` with canaries and a watchdog
 * hostile_vm --self-test     can the canaries fail?
 *
 * The guards between the windows, where nothing can be accessed, become mappings of
 * one empty file in memory.  Any access there, read or write, gives the file its
 * first page; at the end it must still have none.  (Below 4 GiB nothing is mapped:
 * an access without a window's base ends the process.)
 * LOG, the guest's debug console, must grow every 0.3 seconds; a guest that is stuck is
 * ended by SIGTERM, and the VMM must obey in a minute. */
#define _GNU_SOURCE
#include "host/fence.h"
#include "host/memory.h"
#include "machine/machine.h"
#include "mmu/mmu.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Operands that straddle a window's end must still fault. */
#define MARGIN 0x10000ull
#define CANARY_SIZE (WINDOW_SIZE - 2 * MARGIN)

static int canary = -1;
static unsigned canaries;
static pid_t watchdog;

static bool place(uint8_t *guard)
{
	void *p = mmap(guard + MARGIN, CANARY_SIZE, PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_FIXED | MAP_NORESERVE, canary, 0);
	if (p == MAP_FAILED)
		return false;
	canaries++;
	return true;
}

int __real_host_mem_area(uint64_t bytes, uint8_t **out);

/* The mmu asks once, for the area of its windows: a guard comes first.  The last is the ruler's
 * (cpu/vcpu.h), where what is beyond a limit has to fault. */
int __wrap_host_mem_area(uint64_t bytes, uint8_t **out)
{
	int err = __real_host_mem_area(bytes, out);
	if (err)
		return err;
	canary = memfd_create("canary", MFD_CLOEXEC);
	if (canary < 0 || ftruncate(canary, CANARY_SIZE))
		return -1;
	for (uint64_t at = 0; at + WINDOW_STRIDE < bytes; at += WINDOW_STRIDE)
		if (!place(*out + at))
			return -1;
	/* For the end: lseek in check(), and kill. */
	fence_grant(GRANT_OUTPUT, (uint64_t)canary, 0);
	fence_grant(GRANT_CHILD, (uint64_t)watchdog, 0);
	return 0;
}

static int check(void)
{
	int touched = 0;
	if (lseek(canary, 0, SEEK_END) != CANARY_SIZE || !canaries) {
		fprintf(stderr, "hostile_vm: no canaries\n");
		return 1;
	}
	for (off_t at = 0; (at = lseek(canary, at, SEEK_DATA)) >= 0; at += 4096, touched = 1)
		fprintf(stderr, "hostile_vm: CANARY touched at %#llx of a guard\n",
		        (unsigned long long)at + MARGIN);
	return touched;
}

/* One byte read in one guard must be seen. */
static int self_test(void)
{
	uint8_t *area;
	if (__wrap_host_mem_area(5 * WINDOW_STRIDE, &area) || canaries != 4 || check())
		return 1;
	*(volatile uint8_t *)(area + 2 * WINDOW_STRIDE + 0x12345678);
	return !check();
}

static off_t log_size(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : st.st_size;
}

/* In a child of its own: nothing in the VMM can keep it from running.  Until the guest has
 * begun, SIGTERM is not the VMM's yet. */
static void watch(const char *log, pid_t vmm)
{
	while (!log_size(log)) {
		usleep(10000);
		if (getppid() != vmm)
			_exit(0);
	}
	for (off_t before = -1, now; (now = log_size(log)) != before; before = now) {
		usleep(300000);
		if (getppid() != vmm)
			_exit(0);
	}
	kill(vmm, SIGTERM);
	for (int i = 0; i < 600; i++) {
		usleep(100000);
		if (getppid() != vmm)
			_exit(0);
	}
	fprintf(stderr, "hostile_vm: HANG: no end within a minute of SIGTERM\n");
	kill(vmm, SIGABRT);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct machine_config c;
	struct problem p = {0};
	struct machine *m = NULL;
	pid_t self = getpid();
	if (argc == 2 && !strcmp(argv[1], "--self-test"))
		return self_test();
	if (argc < 2 || (watchdog = fork()) < 0)
		return EXIT_BAD_INPUT;
	if (!watchdog)
		watch(argv[1], self);
	setvbuf(stdout, NULL, _IOFBF, 0); /* asks what file that is, while it may */
	argv[0] = "--debugcon";
	if (!config_parse(&c, argc, argv, &p) || !machine_create(&m, &c, &p)) {
		fprintf(stderr, "hostile_vm: %s\n", p.text);
		return EXIT_BAD_INPUT;
	}
	int status = machine_run(m);
	int touched = check();
	machine_destroy(m);
	kill(watchdog, SIGKILL);
	if (touched)
		return 99;
	printf("clean end, status %d, %u canaries\n", status, canaries);
	return 0;
}
