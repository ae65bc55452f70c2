/* links: machine */
/* The mechanism of options, by a table of its own: kinds that `unring run` may not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine/options.h"

enum { DISKS = 3 };
enum bus { IDE, VIRTIO };

struct disk {
	const char *path;
	bool ro;
	uint64_t at;
	unsigned bus, heads;
};

struct config {
	bool loud;
	const char *name;
	struct option_file trace;
	uint64_t room;
	unsigned count, bus, buses;
	struct option_order first;
	struct {
		struct disk at[DISKS];
		unsigned count;
	} disks;
	struct {
		unsigned at[2];
		unsigned count;
	} numbers;
};

static const char *bus_word(const struct option *o, unsigned i)
{
	static const char *const names[] = {[IDE] = "ide", [VIRTIO] = "virtio"};
	return i < 2 ? names[i] : NULL;
}

/* clang-format off */
static const struct option disk_keys[] = {
	{.name = "path", .form = "FILE", OPTION_FILE(struct disk, path)},
	{.name = "ro", OPTION_FLAG(struct disk, ro)},
	{.name = "at", .form = "SIZE", OPTION_SIZE(struct disk, at, 0, 1 << 30, 512)},
	{.name = "bus", .form = "BUS", .initial = "virtio", OPTION_WORD(struct disk, bus, bus_word)},
	{.name = "heads", .form = "N", .initial = "16", OPTION_NUMBER(struct disk, heads, 1, 255)},
};

static const struct option rows[] = {
	{.name = "--loud", .help = "says more", OPTION_FLAG(struct config, loud)},
	{.name = "--name", .form = "NAME", .initial = "box", .help = "a name that is told to all who ask for one",
	 OPTION_TEXT(struct config, name)},
	{.name = "--trace", .form = "[FILE]", .help = "a trace", OPTION_MAY_FILE(struct config, trace)},
	{.name = "--room", .form = "SIZE", .initial = "1M", .help = "room",
	 OPTION_SIZE(struct config, room, 1 << 20, 1 << 30, 1 << 20)},
	{.name = "--count", .form = "N", .help = "count", OPTION_NUMBER(struct config, count, 2, 20)},
	{.name = "--bus", .form = "BUS", .help = "one of %s, or not", OPTION_WORD(struct config, bus, bus_word)},
	{.name = "--buses", .form = "BUSES", .help = "some", OPTION_SET(struct config, buses, bus_word)},
	{.name = "--first", .form = "BUSES", .help = "order", OPTION_ORDER(struct config, first, bus_word)},
	{.name = "--disk", .form = "FILE[,ro]", .help = "a disk",
	 OPTION_LIST(struct config, disks, OPTION_KEYS(struct config, disks.at[0], disk_keys))},
	{.name = "--number", .form = "N", .help = "a number of some",
	 OPTION_LIST(struct config, numbers, OPTION_NUMBER(struct config, numbers.at[0], 0, 0))},
};
/* clang-format on */

static const struct option_table table = {"box run", rows, sizeof rows / sizeof *rows};

