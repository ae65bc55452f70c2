/* What the host must offer, checked before anything is set up. */
#ifndef UNRING_MACHINE_PREFLIGHT_H
#define UNRING_MACHINE_PREFLIGHT_H

#include "host/probe.h"
#include "machine/problem.h"

bool preflight_cpu(const struct host_words *w, struct problem *p);
bool preflight_maps(unsigned long max_map_count, struct problem *p);
bool preflight_memory(uint64_t wanted, const char *text, uint64_t host_bytes, struct problem *p);

/* All of these with this host's own values, standard streams, and whether memory
 * files may be mapped executable. */
bool preflight(uint64_t memory, const char *memory_text, struct problem *p);

#endif
