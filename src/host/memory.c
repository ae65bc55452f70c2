#define _GNU_SOURCE
#include "host/memory.h"

#include "host/fence.h"
#include "host/loss.h"
#include "host/syscall.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of headers older than the kernels that have them. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#define FEATURE_WP_SHMEM (1 << 12)

#define LOW_END (1ull << 32)
#define AREA_FIRST (1ull << 45)
#define AREA_LAST (1ull << 46)

int host_mem_file(const char *name, uint64_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes)) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

void host_mem_close(int fd)
{
	close(fd);
}

int host_mem_reader(int fd)
{
	char self[40];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	int reader = open(self, O_RDONLY | O_CLOEXEC);
	return reader < 0 ? -errno : reader;
}

/* --- memory between guards --- */

/* As large as a huge page, so that memory is aligned as it would be without. */
#define GUARD ((size_t)2 << 20)
#define HOLD (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define DATA (PROT_READ | PROT_WRITE)

static size_t whole_pages(size_t bytes)
{
	return (bytes + PAGE_MASK) & ~(size_t)PAGE_MASK;
}

static long unmap(void *at, size_t bytes)
{
	return host_syscall3(SYS_munmap, (long)at, (long)bytes, 0);
}

int host_mem_hold(size_t bytes, void **out)
{
	bytes = whole_pages(bytes);
	long p = host_syscall6(SYS_mmap, 0, (long)(bytes + 2 * GUARD), PROT_NONE, HOLD, -1, 0);
	if (host_syscall_failed(p))
		return (int)p;
	*out = (uint8_t *)p + GUARD;
	if ((uintptr_t)p >= LOW_END)
		return 0;
	host_mem_release(*out, bytes);
	return -ENOMEM;
}

int host_mem_reserve(size_t bytes, void **out)
{
	void *at;
	int err = host_mem_hold(bytes, &at);
	if (err)
		return err;
	long done = host_syscall3(SYS_mprotect, (long)at, (long)whole_pages(bytes), DATA);
	if (host_syscall_failed(done)) {
		host_mem_release(at, bytes);
		return (int)done;
	}
	*out = at;
	return 0;
}

void host_mem_release(void *at, size_t bytes)
{
	if (at)
		unmap((uint8_t *)at - GUARD, whole_pages(bytes) + 2 * GUARD);
}

/* --- the area of the windows --- */

static bool is_held; /* nothing is, where address space is limited */

static void note_mapping(void *ctx, const struct host_mapping *m)
{
	*(bool *)ctx = true;
}

/* Without holding it.  Who cannot be asked is believed. */
static bool is_free(uint64_t at, uint64_t bytes)
{
	bool found = false;
	host_mem_each((void *)at, (void *)(at + bytes), note_mapping, &found);
	return !found;
}

int host_mem_area(uint64_t bytes, uint8_t **out)
{
	struct rlimit limit;
	bool limited = !getrlimit(RLIMIT_AS, &limit) && limit.rlim_cur != RLIM_INFINITY;
	for (uint64_t at = AREA_FIRST; at + bytes <= AREA_LAST; at += bytes) {
		void *p = mmap((void *)at, bytes, PROT_NONE, HOLD | MAP_FIXED_NOREPLACE, -1, 0);
		is_held = p == (void *)at;
		if (p != MAP_FAILED && !is_held) /* kernels before 4.17 take it for a hint */
			munmap(p, bytes);
		if (!is_held && !(limited && is_free(at, bytes)))
			continue;
		if (!is_held)
			host_lost("guards (RLIMIT_AS)", 0);
		fence_grant(GRANT_WINDOWS, at, at + bytes - LOW_END);
		*out = (uint8_t *)at;
		return 0;
	}
	return -ENOMEM;
}

int host_mem_area_open(void *at, size_t bytes)
{
	return is_held ? (int)unmap(at, bytes) : 0;
}

int host_mem_zeros(void *at, size_t bytes)
{
	return mmap(at, bytes, PROT_READ, HOLD | MAP_FIXED, -1, 0) == MAP_FAILED ? -errno : 0;
}

void host_mem_area_release(uint8_t *area, uint64_t bytes)
{
	unmap(area, bytes);
}

/* --- mappings --- */

int host_mem_map(void *at, size_t bytes, int fd, uint64_t offset, bool write)
{
	int prot = write ? PROT_READ | PROT_WRITE : PROT_READ;
	long p = host_syscall6(SYS_mmap, (long)at, (long)bytes, prot, MAP_SHARED | MAP_FIXED, fd,
	                       (long)offset);
	return host_syscall_failed(p) ? (int)p : 0;
}

int host_mem_unmap(void *at, size_t bytes)
{
	return (int)unmap(at, bytes);
}

