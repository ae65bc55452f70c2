#include "machine/problem.h"

#include <stdarg.h>
#include <stdio.h>

bool problem_set(struct problem *p, const char *fmt, ...)
{
	if (p->text[0])
		return false;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof p->text, fmt, ap);
	va_end(ap);
	return false;
}
