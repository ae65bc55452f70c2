/* What this host is, and gives. */
#ifndef UNRING_HOST_PROBE_H
#define UNRING_HOST_PROBE_H

#include "base/types.h"

/* What the processor and the kernel say about themselves. */
struct host_words {
	uint32_t max_leaf;  /* CPUID 0 EAX */
	uint32_t leaf7_ebx; /* CPUID 7.0 EBX */
	bool sets_gs;       /* WRGSBASE is enabled */
};

struct host_words host_probe_words(void);
/* Memory and swap, bytes. */
uint64_t host_probe_memory(void);
/* Is standard input (0), output (1), error (2) open? */
bool host_probe_standard(unsigned n);
/* Can a memory file be made (*made: it can), and mapped executable?  0 or a negative errno. */
int host_probe_executable(bool *made);

#endif
