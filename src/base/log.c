#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

unsigned log_mask;
static FILE *log_file;
static int log_error;

const char *log_category_name(unsigned i)
{
	static const char *const names[] = {"int", "exc", "exits", "units", "mmu", "io"};
	return i < sizeof names / sizeof *names ? names[i] : NULL;
}

void log_open(unsigned categories, FILE *f)
{
	log_file = f;
	log_mask = categories;
}

static void log_check(bool failed)
{
	if (failed && !log_error)
		log_error = -errno;
}

int log_close(void)
{
	log_mask = 0;
	if (log_file)
		log_check(fclose(log_file));
	log_file = NULL;
	int err = log_error;
	log_error = 0;
	return err;
}

void log_vwrite(const char *fmt, va_list ap)
{
	if (!log_file)
		return;
	log_check(vfprintf(log_file, fmt, ap) < 0);
	log_check(fputc('\n', log_file) == EOF);
}

void log_write(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_vwrite(fmt, ap);
	va_end(ap);
}

void report(const char *fmt, ...)
{
	char line[1024], shown[4 * sizeof line] = "";
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	char *to = shown;
	for (const char *c = line; *c; c++)
		to += snprintf(to, 5, (unsigned char)*c < ' ' || *c == 0x7f ? "\\x%02x" : "%c",
		               (unsigned char)*c);
	fprintf(stderr, "unring: %s\n", shown);
}

void host_refused(const char *what, int err)
{
	if (log_file)
		fflush(log_file);
	report("the host refuses %s: %s", what, strerror(-err));
	exit(1);
}

void assert_failed(const char *what, const char *file, int line)
{
	if (log_file)
		fflush(log_file);
	fprintf(stderr, "unring: internal error: %s:%d: %s\n", file, line, what);
	abort();
}