int host_mem_protect(void *at, size_t bytes, bool write)
{
	return (int)host_syscall3(SYS_mprotect, (long)at, (long)bytes,
	                          write ? PROT_READ | PROT_WRITE : PROT_READ);
}

int host_mem_wp_open(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (fd < 0) {
		int err = -errno;
		host_lost("userfaultfd", err);
		return err;
	}
	struct uffdio_api api = {.api = UFFD_API,
	                         .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_SIGBUS |
	                                     FEATURE_WP_SHMEM};
	if (ioctl(fd, UFFDIO_API, &api)) {
		int err = -errno;
		host_lost("userfaultfd for shared memory", err);
		close(fd);
		return err;
	}
	fence_grant(GRANT_WP, (uint64_t)fd, 0);
	return fd;
}

int host_mem_wp_register(int wp, void *at, size_t bytes)
{
	struct uffdio_register r = {.range = {(uintptr_t)at, bytes},
	                            .mode = UFFDIO_REGISTER_MODE_WP};
	return (int)host_syscall3(SYS_ioctl, wp, UFFDIO_REGISTER, (long)&r);
}

int host_mem_wp_set(int wp, void *at, size_t bytes, bool protect)
{
	struct uffdio_writeprotect w = {
		.range = {(uintptr_t)at, bytes},
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
	};
	return (int)host_syscall3(SYS_ioctl, wp, UFFDIO_WRITEPROTECT, (long)&w);
}

unsigned host_mem_map_limit(void)
{
	unsigned n = 65530;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	if (f) {
		if (fscanf(f, "%u", &n) != 1)
			n = 65530;
		fclose(f);
	}
	return n;
}

/* --- the kernel's books --- */

static struct book {
	const char *path;
	int fd; /* 0: not open */
} maps = {"/proc/self/maps", 0}, pagemap = {"/proc/self/pagemap", 0};

/* Its descriptor, or a negative errno. */
static int book_open(struct book *b)
{
	if (b->fd)
		return b->fd;
	int fd = open(b->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fence_grant(GRANT_BOOKS, (uint64_t)fd, 0);
	return b->fd = fd;
}

int host_mem_books_open(void)
{
	int a = book_open(&maps), b = book_open(&pagemap);
	return a < 0 ? a : b < 0 ? b : 0;
}

/* Bit 57 of an entry.  Linux, admin-guide/mm/pagemap. */
int host_mem_wp_get(const void *page)
{
	uint64_t entry = 0;
	int fd = book_open(&pagemap);
	if (fd < 0)
		return fd;
	ssize_t n = pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)page >> PAGE_SHIFT) * 8);
	return n == sizeof entry ? (int)(entry >> 57 & 1) : n < 0 ? -errno : -EIO;
}

/* Its text; *text is to be freed. */
static int read_maps(char **text)
{
	int fd = book_open(&maps);
	size_t room = 0, n = 0;
	ssize_t got = 1;
	if (fd < 0)
		return fd;
	*text = NULL;
	while (got > 0) {
		if (room - n < 1 << 16) {
			char *grown = realloc(*text, room += 1 << 18);
			if (!grown) {
				free(*text);
				return -ENOMEM;
			}
			*text = grown;
		}
		got = pread(fd, *text + n, room - n - 1, (off_t)n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		free(*text);
		return -EIO;
	}
	(*text)[n] = 0;
	return 0;
}

/* START-END PERMISSIONS OFFSET DEVICE INODE      NAME.  (sscanf would look for the end of the
 * text.) */
static bool read_mapping(char *line, struct host_mapping *m)
{
	char *p;
	m->start = (uint8_t *)(uintptr_t)strtoull(line, &p, 16);
	if (*p != '-')
		return false;
	m->end = (uint8_t *)(uintptr_t)strtoull(p + 1, &p, 16);
	if (strnlen(p, 6) < 6)
		return false;
	m->read = p[1] == 'r';
	m->write = p[2] == 'w';
	m->execute = p[3] == 'x';
	m->shared = p[4] == 's';
	m->held = !m->read && !m->write && !m->execute;
	m->offset = strtoull(p + 6, &p, 16);
	/* Neither has spaces in it; the name may. */
	for (unsigned n = 0; n < 2; n++) {
		p += strspn(p, " ");
		p += strcspn(p, " ");
	}
	m->name = p + strspn(p, " ");
	return true;
}

int host_mem_each(const void *from, const void *to,
                  void (*fn)(void *ctx, const struct host_mapping *m), void *ctx)
{
	char *text;
	int err = read_maps(&text);
	if (err)
		return err;
	for (char *rest = text, *line; !err && rest && *rest;) {
		struct host_mapping m;
		line = strsep(&rest, "\n");
		if (!read_mapping(line, &m))
			err = -EIO;
		else if (m.end > (uint8_t *)from && m.start < (uint8_t *)to)
			fn(ctx, &m);
	}
	free(text);
	return err;
}
