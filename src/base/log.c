#include "base/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

unsigned log_mask;
static FILE *log_file;

static const char *const names_of[] = {"int", "exc", "exits", "units", "mmu", "io"};

unsigned log_categories(const char *names)
{
	unsigned mask = 0;
	for (const char *p = names; *p;) {
		size_t n = strcspn(p, ",");
		size_t i;
		for (i = 0; i < sizeof names_of / sizeof *names_of; i++)
			if (strlen(names_of[i]) == n && !memcmp(p, names_of[i], n))
				break;
		if (i == sizeof names_of / sizeof *names_of)
			return 0;
		mask |= 1u << i;
		p += n + (p[n] == ',');
	}
	return mask;
}

void log_open(unsigned categories, FILE *f)
{
	log_file = f;
	log_mask = categories;
}

void log_close(void)
{
	log_mask = 0;
	if (log_file)
		fclose(log_file);
	log_file = NULL;
}

void log_write(const char *fmt, ...)
{
	if (!log_file)
		return;
	va_list ap;
	va_start(ap, fmt);
	vfprintf(log_file, fmt, ap);
	va_end(ap);
	fputc('\n', log_file);
}

void report(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	fprintf(stderr, "unring: %s\n", line);
}

void assert_failed(const char *what, const char *file, int line)
{
	if (log_file)
		fflush(log_file);
	fprintf(stderr, "unring: internal error: %s:%d: %s\n", file, line, what);
	abort();
}
