/* links: host */
/* wraps: host_read_cached fdatasync */
/* Images whose bytes the host has to fetch: what the process for disks does, in which order it is told,
 * and what is left when it is killed.  Here nothing is at hand unless a test says so. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/disks.h"
#include "host/image.h"
#include "host/signal.h"

enum { BYTES = 1 << 20, JOBS = 8 };

static char folder[] = "/tmp/unring-disks-XXXXXX";
static char path[64], other[64];
static struct loop *loop;
static struct disks *disks;
static struct image *image;
static long at_hand; /* of each read; below 0 an errno */
static unsigned asked;

long __wrap_host_read_cached(int fd, uint64_t at, void *dst, size_t n);
long __wrap_host_read_cached(int fd, uint64_t at, void *dst, size_t n)
{
	asked++;
	if (at_hand < 0)
		return at_hand;
	return pread(fd, dst, n < (size_t)at_hand ? n : (size_t)at_hand, (off_t)at);
}

/* Of the process for disks as well. */
static struct flushes {
	unsigned n;
	int error; /* what the next ones end with */
} * flushes;

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	flushes->n++;
	errno = flushes->error;
	return errno ? -1 : 0;
}

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 7 + at / 4096);
}

static void make(const char *name, uint8_t more)
{
	uint8_t *bytes = malloc(BYTES);
	for (unsigned i = 0; i < BYTES; i++)
		bytes[i] = byte_at(i) + more;
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_int_equal(write(fd, bytes, BYTES), BYTES);
	close(fd);
	free(bytes);
}

static const struct image_use plain = {.most = BYTES}, snapshot = {.snapshot = true, .most = BYTES};

static void open_image(struct image_use use)
{
	assert_int_equal(image_create(&image), 0);
	assert_int_equal(image_open(image, path, use), 0);
	assert_int_equal(disks_create(&disks, loop), 0);
	image_share(image, disks);
	at_hand = -EAGAIN;
	asked = 0;
}

static int setup(void **state)
{
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a", folder);
	snprintf(other, sizeof other, "%s/b", folder);
	make(path, 0);
	make(other, 1);
	flushes = mmap(NULL, sizeof *flushes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	               -1, 0);
	assert_true(flushes != MAP_FAILED);
	loop = loop_create();
	return loop_start(loop);
}

static int close_image(void **state)
{
	image_destroy(image);
	disks_destroy(disks);
	image = NULL;
	disks = NULL;
	return 0;
}

static int teardown(void **state)
{
	loop_destroy(loop);
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

/* --- jobs --- */

static struct told {
	unsigned number, count;
	int err[JOBS];
	unsigned order[JOBS];
} told;

struct job {
	struct image_job job;
	unsigned number;
};

static void on_done(void *ctx, int err)
{
	struct job *j = ctx;
	told.order[told.count] = j->number;
	told.err[told.count++] = err;
}

static void submit(struct job *j, enum image_op op, uint64_t at, void *bytes, size_t n)
{
	j->number = told.number++;
	j->job = (struct image_job){
		.op = op, .at = at, .bytes = bytes, .n = n, .ctx = j, .done = on_done};
	image_submit(image, &j->job);
}

static void wait_for(unsigned count)
{
	while (told.count < count)
		if (!loop_poll(loop))
			usleep(1000);
	assert_int_equal(told.count, count);
}

static void assert_bytes(const uint8_t *bytes, uint64_t at, size_t n, uint8_t more)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != (uint8_t)(byte_at(at + i) + more))
			fail_msg("byte %zu of those from %llu", i, (unsigned long long)at);
}

/* A read that is larger than the process's room; the signal comes by itself. */
static void test_reads(void **state)
{
	static uint8_t bytes[BYTES];
	struct job j;
	told = (struct told){0};
	open_image(plain);
	submit(&j, IMAGE_READ, 512, bytes, BYTES - 512);
	assert_int_equal(told.count, 0);
	wait_for(1);
	assert_int_equal(told.err[0], 0);
	assert_bytes(bytes, 512, BYTES - 512, 0);
	assert_int_equal(asked, BYTES / DISKS_ROOM);
}

