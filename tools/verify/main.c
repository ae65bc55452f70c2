/* verify DUMP: checks what `unring run --dump-cache DUMP` wrote.
 * Exit status: 0 nothing wrong, 1 violations, 2 no such dump. */
#include "base/log.h"
#include "verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *read_all(FILE *f, size_t *n)
{
	size_t room = 0, got;
	char *p = NULL;
	*n = 0;
	do {
		p = realloc(p, room += 16 << 20);
		CHECK(p);
		got = fread(p + *n, 1, room - *n, f);
		*n += got;
	} while (got);
	return p;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: verify DUMP   checks a dump of unring's translation cache\n", stderr);
		return 2;
	}
	FILE *f = fopen(argv[1], "re");
	if (!f) {
		report("%s: %s", argv[1], strerror(errno));
		return 2;
	}
	size_t n;
	void *dump = read_all(f, &n);
	fclose(f);
	int found = verify_report(dump, n);
	free(dump);
	return found < 0 ? 2 : found > 0;
}
