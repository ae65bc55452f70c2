/* links: host */
/* wraps: pread pwrite */
/* Transfers to and from a file that does less at a time than it is asked for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "host/transfer.h"

enum { BYTES = 1000, PART = 300 };

static uint8_t file[BYTES];
static unsigned calls;
static int fails_with; /* from the third call on */

/* The second call is interrupted. */
static ssize_t part(size_t n)
{
	calls++;
	errno = calls == 2 ? EINTR : fails_with;
	if (calls == 2 || (calls > 2 && fails_with))
		return -1;
	return n < PART ? (ssize_t)n : PART;
}

ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at)
{
	ssize_t some = part((size_t)at + n > BYTES ? (size_t)(BYTES - at) : n);
	if (some > 0)
		memcpy(to, file + at, (size_t)some);
	return some;
}

ssize_t __wrap_pwrite(int fd, const void *from, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *from, size_t n, off_t at)
{
	ssize_t some = part(n);
	if (some > 0)
		memcpy(file + at, from, (size_t)some);
	return some;
}

static void fill(void)
{
	for (unsigned i = 0; i < BYTES; i++)
		file[i] = (uint8_t)(i * 7 + i / 256);
	calls = 0;
	fails_with = 0;
}

static void test_parts(void **state)
{
	uint8_t bytes[BYTES] = {0};
	fill();
	assert_int_equal(host_transfer(0, 50, bytes, 900, false), 0);
	assert_memory_equal(bytes, file + 50, 900);
	assert_int_equal(calls, 4);
	memset(bytes, 0x55, sizeof bytes);
	calls = 0;
	assert_int_equal(host_transfer(0, 50, bytes, 900, true), 0);
	assert_memory_equal(bytes, file + 50, 900);
	assert_int_equal(file[49], (uint8_t)(49 * 7));
	assert_int_not_equal(file[950], 0x55);
}

static void test_ends(void **state)
{
	uint8_t bytes[BYTES];
	fill();
	fails_with = ENOSPC;
	assert_int_equal(host_transfer(0, 0, bytes, BYTES, true), -ENOSPC);
	assert_int_equal(calls, 3);
	/* Of a file that is shorter the rest is missing. */
	fill();
	assert_int_equal(host_transfer(0, BYTES - 10, bytes, 20, false), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_ends),
	};
	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
