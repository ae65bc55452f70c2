#include "machine/preflight.h"

#include "host/loss.h"
#include "host/memory.h"

#include <string.h>

enum {
	LEAF7_FSGSBASE = 1 << 0,
	LEAF7_BMI2 = 1 << 8,
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
	if (!w->sets_gs)
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
	for (unsigned n = 0; n < 3; n++)
		if (!host_probe_standard(n))
			return problem_set(p, "standard %s is closed", names[n]);
	return true;
}

static bool memfd_executable(struct problem *p)
{
	bool made;
	int err = host_probe_executable(&made);
	if (err && !made)
		return problem_set(p, "cannot create a memfd: %s", strerror(-err));
	return !err || problem_set(p, "cannot map a memfd executable: %s (mounted noexec?)",
	                           strerror(-err));
}

bool preflight(uint64_t memory, const char *memory_text, struct problem *p)
{
	struct host_words w = host_probe_words();
	unsigned maps = host_mem_map_limit();
	if (maps < MAPS_USUAL)
		host_lost("the usual number of mappings (vm.max_map_count)", 0);
	return streams_open(p) && preflight_cpu(&w, p) && preflight_maps(maps, p) &&
	       preflight_memory(memory, memory_text, host_probe_memory(), p) && memfd_executable(p);
}
