#define _GNU_SOURCE
#include "machine/preflight.h"

#include "host/loss.h"
#include "host/memory.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum {
	LEAF7_FSGSBASE = 1 << 0,
	LEAF7_BMI2 = 1 << 8,
	HWCAP2_USER_FSGSBASE = 1 << 1,
	MAPS_MIN = 4096,
	MAPS_USUAL = 65530,
};

bool preflight_cpu(const struct host_words *w, struct problem *p)
{
	uint32_t features = w->max_leaf >= 7 ? w->leaf7_ebx : 0;
	if (!(features & LEAF7_FSGSBASE))
		return problem_set(p, "this processor lacks FSGSBASE, which unring needs");
	if (!(features & LEAF7_BMI2))
		return problem_set(p, "this processor lacks BMI2, which unring needs");
	if (!(w->hwcap2 & HWCAP2_USER_FSGSBASE))
		return problem_set(p, "this kernel does not enable FSGSBASE, which unring needs "
		                      "(Linux 5.9, without nofsgsbase)");
	return true;
}

bool preflight_maps(unsigned long max_map_count, struct problem *p)
{
	if (max_map_count < MAPS_MIN)
		return problem_set(p, "vm.max_map_count is %lu: unring needs at least %u",
		                   max_map_count, MAPS_MIN);
	return true;
}

bool preflight_memory(uint64_t wanted, const char *text, uint64_t host_bytes, struct problem *p)
{
	if (wanted > host_bytes)
		return problem_set(p, "--memory %s: this host has %llu MiB", text,
		                   (unsigned long long)(host_bytes >> 20));
	return true;
}

static bool streams_open(struct problem *p)
{
	static const char *const names[] = {"input", "output", "error"};
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return problem_set(p, "standard %s is closed", names[fd]);
	return true;
}

static bool memfd_executable(struct problem *p)
{
	int fd = memfd_create("unring-preflight", MFD_CLOEXEC);
	if (fd < 0)
		return problem_set(p, "cannot create a memfd: %s", strerror(errno));
	void *at = MAP_FAILED;
	if (!ftruncate(fd, 4096))
		at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	int err = errno;
	close(fd);
	if (at == MAP_FAILED)
		return problem_set(p,
		                   "cannot map a memfd executable: %s "
		                   "(mounted noexec?)",
		                   strerror(err));
	munmap(at, 4096);
	return true;
}

bool preflight(uint64_t memory, const char *memory_text, struct problem *p)
{
	struct host_words w = {.hwcap2 = getauxval(AT_HWCAP2)};
	unsigned eax, ebx, ecx, edx;
	w.max_leaf = __get_cpuid_max(0, NULL);
	if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		w.leaf7_ebx = ebx;
	struct sysinfo si;
	sysinfo(&si);
	unsigned maps = host_mem_map_limit();
	if (maps < MAPS_USUAL)
		host_lost("the usual number of mappings (vm.max_map_count)", 0);
	return streams_open(p) && preflight_cpu(&w, p) && preflight_maps(maps, p) &&
	       preflight_memory(memory, memory_text,
	                        (uint64_t)(si.totalram + si.totalswap) * si.mem_unit, p) &&
	       memfd_executable(p);
}
