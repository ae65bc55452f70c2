/* The machine that is asked for: what the options of `unring run` say (options.inc), or a
 * program that runs one. */
#ifndef UNRING_MACHINE_CONFIG_H
#define UNRING_MACHINE_CONFIG_H

#include "cpu/model.h"
#include "host/fence.h"
#include "host/stream_spec.h"
#include "machine/options.h"

enum { CONFIG_MODULES = 16 };

enum config_mmu { MMU_SHADOW };

struct machine_config {
	const char *kernel; /* NULL: the tour */
	const char *initrd;
	struct {
		const char *at[CONFIG_MODULES];
		unsigned count;
	} modules; /* "FILE arguments" */
	const char *append;
	uint64_t memory; /* bytes */
	struct config_cpu {
		const struct cpu_model *model;
		bool help; /* the models are to be listed */
	} cpu;
	struct stream_spec serial, debugcon, gdb;
	bool debug_exit, no_reboot;
	struct option_file stats; /* path NULL: standard error */
	struct config_log {
		unsigned categories; /* of base/log.h; 0: no log */
		const char *path;
	} log;
	unsigned vma_budget; /* 0: default */
	enum config_mmu mmu;
	bool no_userfaultfd, exact_ad, always_check;
	uint64_t cache; /* bytes; 0: default */
	enum fence_mode fence;
	const char *dump_cache;
	bool verify, help;
	/* Checks a dump of the cache, says what it found; true: nothing wrong. */
	bool (*checker)(const void *dump, size_t bytes);
};

/* Its options. */
extern const struct option_table config_options;

/* Reads the arguments after `run`. */
bool config_parse(struct machine_config *c, int argc, char **argv, struct problem *p);

#endif
