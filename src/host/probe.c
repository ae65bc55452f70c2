#define _GNU_SOURCE
#include "host/probe.h"

#include "host/gs.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

struct host_words host_probe_words(void)
{
	struct host_words w = {.sets_gs = host_gs_settable()};
	unsigned eax, ebx, ecx, edx;
	w.max_leaf = __get_cpuid_max(0, NULL);
	if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		w.leaf7_ebx = ebx;
	return w;
}

uint64_t host_probe_memory(void)
{
	struct sysinfo si;
	sysinfo(&si);
	return (uint64_t)(si.totalram + si.totalswap) * si.mem_unit;
}

bool host_probe_standard(unsigned n)
{
	return fcntl((int)n, F_GETFD) >= 0;
}

int host_probe_executable(bool *made)
{
	int fd = memfd_create("unring-preflight", MFD_CLOEXEC);
	*made = fd >= 0;
	if (fd < 0)
		return -errno;
	void *at = MAP_FAILED;
	if (!ftruncate(fd, PAGE_SIZE))
		at = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	int err = at == MAP_FAILED ? -errno : 0;
	close(fd);
	if (!err)
		munmap(at, PAGE_SIZE);
	return err;
}
