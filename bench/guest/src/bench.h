/* Shared declarations of the guest benchmark program. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

/* A benchmark does its set-up, calls t_start(), works n units, calls t_stop()
 * and returns a checksum.  The checksum depends only on n, so it must be the
 * same on every machine: compare it before you compare times. */
typedef uint32_t (*bench_fn)(unsigned n);

void t_start(void); /* prints "begin NAME", starts the clock */
void t_stop(void);  /* stops it, prints "end NAME" */

/* Ends the program with a message. */
void die(const char *what);

/* Path of the tiny static program that forkexec runs. */
extern const char *true_path;

/* Deterministic pseudo-random numbers. */
static inline uint32_t rnd(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

/* cpu.c */
uint32_t b_sieve(unsigned n);
uint32_t b_i64(unsigned n);
uint32_t b_sha256(unsigned n);
uint32_t b_qsort(unsigned n);
uint32_t b_fib(unsigned n);
uint32_t b_icall(unsigned n);
uint32_t b_interp(unsigned n);
uint32_t b_mandel(unsigned n);

/* matmul.c, built twice: x87 and SSE2 */
uint32_t b_matmul_x87(unsigned n);
uint32_t b_matmul_sse2(unsigned n);

/* mem.c */
uint32_t b_chase(unsigned n);
uint32_t b_memcpy(unsigned n);
uint32_t b_memset(unsigned n);
uint32_t b_repmovs(unsigned n);
uint32_t b_repstos(unsigned n);
uint32_t b_strops(unsigned n);
uint32_t b_repscas(unsigned n);

/* jit.c */
uint32_t b_smc(unsigned n);
uint32_t b_jit(unsigned n);

/* os.c */
uint32_t b_sys_int80(unsigned n);
uint32_t b_sys_vdso(unsigned n);
uint32_t b_readzero(unsigned n);
uint32_t b_pipe(unsigned n);
uint32_t b_forkwait(unsigned n);
uint32_t b_forkexec(unsigned n);
uint32_t b_pagefault(unsigned n);
uint32_t b_signal(unsigned n);
uint32_t b_segv(unsigned n);

#endif
