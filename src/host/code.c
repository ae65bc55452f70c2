#define _GNU_SOURCE
#include "host/code.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int host_code_create(struct host_code *c, size_t size)
{
	int fd = memfd_create("unring-code", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = 0;
	void *rw = MAP_FAILED, *rx = MAP_FAILED;
	if (ftruncate(fd, (off_t)size) < 0 ||
	    (rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED ||
	    (rx = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0)) == MAP_FAILED)
		err = -errno;
	close(fd);
	if (err) {
		if (rw != MAP_FAILED)
			munmap(rw, size);
		return err;
	}
	*c = (struct host_code){.rw = rw, .rx = rx, .size = size};
	return 0;
}

void host_code_destroy(struct host_code *c)
{
	if (!c->rw)
		return;
	munmap(c->rw, c->size);
	munmap((void *)c->rx, c->size);
	*c = (struct host_code){0};
}
