#include "machine/options.h"

#include "machine/serial.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIB (1ull << 20)
#define MEMORY_MIN (4 * MIB)
#define MEMORY_MAX (3072 * MIB)
#define CACHE_MIN (1 * MIB)
#define CACHE_MAX (1024 * MIB)

const char options_help[] =
	"usage: unring run [--kernel FILE] [option...]\n"
	"\n"
	"Runs a 32-bit x86 guest. Without --kernel: the tour, a guest inside unring.\n"
	"\n"
	"  --kernel FILE           Linux bzImage or Multiboot kernel, also gzip-compressed\n"
	"  --initrd FILE           initial ramdisk; for Multiboot FILE[,FILE...]: modules\n"
	"  --module FILE           one more Multiboot module (\"FILE arguments\")\n"
	"  --append STRING         the kernel's command line\n"
	"  --memory SIZE           4M to 3G, in whole MiB (default 128M)\n"
	"  --cpu MODEL             processor model (--cpu help lists them)\n"
	"  --serial WHERE          stdio (default), file:PATH, none; unix:PATH, tcp:PORT (listen);\n"
	"                          connect:unix:PATH, connect:tcp:PORT; fd:N (inherited)\n"
	"  --debugcon PATH         port E9h writes there; - is standard output\n"
	"  --debug-exit            a write to port F4h ends the run with (value << 1) | 1\n"
	"  --no-reboot             a reset or triple fault ends the run\n"
	"  --stats [FILE]          counters, at the end and at SIGUSR1, in FILE or on standard\n"
	"                          error\n"
	"  --log CATEGORIES FILE   of int,exc,exits,units,mmu,io\n"
	"  --vma-budget N          host mappings that the guest's windows may take\n"
	"  --mmu shadow            how guest addresses are translated\n"
	"  --no-userfaultfd        write-protect by mprotect alone\n"
	"  --exact-ad              set accessed bits only where the guest accesses\n"
	"  --cache SIZE            room for translated code\n"
	"  --gdb PORT              waits for gdb at 127.0.0.1:PORT (0: any free one)\n"
	"  --gdb unix:PATH         the same at a socket that only its owner may connect to\n"
	"  --fence MODE            on (default): what this host has of seccomp, Landlock and more;\n"
	"                          require: all of it, or status 2; off: for strace, gdb, perf\n"
	"  --dump-cache FILE       the translated code, at the end (for the checker)\n"
	"  --verify                check the translated code, at the end and at SIGUSR1\n"
	"\n"
	"Keys on a terminal: Ctrl-A x ends, Ctrl-A b sends a break, Ctrl-A h lists the keys.\n"
	"Exit status: 0 reset, halt or Ctrl-A x; 1 triple fault, a guest beyond support, a\n"
	"violation found by --verify, or output that could not be written; 2 bad input; 128+n signal n; that of --debug-exit.\n";

bool options_size(const char *text, uint64_t *bytes)
{
	if (!isdigit((unsigned char)*text))
		return false;
	char *end;
	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (errno)
		return false;
	unsigned shift = 0;
	switch (*end) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	}
	if (end[shift != 0] || v > UINT64_MAX >> shift)
		return false;
	*bytes = v << shift;
	return true;
}

static bool set_memory(struct options *o, const char *v, struct problem *p)
{
	o->memory_text = v;
	if (!options_size(v, &o->memory))
		return problem_set(p, "--memory %s: not a size (such as 128M)", v);
	if (o->memory % MIB)
		return problem_set(p, "--memory %s: not a whole number of MiB", v);
	if (o->memory < MEMORY_MIN)
		return problem_set(p, "--memory %s: a guest needs at least 4M", v);
	if (o->memory > MEMORY_MAX)
		return problem_set(p, "--memory %s: a guest has at most 3G", v);
	return true;
}

static bool set_cache(struct options *o, const char *v, struct problem *p)
{
	if (!options_size(v, &o->cache_bytes))
		return problem_set(p, "--cache %s: not a size (such as 64M)", v);
	if (o->cache_bytes < CACHE_MIN || o->cache_bytes > CACHE_MAX)
		return problem_set(p, "--cache %s: between 1M and 1G", v);
	return true;
}

static bool set_budget(struct options *o, const char *v, struct problem *p)
{
	char *end;
	unsigned long n = strtoul(v, &end, 10);
	if (!isdigit((unsigned char)*v) || *end || n < 200 || n > 10000000)
		return problem_set(p, "--vma-budget %s: not a number from 200 to 10000000", v);
	o->vma_budget = n;
	return true;
}

