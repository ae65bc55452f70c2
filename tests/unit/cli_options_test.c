/* links: machine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "machine/config.h"

static bool parse(struct machine_config *o, struct problem *p, const char *line)
{
	static char text[1024];
	static char *argv[64];
	int argc = 0;
	strcpy(text, line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	*p = (struct problem){0};
	return config_parse(o, argc, argv, p);
}

static void accept(struct machine_config *o, const char *line)
{
	struct problem p;
	if (!parse(o, &p, line))
		fail_msg("%s: %s", line, p.text);
}

static void refuse(const char *line, const char *thing, const char *reason)
{
	struct machine_config o;
	struct problem p;
	assert_false(parse(&o, &p, line));
	if (!strstr(p.text, thing) || !strstr(p.text, reason))
		fail_msg("%s: %s", line, p.text);
}

static void test_defaults(void **state)
{
	struct machine_config c;
	accept(&c, "");
	assert_null(c.kernel);
	assert_int_equal(c.memory, 128 << 20);
	assert_ptr_equal(c.cpu.model, cpu_model_default());
	assert_int_equal(c.displays.count, 0);
	assert_int_equal(c.keymap, 0);
	assert_int_equal(c.debugcon.kind, STREAM_NONE);
	assert_int_equal(c.gdb.kind, STREAM_NONE);
	assert_int_equal(c.fence, FENCE_ON);
	assert_string_equal(c.append, "");
	assert_int_equal(c.log.categories, 0);
	assert_false(c.stats.given || c.no_reboot || c.debug_exit || c.help || c.cpu.help);
}

/* The terminal is the display's or the serial port's: whose, when neither or one is asked for. */
static void test_terminal(void **state)
{
	static const struct {
		const char *line;
		bool terminal;
		enum config_display_kind display;
		enum stream_kind serial;
		const char *refused; /* NULL: it is not */
	} cases[] = {
		{"", true, DISPLAY_NONE, STREAM_STDIO, NULL},
		{"--kernel k", true, DISPLAY_NONE, STREAM_STDIO, NULL},
		{"--kernel k --display terminal", true, DISPLAY_TERMINAL, STREAM_NONE, NULL},
		{"--kernel k --display terminal --serial file:s", true, DISPLAY_TERMINAL,
	         STREAM_FILE, NULL},
		{"--kernel k --display terminal --serial none", true, DISPLAY_TERMINAL, STREAM_NONE,
	         NULL},
		{"--bios b", true, DISPLAY_TERMINAL, STREAM_NONE, NULL},
		{"--bios b", false, DISPLAY_NONE, STREAM_STDIO, NULL},
		{"--bios b --display none", true, DISPLAY_NONE, STREAM_STDIO, NULL},
		{"--bios b --serial stdio", true, DISPLAY_NONE, STREAM_STDIO, NULL},
		{"--bios b --debugcon -", true, DISPLAY_NONE, STREAM_STDIO, NULL},
		{"--bios b --firmware-log -", true, DISPLAY_NONE, STREAM_STDIO, NULL},
		{"--display terminal --serial stdio", true, 0, 0, "--serial stdio"},
		{"--display terminal --serial none --serial stdio", true, 0, 0, "--serial stdio"},
		{"--bios b --serial none --serial stdio", true, DISPLAY_NONE, STREAM_NONE, NULL},
		{"--display terminal --debugcon -", true, 0, 0, "--debugcon -"},
		{"--bios b --display terminal --firmware-log -", true, 0, 0, "--firmware-log -"},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct machine_config c;
		struct problem p = {0};
		accept(&c, cases[i].line);
		bool ok = config_choose_display(&c, cases[i].terminal, &p);
		if (ok != !cases[i].refused || (!ok && !strstr(p.text, cases[i].refused)))
			fail_msg("%s: %s", cases[i].line, p.text);
		if (ok &&
		    (config_shows(&c, DISPLAY_TERMINAL) != (cases[i].display == DISPLAY_TERMINAL) ||
		     c.serials.at[0].kind != cases[i].serial))
			fail_msg("%s: %u displays, serial %d", cases[i].line, c.displays.count,
			         c.serials.at[0].kind);
	}
}

