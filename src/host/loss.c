#include "host/loss.h"

#include <stdio.h>
#include <string.h>

static char losses[512];

void host_lost(const char *what, int err)
{
	size_t n = strlen(losses);
	snprintf(losses + n, sizeof losses - n, err ? "%s%s (%s)" : "%s%s", n ? ", " : "", what,
	         strerror(-err));
}

const char *host_losses(void)
{
	return *losses ? losses : NULL;
}
