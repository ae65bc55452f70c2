/* options readme|cases: what the table of options (src/machine/options.inc) says beyond --help.
 *   readme   the rows of README.md's table
 *   cases    for tests/cli/options.py, a line for each option: its name, the words that follow,
 *            how often it may be given (0: once), good words, bad ones, what is said of those */
#include "machine/config.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *good, *bad, *says;
} cases[] = {
#define OPTION(called, form, kind, initial, help, good, bad, says) {called, good, bad, says},
#include "machine/options.inc"
#undef OPTION
};

static const char *or_none(const char *text)
{
	return text ? text : "";
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	if (!strcmp(what, "readme")) {
		options_markdown(&config_options, stdout);
		return 0;
	}
	if (!strcmp(what, "cases")) {
		for (unsigned i = 0; i < config_options.count; i++) {
			const struct option *o = &config_options.rows[i];
			printf("%s\t%s\t%u\t%s\t%s\t%s\n", o->name, or_none(o->form), o->room,
			       or_none(cases[i].good), or_none(cases[i].bad),
			       or_none(cases[i].says));
		}
		return 0;
	}
	fputs("usage: options readme|cases\n", stderr);
	return 2;
}
