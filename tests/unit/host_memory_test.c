/* links: host */
/* Memory between guards, and the area of the windows. */
#define _GNU_SOURCE
#include "host/loss.h"
#include "host/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define GIB4 (1ull << 32)

/* Would the kernel put a mapping here?  Not where anything is, a guard or other. */
static bool is_free(const void *at)
{
	void *p = mmap((void *)(uintptr_t)at, PAGE_SIZE, PROT_NONE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != MAP_FAILED)
		munmap(p, PAGE_SIZE);
	return p == at;
}

/* Rights of the mapping at an address: 0 none, 1 to read, 3 to write. */
struct rights {
	const uint8_t *at;
	int found;
};

static void note(void *ctx, const struct host_mapping *m)
{
	struct rights *r = ctx;
	if (m->start <= r->at && r->at < m->end)
		r->found = m->held ? 0 : m->write ? 3 : 1;
}

static int rights(const uint8_t *at)
{
	struct rights r = {at, -1};
	assert_int_equal(host_mem_each(at, at + 1, note, &r), 0);
	return r.found;
}

static void between_guards(uint8_t *p, size_t bytes)
{
	assert_true((uintptr_t)p >= GIB4);
	assert_int_equal(rights(p), 3);
	assert_int_equal(rights(p + bytes - 1), 3);
	assert_int_equal(rights(p - 1), 0);
	assert_int_equal(rights(p - 0x10000), 0);
	assert_int_equal(rights(p + bytes), 0);
	assert_int_equal(rights(p + bytes + 0xffff), 0);
	p[0] = p[bytes - 1] = 1;
}

struct named {
	const uint8_t *at;
	bool read, write, execute, shared;
	char name[64];
};

static void note_name(void *ctx, const struct host_mapping *m)
{
	struct named *n = ctx;
	if (m->start > n->at || n->at >= m->end)
		return;
	n->read = m->read;
	n->write = m->write;
	n->execute = m->execute;
	n->shared = m->shared;
	snprintf(n->name, sizeof n->name, "%s", m->name);
}

/* What the kernel tells of a mapping: rights, and what it maps. */
static void test_names(void **state)
{
	int fd = memfd_create("unring two words", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4 * PAGE_SIZE), 0);
	uint8_t *p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 2 * PAGE_SIZE);
	struct named n = {.at = p};
	assert_int_equal(host_mem_each(p, p + 1, note_name, &n), 0);
	assert_true(n.read && n.execute && n.shared && !n.write);
	assert_string_equal(n.name, "/memfd:unring two words (deleted)");
	munmap(p, PAGE_SIZE);
	close(fd);
	p = mmap(NULL, PAGE_SIZE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	n = (struct named){.at = p, .name = "?"};
	assert_int_equal(host_mem_each(p, p + 1, note_name, &n), 0);
	assert_true(n.write && !n.execute && !n.shared);
	assert_string_equal(n.name, "");
	munmap(p, PAGE_SIZE);
}

static void test_reserve(void **state)
{
	void *p;
	assert_int_equal(host_mem_reserve(2 * PAGE_SIZE + 1, &p), 0);
	between_guards(p, 3 * PAGE_SIZE);
	host_mem_release(p, 2 * PAGE_SIZE + 1);
	assert_true(is_free(p));
	assert_true(is_free((uint8_t *)p - PAGE_SIZE));
	assert_true(is_free((uint8_t *)p + 3 * PAGE_SIZE));
	host_mem_release(NULL, PAGE_SIZE);
}

/* What is held is mapped in, between the guards, and released with them. */
static void test_hold(void **state)
{
	void *p, *q;
	int fd = host_mem_file("unring-test", 4 * PAGE_SIZE);
	assert_true(fd >= 0);
	assert_int_equal(host_mem_hold(3 * PAGE_SIZE, &p), 0);
	assert_false(is_free(p));
	assert_int_equal(host_mem_map(p, 3 * PAGE_SIZE, fd, PAGE_SIZE, true), 0);
	between_guards(p, 3 * PAGE_SIZE);
	assert_int_equal(host_mem_hold(4 * PAGE_SIZE, &q), 0);
	assert_int_equal(host_mem_map(q, 4 * PAGE_SIZE, fd, 0, true), 0);
	assert_int_equal(((uint8_t *)q)[PAGE_SIZE], 1);
	assert_int_equal(((uint8_t *)q)[0], 0);
	host_mem_release(p, 3 * PAGE_SIZE);
	host_mem_release(q, 4 * PAGE_SIZE);
	host_mem_close(fd);
	assert_true(is_free(p));
}

static void test_area(void **state)
{
	uint8_t *area, *other;
	assert_int_equal(host_mem_area(8 * GIB4, &area), 0);
	assert_null(host_losses());
	assert_int_equal((uintptr_t)area % GIB4, 0);
	for (unsigned i = 0; i < 8; i++)
		assert_false(is_free(area + i * GIB4));
	assert_false(is_free(area + 8 * GIB4 - PAGE_SIZE));
	/* A second one is elsewhere. */
	assert_int_equal(host_mem_area(8 * GIB4, &other), 0);
	assert_true(other >= area + 8 * GIB4 || other + 8 * GIB4 <= area);
	host_mem_area_release(other, 8 * GIB4);

	assert_int_equal(host_mem_area_open(area + GIB4, GIB4), 0);
	assert_false(is_free(area + GIB4 - PAGE_SIZE));
	assert_true(is_free(area + GIB4));
	assert_true(is_free(area + 2 * GIB4 - PAGE_SIZE));
	assert_false(is_free(area + 2 * GIB4));
	int fd = host_mem_file("unring-test", PAGE_SIZE);
	assert_int_equal(host_mem_map(area + GIB4 + PAGE_SIZE, PAGE_SIZE, fd, 0, true), 0);
	area[GIB4 + PAGE_SIZE] = 1;
	host_mem_close(fd);
	host_mem_area_release(area, 8 * GIB4);
	assert_true(is_free(area));
	assert_true(is_free(area + GIB4 + PAGE_SIZE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_area),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
