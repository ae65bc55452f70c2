/* unring: runs a 32-bit x86 guest by binary translation. */
#include "base/log.h"
#include "machine/machine.h"
#include "verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VERSION "0.1"

static const char usage[] =
	"usage: unring run [--kernel FILE] [option...]   runs a guest; alone: the tour\n"
	"       unring run --help                        the options (--kernel --initrd\n"
	"           --append --memory --cpu --serial --stats and more)\n"
	"       unring run --cpu help                    the processor models\n"
	"       unring --help | --version\n";

static bool check(const void *dump, size_t bytes)
{
	return verify_report(dump, bytes) == 0;
}

static int end_of_text(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	report("standard output: %s", strerror(errno));
	return 1;
}

static int run(int argc, char **argv)
{
	struct options o;
	struct problem p = {0};
	struct machine *m = NULL;
	if (!options_parse(&o, argc, argv, &p)) {
		report("%s", p.text);
		return EXIT_BAD_INPUT;
	}
	o.checker = check;
	if (o.help) {
		fputs(options_help, stdout);
		return end_of_text();
	}
	if (o.cpu_help) {
		machine_list_models(stdout);
		return end_of_text();
	}
	if (!machine_create(&m, &o, &p)) {
		report("%s", p.text);
		return EXIT_BAD_INPUT;
	}
	int status = machine_run(m);
	machine_destroy(m);
	return status;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "--help";
	if (!strcmp(command, "run"))
		return run(argc - 2, argv + 2);
	if (!strcmp(command, "--help")) {
		fputs(usage, stdout);
		return end_of_text();
	}
	if (!strcmp(command, "--version")) {
		puts("unring " VERSION);
		return end_of_text();
	}
	report("%s: unknown command (unring --help lists them)", command);
	return EXIT_BAD_INPUT;
}
