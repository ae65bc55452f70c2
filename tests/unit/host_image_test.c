/* links: host */
/* Disk images: locks, snapshots, what is refused, and what is put in later. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/image.h"

enum { MOST = 2880 << 10 };

static char folder[] = "/tmp/unring-image-XXXXXX";
static char path[64], other[64];

static const struct image_use plain = {.most = MOST}, small = {.most = 1024},
			      readonly = {.readonly = true, .most = MOST},
			      snapshot = {.snapshot = true, .most = MOST},
			      device = {.devices = true, .most = MOST};

static void make(const char *name, size_t bytes, char fill)
{
	char *data = malloc(bytes ? bytes : 1);
	memset(data, fill, bytes);
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), bytes);
	close(fd);
	free(data);
}

static char byte_of(const char *name, off_t at)
{
	char c;
	int fd = open(name, O_RDONLY);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	close(fd);
	return c;
}

static int open_folder(void **state)
{
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a", folder);
	snprintf(other, sizeof other, "%s/b", folder);
	return 0;
}

static int close_folder(void **state)
{
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

static struct image *create(void)
{
	struct image *i;
	assert_int_equal(image_create(&i), 0);
	assert_int_equal(image_bytes(i), 0);
	assert_int_equal(image_file(i), -1);
	return i;
}

static void test_plain(void **state)
{
	char buf[1024];
	struct image *i = create();
	make(path, 8192, 'a');
	assert_int_equal(image_open(i, path, plain), 0);
	assert_int_equal(image_bytes(i), 8192);
	assert_false(image_readonly(i));
	assert_int_equal(image_read(i, 8192 - 1024, buf, 1024), 0);
	assert_int_equal(buf[1023], 'a');
	memset(buf, 'x', sizeof buf);
	assert_int_equal(image_write(i, 4096 - 512, buf, 1024), 0);
	assert_int_equal(image_flush(i), 0);
	assert_int_equal(byte_of(path, 4096 - 513), 'a');
	assert_int_equal(byte_of(path, 4096 - 512), 'x');
	assert_int_equal(byte_of(path, 4096 + 511), 'x');
	assert_int_equal(byte_of(path, 4096 + 512), 'a');
	/* Somebody makes the file shorter. */
	assert_int_equal(truncate(path, 512), 0);
	assert_int_equal(image_read(i, 4096, buf, 512), -EIO);
	image_destroy(i);
}

static void test_readonly(void **state)
{
	char buf[512] = {0};
	struct image *i = create();
	make(path, 1024, 'a');
	assert_int_equal(image_open(i, path, readonly), 0);
	assert_true(image_readonly(i));
	assert_int_equal(image_write(i, 0, buf, 512), -EROFS);
	assert_int_equal(byte_of(path, 0), 'a');
	image_destroy(i);
}

static void test_snapshot(void **state)
{
	char buf[1024];
	struct image *i = create();
	make(path, 4096 * 3 + 512, 'a'); /* its last block is no whole one */
	assert_int_equal(image_open(i, path, snapshot), 0);
	assert_false(image_readonly(i));
	memset(buf, 'x', sizeof buf);
	assert_int_equal(image_write(i, 4096 - 512, buf, 1024), 0);
	assert_int_equal(image_write(i, 4096 * 3, buf, 512), 0);
	memset(buf, 0, sizeof buf);
	assert_int_equal(image_read(i, 4096 - 512, buf, 1024), 0);
	assert_int_equal(buf[0], 'x');
	assert_int_equal(buf[1023], 'x');
	assert_int_equal(image_read(i, 4096 - 1024, buf, 512), 0);
	assert_int_equal(buf[511], 'a');
	assert_int_equal(image_read(i, 4096 * 3, buf, 512), 0);
	assert_int_equal(buf[511], 'x');
	/* All at once, of both kinds of blocks. */
	char all[4096 * 3 + 512];
	assert_int_equal(image_read(i, 0, all, sizeof all), 0);
	for (size_t at = 0; at < sizeof all; at++) {
		bool written = (at >= 4096 - 512 && at < 4096 + 512) || at >= 4096 * 3;
		assert_int_equal(all[at], written ? 'x' : 'a');
	}
	assert_int_equal(image_flush(i), 0);
	for (off_t at = 0; at < 4096 * 3 + 512; at += 512)
		assert_int_equal(byte_of(path, at), 'a');
	/* Gone with it. */
	assert_int_equal(image_open(i, path, snapshot), 0);
	assert_int_equal(image_read(i, 4096 - 512, buf, 512), 0);
	assert_int_equal(buf[0], 'a');
	image_destroy(i);
}

/* Who writes has it alone; readers share it. */
static void test_locks(void **state)
{
	struct image *a = create(), *b = create();
	make(path, 1024, 'a');
	make(other, 2048, 'b');
	assert_int_equal(image_open(a, path, plain), 0);
	assert_int_equal(image_open(b, path, plain), -EAGAIN);
	assert_int_equal(image_open(b, path, readonly), -EAGAIN);
	assert_int_equal(image_open(b, path, snapshot), -EAGAIN);
	image_eject(a);
	assert_int_equal(image_bytes(a), 0);
	assert_int_equal(image_open(b, path, readonly), 0);
	assert_int_equal(image_open(a, path, snapshot), 0);
	image_eject(b);
	assert_int_equal(image_open(b, path, plain), -EAGAIN);
	/* What could not be put in leaves what is there. */
	assert_int_equal(image_open(b, other, plain), 0);
	assert_int_equal(image_open(b, path, plain), -EAGAIN);
	assert_int_equal(image_bytes(b), 2048);
	image_destroy(a);
	/* In the place of another, whose lock goes. */
	assert_int_equal(image_open(b, path, plain), 0);
	assert_int_equal(image_bytes(b), 1024);
	a = create();
	assert_int_equal(image_take(a, open(other, O_RDWR), plain), 0);
	image_destroy(a);
	image_destroy(b);
}

static void test_refusals(void **state)
{
	struct image *i = create();
	make(path, 0, 0);
	assert_int_equal(image_open(i, path, plain), -ENODATA);
	make(path, 513, 0);
	assert_int_equal(image_open(i, path, plain), -EDOM);
	make(path, 1536, 0);
	assert_int_equal(image_open(i, path, small), -EFBIG);
	assert_int_equal(image_open(i, folder, readonly), -EISDIR);
	assert_int_equal(image_open(i, "/dev/null", plain), -EINVAL);
	assert_int_equal(image_open(i, "/dev/null", device), -EINVAL);
	assert_int_equal(image_open(i, "/nonexistent/a", plain), -ENOENT);
	assert_int_equal(image_bytes(i), 0);
	assert_int_equal(image_file(i), -1);
	image_destroy(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),    cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_snapshot), cmocka_unit_test(test_locks),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, open_folder, close_folder);
}
