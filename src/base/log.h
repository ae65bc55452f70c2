/* Diagnostics: the category log behind --log, and assertions by invariant.
 * Nothing here may be called from translated code's fast exits: it uses libc. */
#ifndef UNRING_BASE_LOG_H
#define UNRING_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum log_category {
	LOG_INT = 1 << 0,   /* interrupts and software interrupts */
	LOG_EXC = 1 << 1,   /* exceptions */
	LOG_EXITS = 1 << 2, /* exits from translated code */
	LOG_UNITS = 1 << 3, /* units translated, with their guest code */
	LOG_MMU = 1 << 4,
	LOG_IO = 1 << 5,
};

extern unsigned log_mask; /* categories that are on */

/* The name of category 1 << i, NULL past the last. */
const char *log_category_name(unsigned i);
/* Starts the log, which takes over the file. */
void log_open(unsigned categories, FILE *f);
/* 0, or the negative errno of the first write that failed. */
int log_close(void);

static inline bool log_on(enum log_category c)
{
	return __builtin_expect(log_mask & c, 0);
}

/* Writes one line to the log (newline added). */
void log_write(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_vwrite(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* One line on stderr: "unring: ...", whatever a name in it holds. */
void report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The host refuses (a negative errno) what the run cannot go on without: one line, exit status 1. */
_Noreturn void host_refused(const char *what, int err);

/* Our own bug: prints the condition and aborts. */
_Noreturn void assert_failed(const char *what, const char *file, int line);
#define CHECK(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))

#endif
