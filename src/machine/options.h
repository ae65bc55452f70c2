/* The command line of `unring run`. */
#ifndef UNRING_MACHINE_OPTIONS_H
#define UNRING_MACHINE_OPTIONS_H

#include "host/fence.h"
#include "machine/problem.h"

enum { OPTIONS_MODULES = 16 };

struct options {
	const char *kernel; /* NULL: the tour */
	const char *initrd;
	const char *modules[OPTIONS_MODULES];
	unsigned module_count;
	const char *append;
	const char *memory_text; /* as typed, for messages */
	uint64_t memory;         /* bytes */
	const char *cpu;
	bool cpu_help;
	const char *serial;   /* as serial_names() has it */
	const char *debugcon; /* PATH, or - for standard output */
	bool debug_exit, no_reboot;
	bool stats;
	const char *stats_path; /* NULL: standard error */
	const char *log, *log_path;
	unsigned vma_budget;
	bool no_userfaultfd, exact_ad, help;
	uint64_t cache_bytes;
	const char *dump_cache;
	const char *gdb; /* port; NULL: none */
	enum fence_mode fence;
	bool verify;
	/* Checks a dump of the cache, says what it found; true: nothing wrong. */
	bool (*checker)(const void *dump, size_t bytes);
};

/* Reads the arguments after `run`. */
bool options_parse(struct options *o, int argc, char **argv, struct problem *p);

/* A number of bytes with an optional suffix K, M or G. */
bool options_size(const char *text, uint64_t *bytes);

/* The lines of `unring run --help`. */
extern const char options_help[];

#endif
