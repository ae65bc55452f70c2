/* links: mmu host cpu base */
/* wraps: host_mem_map host_mem_unmap */
/* A host that refuses what windows cannot do without ends the run: one line, status 1. */
#include "mmu_guest.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned maps, unmaps; /* to be refused yet */

int __real_host_mem_map(void *at, size_t bytes, int fd, uint64_t offset, bool write);
int __wrap_host_mem_map(void *at, size_t bytes, int fd, uint64_t offset, bool write)
{
	return maps && maps-- ? -ENOMEM : __real_host_mem_map(at, bytes, fd, offset, write);
}

int __real_host_mem_unmap(void *at, size_t bytes);
int __wrap_host_mem_unmap(void *at, size_t bytes)
{
	return unmaps && unmaps-- ? -ENOMEM : __real_host_mem_unmap(at, bytes);
}

/* A store to each of two pages far apart; then the first is watched, and so no longer mapped. */
static void run(void)
{
	unsigned refuse_maps = maps, refuse_unmaps = unmaps;

	maps = unmaps = 0;
	struct guest *g = guest_new(NULL);
	struct window *w = mmu_window(g->m, false, gla(0x7c00));
	touch(g, w, 0x1234, true, false);
	maps = refuse_maps;
	touch(g, w, 32 * MIB, true, false);
	maps = 0;
	unmaps = refuse_unmaps;
	mmu_watch_set(g->m, &(struct mmu_watch){.first = 1, .last = 1, .reads = true}, 1);
	mmu_window(g->m, false, gla(0x7c00));
	unmaps = 0;
	mmu_watch_set(g->m, NULL, 0);
	touch(g, w, 0x1234, true, false);
	guest_free(g);
}

/* In a child; returns its status, and what it wrote to stderr. */
static int child(char *text, size_t size)
{
	int out[2], status;
	ssize_t n = 0, got;

	assert_int_equal(pipe(out), 0);
	pid_t pid = fork();
	if (!pid) {
		dup2(out[1], STDERR_FILENO);
		run();
		_exit(0);
	}
	close(out[1]);
	while ((got = read(out[0], text + n, size - 1 - (size_t)n)) > 0)
		n += got;
	text[n] = 0;
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_nothing_is_refused(void **state)
{
	char text[256];
	maps = unmaps = 0;
	assert_int_equal(child(text, sizeof text), 0);
	assert_string_equal(text, "");
}

/* One refusal is made good by what a window gives back. */
static void test_refused_once(void **state)
{
	char text[256];
	maps = unmaps = 1;
	assert_int_equal(child(text, sizeof text), 0);
	assert_string_equal(text, "");
}

static void test_no_mappings(void **state)
{
	char text[256];
	maps = 1000;
	unmaps = 0;
	assert_int_equal(child(text, sizeof text), 1);
	assert_string_equal(text, "unring: the host refuses mappings for the guest's memory: "
	                          "Cannot allocate memory\n");
}

static void test_no_unmapping(void **state)
{
	char text[256];
	maps = 0;
	unmaps = 1000;
	assert_int_equal(child(text, sizeof text), 1);
	assert_string_equal(text, "unring: the host refuses to unmap a window: "
	                          "Cannot allocate memory\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_refused),
		cmocka_unit_test(test_refused_once),
		cmocka_unit_test(test_no_mappings),
		cmocka_unit_test(test_no_unmapping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