static bool set_serial(struct options *o, const char *v, struct problem *p)
{
	if (!serial_names(v))
		return problem_set(p,
		                   "--serial %s: neither stdio, file:PATH, unix:PATH, tcp:PORT, "
		                   "connect:WHERE, fd:N nor none",
		                   v);
	o->serial = v;
	return true;
}

static bool add_module(struct options *o, const char *v, struct problem *p)
{
	if (o->module_count == OPTIONS_MODULES)
		return problem_set(p, "--module %s: more than %u modules", v, OPTIONS_MODULES);
	o->modules[o->module_count++] = v;
	return true;
}

static bool set_cpu(struct options *o, const char *v, struct problem *p)
{
	o->cpu = v;
	o->cpu_help = !strcmp(v, "help");
	return true;
}

static bool set_mmu(struct options *o, const char *v, struct problem *p)
{
	if (strcmp(v, "shadow"))
		return problem_set(p, "--mmu %s: only shadow is there", v);
	return true;
}

static bool set_fence(struct options *o, const char *v, struct problem *p)
{
	static const char *const names[] = {
		[FENCE_OFF] = "off",
		[FENCE_ON] = "on",
		[FENCE_REQUIRE] = "require",
	};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(v, names[i])) {
			o->fence = i;
			return true;
		}
	return problem_set(p, "--fence %s: neither on, require nor off", v);
}

/* An option stores its word, sets its flag, or calls its function. */
struct option {
	const char *name;
	size_t word; /* offset of a const char *; 0: none */
	size_t flag; /* offset of a bool; 0: none */
	bool (*set)(struct options *o, const char *v, struct problem *p);
};

static bool set_kernel(struct options *o, const char *v, struct problem *p)
{
	o->kernel = v;
	return true;
}

#define WORD(field) offsetof(struct options, field), 0, NULL
#define FLAG(field) 0, offsetof(struct options, field), NULL
#define CALL(function) 0, 0, function

static const struct option table[] = {
	{"--kernel", CALL(set_kernel)},
	{"--initrd", WORD(initrd)},
	{"--module", CALL(add_module)},
	{"--append", WORD(append)},
	{"--memory", CALL(set_memory)},
	{"--cpu", CALL(set_cpu)},
	{"--serial", CALL(set_serial)},
	{"--debugcon", WORD(debugcon)},
	{"--vma-budget", CALL(set_budget)},
	{"--cache", CALL(set_cache)},
	{"--gdb", WORD(gdb)},
	{"--dump-cache", WORD(dump_cache)},
	{"--mmu", CALL(set_mmu)},
	{"--fence", CALL(set_fence)},
	{"--debug-exit", FLAG(debug_exit)},
	{"--no-reboot", FLAG(no_reboot)},
	{"--no-userfaultfd", FLAG(no_userfaultfd)},
	{"--exact-ad", FLAG(exact_ad)},
	{"--verify", FLAG(verify)},
	{"--help", FLAG(help)},
};

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

static bool apply(struct options *o, const struct option *option, const char *value,
                  struct problem *p)
{
	if (option->set)
		return option->set(o, value, p);
	if (option->word)
		*(const char **)((char *)o + option->word) = value;
	else
		*(bool *)((char *)o + option->flag) = true;
	return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct problem *p)
{
	*o = (struct options){.append = "",
	                      .memory = 128 * MIB,
	                      .memory_text = "128M",
	                      .serial = "stdio",
	                      .fence = FENCE_ON};
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		if (a[0] != '-')
			return problem_set(p, "%s: not an option (unring run --help lists them)",
			                   a);
		if (!strcmp(a, "--stats")) {
			o->stats = true;
			if (i + 1 < argc && argv[i + 1][0] != '-')
				o->stats_path = argv[++i];
			continue;
		}
		if (!strcmp(a, "--log")) {
			if (i + 2 >= argc)
				return problem_set(p, "--log: needs categories and a file");
			o->log = argv[++i];
			o->log_path = argv[++i];
			continue;
		}
		const struct option *option = find(a);
		if (!option)
			return problem_set(p, "%s: unknown option (unring run --help lists them)",
			                   a);
		const char *value = NULL;
		if (!option->flag) {
			if (++i == argc)
				return problem_set(p, "%s: needs a value", a);
			value = argv[i];
		}
		if (!apply(o, option, value, p))
			return false;
	}
	if (!o->kernel && o->initrd)
		return problem_set(p, "--initrd %s: without a --kernel", o->initrd);
	if (!o->kernel && o->module_count)
		return problem_set(p, "--module %s: without a --kernel", o->modules[0]);
	return true;
}