static bool parse(struct config *c, struct problem *p, const char *line)
{
	static char text[1024];
	char *argv[64];
	int argc = 0;
	strcpy(text, line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	*p = (struct problem){0};
	*c = (struct config){0};
	return options_parse(&table, c, argc, argv, p);
}

static void accept(struct config *c, const char *line)
{
	struct problem p;
	if (!parse(c, &p, line))
		fail_msg("%s: %s", line, p.text);
}

static void refuse(const char *line, const char *message)
{
	struct config c;
	struct problem p;
	assert_false(parse(&c, &p, line));
	assert_string_equal(p.text, message);
}

static void test_initial(void **state)
{
	struct config c;
	accept(&c, "");
	assert_string_equal(c.name, "box");
	assert_int_equal(c.room, 1 << 20);
	assert_false(c.loud || c.trace.given || c.count || c.bus || c.buses);
	assert_int_equal(c.disks.count + c.numbers.count + c.first.count, 0);
}

static void test_kinds(void **state)
{
	struct config c;
	accept(&c, "--loud --name x --trace --room 5M --count 20 --bus virtio --buses virtio,ide");
	assert_true(c.loud && c.trace.given && !c.trace.path);
	assert_string_equal(c.name, "x");
	assert_int_equal(c.room, 5 << 20);
	assert_int_equal(c.count, 20);
	assert_int_equal(c.bus, VIRTIO);
	assert_int_equal(c.buses, 1 << IDE | 1 << VIRTIO);
	accept(&c,
	       "--trace file --name --loud"); /* a word that must follow may look like an option */
	assert_string_equal(c.trace.path, "file");
	assert_string_equal(c.name, "--loud");
	assert_false(c.loud);

	refuse("--count 1", "--count 1: not a number from 2 to 20");
	refuse("--count 21", "--count 21: not a number from 2 to 20");
	refuse("--count 4294967298", "--count 4294967298: not a number from 2 to 20");
	refuse("--count -3", "--count -3: not a number from 2 to 20");
	refuse("--room 1", "--room 1: not a whole number of MiB");
	refuse("--room 0", "--room 0: must be at least 1M");
	refuse("--room 2G", "--room 2G: must be at most 1G");
	refuse("--bus isa", "--bus isa: neither ide nor virtio");
	refuse("--buses ide,isa", "--buses ide,isa: not among ide,virtio");

	accept(&c, "--first virtio,ide");
	assert_int_equal(c.first.count, 2);
	assert_int_equal(c.first.at[0], VIRTIO);
	assert_int_equal(c.first.at[1], IDE);
	accept(&c, "--first ide");
	assert_int_equal(c.first.count, 1);
	assert_int_equal(c.first.at[0], IDE);
	refuse("--first ide,isa", "--first ide,isa: not among ide,virtio");
	refuse("--first ide,", "--first ide,: not among ide,virtio");
	refuse("--first virtio,ide,virtio", "--first virtio,ide,virtio: virtio is there twice");
}

static void test_lines(void **state)
{
	refuse("--name", "--name: needs a value (--name NAME)");
	refuse("name", "name: not an option (box run --help lists them)");
	refuse("--nam", "--nam: unknown option (box run --help lists them)");
	refuse("--loud --name a --loud", "--loud: given twice");
	refuse("--trace --trace", "--trace: given twice");
}

/* What may be repeated keeps its order, and has room for so many. */
static void test_lists(void **state)
{
	struct config c;
	accept(&c, "--number 7 --loud --number 8");
	assert_int_equal(c.numbers.count, 2);
	assert_int_equal(c.numbers.at[0], 7);
	assert_int_equal(c.numbers.at[1], 8);
	accept(&c, "--number 4294967295");
	assert_int_equal(c.numbers.at[0], UINT32_MAX);
	refuse("--number 4294967296", "--number 4294967296: not a number from 0 to 4294967295");
	refuse("--number 7 --number 8 --number 9", "--number 9: more than 2 of these");
}

static void test_keys(void **state)
{
	struct config c;
	accept(&c, "--disk a=b.img --disk c,ro,at=1K,bus=ide,heads=255 --disk d,heads=1");
	assert_int_equal(c.disks.count, 3);
	assert_string_equal(c.disks.at[0].path, "a=b.img");
	assert_false(c.disks.at[0].ro);
	assert_int_equal(c.disks.at[0].bus, VIRTIO);
	assert_int_equal(c.disks.at[0].heads, 16);
	assert_string_equal(c.disks.at[1].path, "c");
	assert_true(c.disks.at[1].ro);
	assert_int_equal(c.disks.at[1].at, 1024);
	assert_int_equal(c.disks.at[1].bus, IDE);
	assert_int_equal(c.disks.at[1].heads, 255);
	assert_string_equal(c.disks.at[2].path, "d");
	assert_false(c.disks.at[2].ro);
	assert_int_equal(c.disks.at[2].heads, 1);

	/* Each is told of as it was typed. */
	refuse("--disk ,ro", "--disk ,ro: path: needs a value (FILE)");
	refuse("--disk a,ro,blue,ro", "--disk a,ro,blue,ro: blue: not among path,ro,at,bus,heads");
	refuse("--disk a,", "--disk a,: : not among path,ro,at,bus,heads");
	refuse("--disk a,ro,heads=2,ro", "--disk a,ro,heads=2,ro: ro: given twice");
	refuse("--disk a,path=b", "--disk a,path=b: path: given twice");
	refuse("--disk a,heads", "--disk a,heads: heads: needs a value (N)");
	refuse("--disk a,heads=,ro", "--disk a,heads=,ro: heads: needs a value (N)");
	refuse("--disk a,ro=1", "--disk a,ro=1: ro: takes no value");
	refuse("--disk a,at=5", "--disk a,at=5: at: not a multiple of 512");
	refuse("--disk a,ro,bus=isa", "--disk a,ro,bus=isa: bus: neither ide nor virtio");
	refuse("--disk a --disk b --disk c --disk d,ro", "--disk d,ro: more than 3 of these");
}

static char *printed(void (*print)(const struct option_table *t, FILE *f))
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	print(&table, f);
	fclose(f);
	return text;
}

static void test_help(void **state)
{
	char *text = printed(options_help);
	assert_non_null(strstr(text, "  --loud                  says more\n"));
	assert_non_null(strstr(text, "  --trace [FILE]          a trace\n"));
	assert_non_null(strstr(text, "  --room SIZE             room (default 1M)\n"));
	assert_non_null(strstr(text, "  --bus BUS               one of ide,virtio, or not\n"));
	assert_non_null(strstr(text, "  --disk FILE[,ro]        a disk\n"));
	assert_non_null(strstr(text,
	                       "  --name NAME             a name that is told to all who ask for "
	                       "one (default\n                          box)\n"));
	for (const char *at = text, *end; (end = strchr(at, '\n')); at = end + 1)
		assert_in_range(end - at, 1, 80);
	free(text);
	text = printed(options_markdown);
	assert_non_null(strstr(text, "| `--loud` | says more |\n"));
	assert_non_null(strstr(text, "| `--room SIZE` | room (default 1M) |\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initial), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_lines),   cmocka_unit_test(test_lists),
		cmocka_unit_test(test_keys),    cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests_name("options_table", tests, NULL, NULL);
}