static void test_all(void **state)
{
	struct machine_config c;
	accept(&c,
	       "--kernel k --initrd i --module m1 --module m2 --append a --memory 3G --cpu 486 "
	       "--serial unix:/s --debugcon d --debug-exit --no-reboot --log int,exc f "
	       "--vma-budget 2000 --no-userfaultfd --exact-ad --always-check --cache 16M --dump-cache c "
	       "--mmu shadow --gdb 65535 --fence require --verify --stats");
	assert_string_equal(c.kernel, "k");
	assert_string_equal(c.initrd, "i");
	assert_int_equal(c.modules.count, 2);
	assert_string_equal(c.modules.at[1], "m2");
	assert_string_equal(c.append, "a");
	assert_int_equal(c.memory, 3ull << 30);
	assert_string_equal(c.cpu.model->name, "486");
	assert_int_equal(c.serials.at[0].kind, STREAM_UNIX);
	assert_string_equal(c.serials.at[0].path, "/s");
	assert_string_equal(c.serials.at[0].text, "unix:/s");
	assert_int_equal(c.debugcon.kind, STREAM_FILE);
	assert_string_equal(c.debugcon.path, "d");
	assert_true(c.debug_exit && c.no_reboot && c.no_userfaultfd && c.exact_ad &&
	            c.always_check && c.verify);
	assert_int_equal(c.log.categories, LOG_INT | LOG_EXC);
	assert_string_equal(c.log.path, "f");
	assert_int_equal(c.vma_budget, 2000);
	assert_int_equal(c.cache, 16 << 20);
	assert_string_equal(c.dump_cache, "c");
	assert_int_equal(c.gdb.kind, STREAM_TCP);
	assert_int_equal(c.gdb.number, 65535);
	assert_int_equal(c.fence, FENCE_REQUIRE);
	assert_true(c.stats.given);
	assert_null(c.stats.path);
	accept(&c, "--stats out --no-reboot");
	assert_string_equal(c.stats.path, "out");
	accept(&c, "--stats --no-reboot");
	assert_null(c.stats.path);
	assert_true(c.no_reboot);
	accept(&c, "--debugcon - --gdb unix:/g --serial none");
	assert_int_equal(c.debugcon.kind, STREAM_STDIO);
	assert_int_equal(c.gdb.kind, STREAM_UNIX);
	assert_string_equal(c.gdb.path, "/g");
	assert_int_equal(c.serials.at[0].kind, STREAM_NONE);
	accept(&c, "--apic --cpu help");
	assert_true(c.cpu.help);
	accept(&c, "--help");
	assert_true(c.help);
	accept(&c, "--log io,mmu,io f");
	assert_int_equal(c.log.categories, LOG_IO | LOG_MMU);
}

static void test_rtc(void **state)
{
	static const struct {
		const char *text;
		int64_t second;
	} dates[] = {
		{"2026-11-26", 1795651200},
		{"2026-11-26T12:34:56", 1795696496},
		{"1970-01-01", 0},
		{"1900-01-01", -2208988800},
		{"2199-12-31T23:59:59", 7258118399},
		{"2000-02-29", 951782400},
	};
	static const char *const not_dates[] = {
		"",
		"UTC",
		"now",
		"2026-02-29",
		"1900-02-29",
		"2026-13-01",
		"2026-00-01",
		"2026-01-00",
		"2026-01-32",
		"1899-12-31",
		"2200-01-01",
		"2026-1-26",
		"2026-11-26T",
		"2026-11-26T12:34",
		"2026-11-26 12:34:56",
		"2026-11-26T24:00:00",
		"2026-11-26T12:60:00",
		"2026-11-26T12:34:60",
		"2026-11-26T12:34:56Z",
		"2026/11/26",
		"202a-11-26",
	};
	struct machine_config c;
	struct problem p;
	char line[64];
	accept(&c, "");
	assert_int_equal(c.rtc.from, RTC_UTC);
	accept(&c, "--rtc utc");
	assert_int_equal(c.rtc.from, RTC_UTC);
	accept(&c, "--rtc local");
	assert_int_equal(c.rtc.from, RTC_LOCAL);
	for (unsigned i = 0; i < sizeof dates / sizeof *dates; i++) {
		snprintf(line, sizeof line, "--rtc %s", dates[i].text);
		accept(&c, line);
		assert_int_equal(c.rtc.from, RTC_DATE);
		assert_int_equal(c.rtc.second, dates[i].second);
	}
	for (unsigned i = 0; i < sizeof not_dates / sizeof *not_dates; i++) {
		char text[64], *argv[] = {"--rtc", text};
		snprintf(text, sizeof text, "%s", not_dates[i]);
		p = (struct problem){0};
		if (config_parse(&c, 2, argv, &p))
			fail_msg("--rtc '%s' is a date", text);
		assert_non_null(strstr(p.text, "neither utc, local nor a date"));
	}
}

static void test_boot(void **state)
{
	struct machine_config c;
	accept(&c, "--floppy f");
	assert_int_equal(c.boot.count, 0);
	assert_int_equal(c.boot_menu, 0);
	accept(&c, "--floppy f --floppy g --boot floppy1,floppy0 --boot-menu 5");
	assert_int_equal(c.boot.count, 2);
	assert_int_equal(c.boot.at[0], BOOT_FLOPPY0 + 1);
	assert_int_equal(c.boot.at[1], BOOT_FLOPPY0);
	assert_int_equal(c.boot_menu, 5);
	accept(&c, "--bios b --boot floppy0");
	refuse("--floppy f --boot floppy1", "--boot floppy1", "no second --floppy");
	refuse("--floppy f --boot floppy2", "--boot floppy2", "not among floppy0,floppy1");
	refuse("--kernel k --boot floppy0", "--boot:", "no firmware runs");
	refuse("--kernel k --floppy f --boot-menu 5", "--boot-menu:", "no firmware runs");
	refuse("--boot-menu 5", "--boot-menu:", "no firmware runs");
}