/* What is at hand is done before image_submit() returns, and what is not goes on from there. */
static void test_at_hand(void **state)
{
	static uint8_t bytes[65536];
	struct job j[2];
	told = (struct told){0};
	open_image(plain);
	at_hand = 65536;
	submit(&j[0], IMAGE_READ, 0, bytes, sizeof bytes);
	assert_int_equal(told.count, 1);
	assert_bytes(bytes, 0, sizeof bytes, 0);
	at_hand = 1000;
	submit(&j[1], IMAGE_READ, 4096, bytes, 3000);
	assert_int_equal(told.count, 2);
	assert_bytes(bytes, 4096, 3000, 0);
	assert_int_equal(asked, 4);
}

/* None overtakes another, and a write behind a read changes nothing of what is read. */
static void test_order(void **state)
{
	static uint8_t first[8192], second[8192], written[8192];
	struct job j[5];
	told = (struct told){0};
	open_image(plain);
	memset(written, 0x55, sizeof written);
	submit(&j[0], IMAGE_READ, 0, first, sizeof first);
	submit(&j[1], IMAGE_WRITE, 0, written, sizeof written);
	submit(&j[2], IMAGE_READ, 0, second, sizeof second);
	submit(&j[3], IMAGE_FLUSH, 0, NULL, 0);
	submit(&j[4], IMAGE_WRITE, 0, first, sizeof first);
	assert_int_equal(told.count, 0);
	wait_for(5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(told.order[i], i);
		assert_int_equal(told.err[i], 0);
	}
	assert_bytes(first, 0, sizeof first, 0);
	assert_memory_equal(second, written, sizeof second);
}

/* What the guest wants to be safe is, or it is told. */
static void test_flush(void **state)
{
	uint8_t bytes[4096] = {1};
	struct job j[2];
	told = (struct told){0};
	open_image(plain);
	flushes->n = 0;
	submit(&j[0], IMAGE_WRITE, 4096, bytes, sizeof bytes);
	submit(&j[1], IMAGE_FLUSH, 0, NULL, 0);
	wait_for(2);
	assert_int_equal(told.err[1], 0);
	assert_int_equal(flushes->n, 1);
	flushes->error = EIO;
	submit(&j[1], IMAGE_FLUSH, 0, NULL, 0);
	wait_for(3);
	assert_int_equal(told.err[2], -EIO);
	flushes->error = 0;
	make(path, 0);
}

/* What is stored in a snapshot is no matter of the process's. */
static void test_snapshot(void **state)
{
	static uint8_t bytes[4096 * 6], block[4096];
	struct job j[2];
	told = (struct told){0};
	open_image(snapshot);
	memset(block, 0x77, sizeof block);
	submit(&j[0], IMAGE_WRITE, 8192, block, sizeof block);
	submit(&j[1], IMAGE_READ, 0, bytes, sizeof bytes);
	wait_for(2);
	assert_bytes(bytes, 0, 8192, 0);
	assert_memory_equal(bytes + 8192, block, sizeof block);
	assert_bytes(bytes + 12288, 12288, sizeof bytes - 12288, 0);
}

/* Another medium comes when all of the old one is done. */
static void test_change(void **state)
{
	static uint8_t bytes[BYTES];
	struct job j;
	told = (struct told){0};
	open_image(plain);
	submit(&j, IMAGE_READ, 0, bytes, sizeof bytes);
	assert_int_equal(image_open(image, other, plain), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.err[0], 0);
	assert_bytes(bytes, 0, sizeof bytes, 0);
	assert_int_equal(image_read(image, 512, bytes, 1024), 0);
	assert_bytes(bytes, 512, 1024, 1);
	submit(&j, IMAGE_READ, 0, bytes, sizeof bytes);
	image_eject(image);
	assert_int_equal(told.count, 2);
	assert_bytes(bytes, 0, sizeof bytes, 1);
}

