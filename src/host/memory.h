/* Host memory: the file that backs guest-physical memory, and mappings of it
 * at chosen addresses.  All Linux calls of the mmu are here.  Unless said
 * otherwise functions return 0 or a negative errno and may be called in a
 * signal handler.  offset and size are multiples of the page size. */
#ifndef UNRING_HOST_MEMORY_H
#define UNRING_HOST_MEMORY_H

#include "base/types.h"

/* A file in memory of this size, all zero, committed page by page at the first
 * touch; returns its descriptor. */
int host_mem_file(const char *name, uint64_t bytes);
void host_mem_close(int fd);
/* Another descriptor of it, by which it can be read alone.  Not for handlers. */
int host_mem_reader(int fd);

/* Address space above 4 GiB, between guards (nothing can be reached right below and above it),
 * to map in: until then no access succeeds. */
int host_mem_hold(size_t bytes, void **out);

/* Zeroed private memory above 4 GiB, between guards, committed at the first touch. */
int host_mem_reserve(size_t bytes, void **out);

/* Gives back what came from the two, guards and all. */
void host_mem_release(void *at, size_t bytes);

/* An area of address space (aligned to 4 GiB, well away from where the kernel maps by
 * itself) that is held: nothing else is mapped there, and no access succeeds. */
int host_mem_area(uint64_t bytes, uint8_t **out);
/* Holds a part of it no longer, for good, to be mapped in: that is cheaper than in what is held. */
int host_mem_area_open(void *at, size_t bytes);
/* Zeros that can only be read, in the area: they take page tables, but no memory.  Not for handlers. */
int host_mem_zeros(void *at, size_t bytes);
void host_mem_area_release(uint8_t *area, uint64_t bytes);

/* Shared mapping of the file at this address, replacing what is there. */
int host_mem_map(void *at, size_t bytes, int fd, uint64_t offset, bool write);
int host_mem_unmap(void *at, size_t bytes);
int host_mem_protect(void *at, size_t bytes, bool write);

/* Write protection inside a mapping, without splitting it (userfaultfd): open
 * returns a descriptor, or -errno where it is not permitted or the kernel cannot
 * do it for shared memory.  A write to a protected page of a registered mapping
 * raises SIGBUS, with the page fault's own vector and error code. */
int host_mem_wp_open(void);
int host_mem_wp_register(int wp, void *at, size_t bytes);
int host_mem_wp_set(int wp, void *at, size_t bytes, bool protect);

/* vm.max_map_count; 65530 where it cannot be read.  Not for handlers. */
unsigned host_mem_map_limit(void);

/* Opens what tells of this process's own mappings: once it is fenced that is not possible
 * any more.  Not for handlers. */
int host_mem_books_open(void);

/* Is this page, in a mapping that may be written, write-protected by userfaultfd?
 * As the kernel's page tables say: 1, 0, or a negative errno.  Not for handlers. */
int host_mem_wp_get(const void *page);

struct host_mapping {
	uint8_t *start, *end;
	uint64_t offset;
	bool read, write, execute, shared;
	bool held;        /* may not be accessed at all */
	const char *name; /* of the file, "/memfd:NAME (deleted)", or "" */
};

/* Calls fn for each mapping of this process that meets [from, to), in order.
 * Not for handlers. */
int host_mem_each(const void *from, const void *to,
                  void (*fn)(void *ctx, const struct host_mapping *m), void *ctx);

#endif