static void test_refusals(void **state)
{
	struct machine_config c;
	refuse("--frobnicate", "--frobnicate", "unknown option");
	refuse("stray", "stray", "not an option");
	refuse("--kernel", "--kernel", "value");
	refuse("--log int", "--log", "needs a value (--log WHAT FILE)");
	refuse("--log in f", "--log in:", "not among int,exc,exits,units,mmu,io");
	refuse("--log ints f", "--log ints:", "not among");
	refuse("--log int,,exc f", "--log int,,exc:", "not among");
	refuse("--log int, f", "--log int,:", "not among");
	refuse("--cpu z80", "--cpu z80", "unknown model (--cpu help lists them)");
	refuse("--memory 0", "--memory 0", "at least 1M");
	refuse("--memory 3M", "--memory 3M", "a kernel needs 4M");
	refuse("--memory 67108865", "67108865", "MiB");
	refuse("--memory 4097K", "4097K", "MiB");
	refuse("--memory 3073M", "3073M", "at most 3G");
	refuse("--memory 99999999999999999999", "--memory", "not a size");
	refuse("--memory 17179869184G", "--memory", "not a size");
	refuse("--memory 641K --bios b", "--memory 641K", "not a whole number");
	refuse("--bios b --kernel k", "--bios", "no firmware");
	refuse("--memory -64M", "-64M", "not a size");
	refuse("--memory 64Mx", "64Mx", "not a size");
	refuse("--memory much", "much", "not a size");
	refuse("--serial telegraph", "--serial telegraph",
	       ": neither stdio, file:PATH, unix:PATH, tcp:PORT, connect:unix:PATH, "
	       "connect:tcp:PORT, fd:N nor none");
	refuse("--serial stdio --serial stdio", "--serial stdio", "the first port's");
	refuse("--serial fd:7 --serial fd:7", "--serial fd:7", "the first port's");
	accept(&c, "--serial fd:7 --serial fd:8");
	accept(&c, "--serial none --serial none");
	accept(&c, "--serial tcp:0 --serial tcp:0");
	accept(&c, "--serial none --serial stdio");
	assert_int_equal(c.serials.at[0].kind, STREAM_NONE);
	assert_int_equal(c.serials.at[1].kind, STREAM_STDIO);
	refuse("--serial none --serial none --serial none", "--serial none", "more than 2");
	refuse("--serial file:", "--serial file:", "neither");
	refuse("--serial stdio,", "--serial stdio,", "neither");
	refuse("--serial 80", "--serial 80", "neither");
	refuse("--gdb 65536", "--gdb 65536", ": neither a port from 0 to 65535 nor unix:PATH");
	refuse("--gdb -1", "--gdb -1", "neither");
	refuse("--gdb 12x", "--gdb 12x", "neither");
	refuse("--gdb stdio", "--gdb stdio", "neither");
	refuse("--fence barbed", "--fence barbed", ": neither off, on nor require");
	refuse("--memory 64M --memory 64M", "--memory", "given twice");
	refuse("--no-reboot --no-reboot", "--no-reboot", "given twice");
	refuse("--vma-budget few", "few", "--vma-budget");
	refuse("--vma-budget 5", "5", "--vma-budget");
	refuse("--cache 1K", "1K", "--cache");
	refuse("--mmu magic", "magic", "--mmu");
	refuse("--initrd i", "--initrd i", "without a --kernel");
	refuse("--cpu 486 --apic", "--apic", "a 486 has none");
	refuse("--module m", "--module m", "without a --kernel");
}

static void test_sizes(void **state)
{
	uint64_t v;
	assert_true(option_size("0", &v) && v == 0);
	assert_true(option_size("4096", &v) && v == 4096);
	assert_true(option_size("5k", &v) && v == 5 << 10);
	assert_true(option_size("40M", &v) && v == 40 << 20);
	assert_true(option_size("4096G", &v) && v == 4096ull << 30);
	assert_false(option_size("", &v));
	assert_false(option_size("M", &v));
	assert_false(option_size(" 4M", &v));
	assert_false(option_size("4MB", &v));
	assert_false(option_size("4T", &v));
	assert_string_equal(option_size_text(0).at, "0");
	assert_string_equal(option_size_text(4097).at, "4097");
	assert_string_equal(option_size_text(4096).at, "4K");
	assert_string_equal(option_size_text(1536 << 20).at, "1536M");
	assert_string_equal(option_size_text(3ull << 30).at, "3G");
	assert_string_equal(option_size_text(1ull << 50).at, "1048576G");
}

static void test_first_problem_is_kept(void **state)
{
	struct problem p = {0};
	assert_false(problem_set(&p, "one %d", 1));
	problem_set(&p, "two");
	assert_string_equal(p.text, "one 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_all),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_rtc),      cmocka_unit_test(test_boot),
		cmocka_unit_test(test_sizes),    cmocka_unit_test(test_first_problem_is_kept),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
