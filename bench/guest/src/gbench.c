/* Guest benchmark: one static i386 program that times itself.
 *
 *   gbench [-d DIV] [-t TRUE] [NAME...]   run the named benchmarks, or all;
 *                                         DIV divides every repeat count
 *   gbench -g BYTES FILE                  write a compressible test file
 *   gbench -x NAME -- PROGRAM ARG...      time another program as NAME;
 *                                         the checksum is that of its output
 *   gbench -l                             list the names
 *
 * Each benchmark prints "begin NAME" as its clock starts, "end NAME" as it
 * stops, so that an observer outside can time it by a clock of its own, and
 * its result, NAME SECONDS check=CHECKSUM. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

const char *true_path = "/bin/gtrue";

static const struct {
	const char *name;
	bench_fn fn;
	unsigned n; /* units of work, see the functions */
} list[] = {
	{"sieve", b_sieve, 30},
	{"i64", b_i64, 20000000},
	{"sha256", b_sha256, 64},
	{"qsort", b_qsort, 4000000},
	{"fib", b_fib, 123},
	{"icall", b_icall, 100000},
	{"interp", b_interp, 100000},
	{"mandel", b_mandel, 1024},
	{"matmul_x87", b_matmul_x87, 100},
	{"matmul_sse2", b_matmul_sse2, 100},
	{"chase", b_chase, 10000000},
	{"memcpy", b_memcpy, 16000},
	{"memset", b_memset, 16000},
	{"repmovs", b_repmovs, 8000},
	{"repstos", b_repstos, 8000},
	{"strops", b_strops, 5000000},
	{"repscas", b_repscas, 20000},
	{"smc", b_smc, 100000},
	{"jit", b_jit, 10000},
	{"sys_int80", b_sys_int80, 1000000},
	{"sys_vdso", b_sys_vdso, 1000000},
	{"readzero", b_readzero, 500000},
	{"pipe", b_pipe, 50000},
	{"forkwait", b_forkwait, 5000},
	{"forkexec", b_forkexec, 1000},
	{"pagefault", b_pagefault, 200},
	{"signal", b_signal, 200000},
	{"segv", b_segv, 100000},
};
enum { COUNT = sizeof list / sizeof list[0] };

static const char *current; /* the benchmark that runs */
static struct timespec t0, t1;

void t_start(void)
{
	printf("begin %s\n", current);
	tcdrain(1); /* on a serial line: until it is sent */
	clock_gettime(CLOCK_MONOTONIC, &t0);
}

void t_stop(void)
{
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("end %s\n", current);
}

static double seconds(void)
{
	return (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) * 1e-9;
}

void die(const char *what)
{
	perror(what);
	exit(1);
}

static int has_sse2(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (d & bit_SSE2);
}

static void run(unsigned i, unsigned div)
{
	unsigned n = list[i].n / div;
	uint32_t check;

	if (list[i].fn == b_matmul_sse2 && !has_sse2()) {
		printf("%s skipped (no SSE2)\n", list[i].name);
		return;
	}
	current = list[i].name;
	check = list[i].fn(n ? n : 1);
	printf("%s %.4f check=%08x\n", list[i].name, seconds(), check);
}

/* Writes lines of words that repeat, so that gzip has work to do. */
static int generate(unsigned long bytes, const char *path)
{
	FILE *f = fopen(path, "wb");
	uint32_t seed = 42;

	if (!f)
		die(path);
	while (bytes) {
		char line[80];
		uint32_t r = rnd(&seed);
		unsigned len =
			(unsigned)snprintf(line, sizeof line, "%08x guest word%u of the line %u\n",
		                           r, r & 255, (r >> 8) & 4095);

		if (len > bytes)
			len = (unsigned)bytes;
		fwrite(line, 1, len, f);
		bytes -= len;
	}
	return fclose(f) ? 1 : 0;
}

/* FNV-1a of a file's bytes from its start. */
static uint32_t file_check(FILE *f)
{
	uint32_t h = 0x811c9dc5;
	int c;

	rewind(f);
	while ((c = getc(f)) != EOF)
		h = (h ^ (uint32_t)c) * 0x01000193;
	return h;
}

/* Times a program; its standard output goes to a file, for the checksum. */
static int external(const char *name, char **argv)
{
	FILE *out = tmpfile();
	int st;
	pid_t pid;

	if (!out)
		die("tmpfile");
	current = name;
	t_start();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		dup2(fileno(out), 1);
		execv(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &st, 0) != pid)
		die("waitpid");
	t_stop();
	if (!WIFEXITED(st) || WEXITSTATUS(st)) {
		printf("%s failed\n", name);
		return 1;
	}
	printf("%s %.4f check=%08x\n", name, seconds(), file_check(out));
	fclose(out);
	return 0;
}

/* One CPU only, so that a host with many is like a guest with one. */
static void pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

int main(int argc, char **argv)
{
	unsigned div = 1;
	int c;

	setvbuf(stdout, 0, _IOLBF, 0);
	pin();
	while ((c = getopt(argc, argv, "d:t:lg:x:")) != -1)
		switch (c) {
		case 'd':
			div = (unsigned)strtoul(optarg, 0, 10);
			break;
		case 't':
			true_path = optarg;
			break;
		case 'l':
			for (unsigned i = 0; i < COUNT; i++)
				puts(list[i].name);
			return 0;
		case 'g':
			if (!argv[optind])
				return 2;
			return generate(strtoul(optarg, 0, 10), argv[optind]);
		case 'x':
			if (argv[optind] && !strcmp(argv[optind], "--"))
				optind++;
			if (!argv[optind])
				return 2;
			return external(optarg, argv + optind);
		default:
			return 2;
		}
	if (!div)
		div = 1;
	if (optind == argc)
		for (unsigned i = 0; i < COUNT; i++)
			run(i, div);
	for (; optind < argc; optind++) {
		unsigned i = 0;

		while (i < COUNT && strcmp(list[i].name, argv[optind]))
			i++;
		if (i == COUNT)
			printf("%s unknown\n", argv[optind]);
		else
			run(i, div);
	}
	return 0;
}