/* A file that was made shorter. */
static void test_short(void **state)
{
	uint8_t bytes[1024];
	struct job j;
	told = (struct told){0};
	open_image(plain);
	assert_int_equal(truncate(path, 4096), 0);
	at_hand = 1024;
	submit(&j, IMAGE_READ, 8192, bytes, sizeof bytes);
	wait_for(1);
	assert_int_equal(told.err[0], -EIO);
	/* The next one is none the worse. */
	assert_int_equal(image_read(image, 0, bytes, sizeof bytes), 0);
	make(path, 0);
}

static pid_t find_process(void)
{
	char name[64], line[64];
	DIR *d = opendir("/proc");
	pid_t found = 0;
	for (const struct dirent *e; (e = readdir(d));) {
		snprintf(name, sizeof name, "/proc/%.20s/stat", e->d_name);
		FILE *f = fopen(name, "r");
		int pid, parent;
		if (f && fscanf(f, "%d (%63[^)]) %*c %d", &pid, line, &parent) == 3 &&
		    parent == getpid() && !strcmp(line, "unring-disks"))
			found = pid;
		if (f)
			fclose(f);
	}
	closedir(d);
	return found;
}

/* It names itself when it begins. */
static pid_t the_process(void)
{
	pid_t pid;
	while (!(pid = find_process()))
		usleep(1000);
	return pid;
}

/* What it was asked for, and all after it, is done without it. */
static void test_killed(void **state)
{
	static uint8_t bytes[BYTES];
	struct job j[2];
	told = (struct told){0};
	open_image(plain);
	pid_t pid = the_process();
	kill(pid, SIGSTOP);
	submit(&j[0], IMAGE_READ, 0, bytes, sizeof bytes);
	submit(&j[1], IMAGE_FLUSH, 0, NULL, 0);
	assert_int_equal(told.count, 0);
	kill(pid, SIGKILL);
	wait_for(2);
	assert_int_equal(told.err[0], 0);
	assert_int_equal(told.err[1], 0);
	assert_bytes(bytes, 0, sizeof bytes, 0);
	assert_false(disks_lives(disks));
	unsigned before = asked;
	assert_int_equal(image_read(image, 4096, bytes, 4096), 0);
	assert_bytes(bytes, 4096, 4096, 0);
	assert_int_equal(asked, before);
}

/* Nothing was asked of it then. */
static void test_killed_idle(void **state)
{
	uint8_t bytes[4096];
	open_image(plain);
	kill(the_process(), SIGKILL);
	while (disks_lives(disks))
		if (!loop_poll(loop))
			usleep(1000);
	assert_int_equal(image_read(image, 4096, bytes, sizeof bytes), 0);
	assert_bytes(bytes, 4096, sizeof bytes, 0);
	assert_int_equal(image_flush(image), 0);
}

/* The loop has not looked since. */
static void test_killed_unseen(void **state)
{
	uint8_t bytes[4096];
	open_image(plain);
	kill(the_process(), SIGKILL);
	assert_int_equal(image_read(image, 4096, bytes, sizeof bytes), 0);
	assert_bytes(bytes, 4096, sizeof bytes, 0);
}

/* A disk that does not answer keeps nobody from ending. */
static void test_end(void **state)
{
	uint8_t bytes[4096];
	struct job j[2];
	told = (struct told){0};
	open_image(plain);
	pid_t pid = the_process();
	kill(pid, SIGSTOP);
	submit(&j[0], IMAGE_FLUSH, 0, NULL, 0);
	submit(&j[1], IMAGE_READ, 0, bytes, sizeof bytes);
	image_destroy(image);
	image = NULL;
	assert_int_equal(told.count, 2);
	assert_int_equal(told.err[0], -ECANCELED);
	assert_int_equal(told.err[1], -ECANCELED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, NULL, close_image)
	const struct CMUnitTest tests[] = {
		TEST(test_reads),    TEST(test_at_hand),       TEST(test_order),
		TEST(test_snapshot), TEST(test_change),        TEST(test_short),
		TEST(test_killed),   TEST(test_killed_idle),   TEST(test_end),
		TEST(test_flush),    TEST(test_killed_unseen),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
