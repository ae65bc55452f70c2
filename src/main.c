/* unring: runs a 32-bit x86 guest by binary translation. */
#include "base/log.h"
#include "base/version.h"
#include "machine/ctl.h"
#include "machine/machine.h"
#include "verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static int help(void)
{
	fputs("usage: unring run [--kernel FILE | --floppy FILE | --disk FILE | --cdrom FILE |\n"
	      "                   --bios FILE] [option...]\n"
	      "       unring ctl SOCKET COMMAND [word...]\n"
	      "       unring --help | --version | --completion\n"
	      "\n"
	      "Runs an x86 guest of 16 or 32 bits: a kernel, or what a BIOS boots; without any of\n"
	      "these the tour, a guest inside unring.\n"
	      "--completion: source <(unring --completion) teaches bash the options.\n"
	      "\n",
	      stdout);
	options_help(&config_options, stdout);
	fputs("\n"
	      "Keys on a terminal: Ctrl-A x ends, Ctrl-A b sends a break, Ctrl-A h lists the keys.\n"
	      "Exit status: 0 reset, halt or Ctrl-A x; 1 triple fault, a guest beyond support, a\n"
	      "violation found by --verify, or output that could not be written; 2 bad input;\n"
	      "124 --timeout; 128+n signal n; that of --debug-exit.\n",
	      stdout);
	return end_of_text();
}

static int completion(void)
{
	puts("# For bash: source <(unring --completion)");
	options_bash(&config_options, "ctl --help --version --completion", stdout);
	return end_of_text();
}

static int run(int argc, char **argv)
{
	struct machine_config c;
	struct problem p = {0};
	struct machine *m = NULL;
	if (!config_parse(&c, argc, argv, &p)) {
		report("%s", p.text);
		return EXIT_BAD_INPUT;
	}
	c.checker = check;
	if (c.help)
		return help();
	if (c.cpu.help) {
		machine_list_models(stdout);
		return end_of_text();
	}
	if (!machine_create(&m, &c, &p)) {
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
	if (!strcmp(command, "ctl"))
		return ctl_run(argc - 2, argv + 2);
	if (argc > 2) {
		report("%s: nothing comes after %s (unring --help)", argv[2], command);
		return EXIT_BAD_INPUT;
	}
	if (!strcmp(command, "--help"))
		return help();
	if (!strcmp(command, "--completion"))
		return completion();
	if (!strcmp(command, "--version")) {
		puts("unring " VERSION);
		return end_of_text();
	}
	report("%s: unknown command (unring --help lists them)", command);
	return EXIT_BAD_INPUT;
}
