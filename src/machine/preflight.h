/* What the host must offer, checked before anything is set up. */
#ifndef UNRING_MACHINE_PREFLIGHT_H
#define UNRING_MACHINE_PREFLIGHT_H

#include "machine/problem.h"

/* What the processor and the kernel say about themselves. */
struct host_words {
	uint32_t max_leaf;    /* CPUID 0 EAX */
	uint32_t leaf7_ebx;   /* CPUID 7.0 EBX */
	unsigned long hwcap2; /* AT_HWCAP2: bit 1, the kernel lets user code set FS and GS bases */
};

bool preflight_cpu(const struct host_words *w, struct problem *p);
bool preflight_maps(unsigned long max_map_count, struct problem *p);
bool preflight_memory(uint64_t wanted, const char *text, uint64_t host_bytes, struct problem *p);

/* All of these with this host's own values, standard streams, and whether memory
 * files may be mapped executable. */
bool preflight(uint64_t memory, const char *memory_text, struct problem *p);

#endif
