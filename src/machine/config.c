#include "machine/config.h"

#include "base/calendar.h"
#include "base/log.h"
#include "devices/edid.h"
#include "machine/keymap.h"

#include <stdio.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define CONVENTIONAL_MEMORY ((uint64_t)640 << 10)
#define KERNEL_MEMORY (4 * MIB)
enum { RTC_FIRST_YEAR = 1900, RTC_LAST_YEAR = 2199 };
enum { SCREEN_LEAST_WIDTH = 320, SCREEN_LEAST_HEIGHT = 200 };

/* --- streams --- */

static const char *stream_word(const struct option *o, unsigned i)
{
	return stream_spec_prefix(o->set & ~(1u << STREAM_PORT), i);
}

static bool read_stream(const struct option *o, void *field, char **words, struct problem *why)
{
	if (stream_spec_parse(field, o->set, words[0]))
		return true;
	if (!stream_spec_form(o->set, 1))
		return problem_set(why, "only %s is there", stream_spec_form(o->set, 0));
	char told[256] = "";
	size_t n = 0;
	const char *form;
	for (unsigned i = 0; n < sizeof told && (form = stream_spec_form(o->set, i)); i++) {
		const char *more = stream_spec_form(o->set, i + 1) ? ", " : " nor ";
		n += (size_t)snprintf(told + n, sizeof told - n, "%s%s", i ? more : "", form);
	}
	return problem_set(why, "neither %s", told);
}

/* A path, or - for standard output. */
static bool read_output(const struct option *o, void *field, char **words, struct problem *why)
{
	bool standard = !strcmp(words[0], "-");
	*(struct stream_spec *)field = (struct stream_spec){
		.kind = standard ? STREAM_STDIO : STREAM_FILE,
		.path = words[0],
		.text = words[0],
	};
	return true;
}

/* --- memory --- */

/* That of the first PCs, which ends below the adapters', or whole MiB. */
static bool read_memory(const struct option *o, void *field, char **words, struct problem *why)
{
	uint64_t bytes;
	if (!option_size(words[0], &bytes) || bytes != CONVENTIONAL_MEMORY)
		return option_read_size(o, field, words, why);
	*(uint64_t *)field = bytes;
	return true;
}

/* --- what is booted --- */

_Static_assert(BOOT_DEVICES <= (int)OPTION_ORDER_MOST, "--boot may name all of them");

static const char *boot_word(const struct option *o, unsigned i)
{
	static const char *const names[BOOT_DEVICES] = {"floppy0", "floppy1", "disk0",  "disk1",
	                                                "disk2",   "disk3",   "cdrom0", "cdrom1",
	                                                "cdrom2",  "cdrom3"};
	return i < BOOT_DEVICES ? names[i] : NULL;
}

/* Is there firmware that boots, and what it is to boot? */
static bool check_boot(const struct machine_config *c, struct problem *p)
{
	bool asked = c->boot.count || c->boot_menu;
	if (asked && !config_has_firmware(c))
		return problem_set(
			p,
			"%s: no firmware runs with a --kernel, or without --floppy, --disk, "
			"--cdrom and --bios",
			c->boot.count ? "--boot" : "--boot-menu");
	for (unsigned i = 0; i < c->boot.count; i++) {
		unsigned at = c->boot.at[i], disk = at - BOOT_DISK0, cdrom = at - BOOT_CDROM0;
		/* Firmware finds a first drive of floppies in any case. */
		if (at > BOOT_FLOPPY0 && at < BOOT_DISK0 && c->floppies.count <= at)
			return problem_set(p, "--boot %s: there is no second --floppy",
			                   boot_word(NULL, at));
		if (at >= BOOT_CDROM0 && c->cdroms.count <= cdrom)
			return problem_set(p, "--boot %s: there are %u of --cdrom",
			                   boot_word(NULL, at), c->cdroms.count);
		if (at >= BOOT_DISK0 && at < BOOT_CDROM0 && c->disks.count <= disk)
			return problem_set(p, "--boot %s: there are %u of --disk",
			                   boot_word(NULL, at), c->disks.count);
	}
	return true;
}

/* --- disks --- */

/* By FORMAT_*, and the ends of names that tell it. */
static const struct {
	const char *name, *ends[2];
} formats[] = {
	[FORMAT_AUTO] = {"auto", {NULL, NULL}},
	[FORMAT_RAW] = {"raw", {NULL, NULL}},
	[FORMAT_QCOW2] = {"qcow2", {".qcow2", NULL}},
	{"vdi", {".vdi", NULL}},
	{"vmdk", {".vmdk", NULL}},
	{"vpc", {".vhd", ".vpc"}},
	{"vhdx", {".vhdx", NULL}},
};
enum { FORMATS = sizeof formats / sizeof *formats };

const char *config_format_name(unsigned i)
{
	return i < FORMATS ? formats[i].name : NULL;
}

static bool ends_with(const char *text, const char *end)
{
	return end && strlen(text) > strlen(end) && !strcmp(text + strlen(text) - strlen(end), end);
}

unsigned config_format_of(const struct config_disk *d)
{
	for (unsigned i = 0; d->format == FORMAT_AUTO && i < FORMATS; i++)
		if (ends_with(d->medium.file, formats[i].ends[0]) ||
		    ends_with(d->medium.file, formats[i].ends[1]))
			return i;
	return d->format == FORMAT_AUTO ? FORMAT_RAW : d->format;
}

static const char *translation_word(const struct option *o, unsigned i)
{
	static const char *const names[] = {
		[GEOMETRY_NONE] = "none",
		[GEOMETRY_LBA] = "lba",
		[GEOMETRY_LARGE] = "large",
		[GEOMETRY_AUTO] = "auto",
	};
	return i < sizeof names / sizeof *names ? names[i] : NULL;
}

/* raw, or what qemu-nbd calls it. */
static const char *format_word(const struct option *o, unsigned i)
{
	return config_format_name(i);
}

/* C/H/S, within what IDENTIFY can tell and BIOSes take. */
static bool read_chs(const struct option *o, void *field, char **words, struct problem *why)
{
	static const unsigned most[3] = {16383, 16, 63};
	unsigned v[3] = {0};
	const char *at = words[0];
	bool good = true;
	for (unsigned i = 0; i < 3 && good; i++) {
		const char *from = at;
		while (*at >= '0' && *at <= '9' && v[i] <= most[i])
			v[i] = 10 * v[i] + (unsigned)(*at++ - '0');
		good = at > from && v[i] && v[i] <= most[i] && *at++ == (i < 2 ? '/' : '\0');
	}
	*(struct ide_geometry *)field =
		(struct ide_geometry){(uint16_t)v[0], (uint8_t)v[1], (uint8_t)v[2]};
	return good || problem_set(why, "not CYLINDERS/HEADS/SECTORS, up to 16383/16/63");
}

static bool read_serial(const struct option *o, void *field, char **words, struct problem *why)
{
	size_t n = strlen(words[0]);
	for (const char *c = words[0]; *c; c++)
		if (*c < ' ' || *c > '~')
			return problem_set(why, "not of printable ASCII characters");
	if (n > IDE_SERIAL)
		return problem_set(why, "longer than %u characters", IDE_SERIAL);
	return option_read_text(o, field, words, why);
}

/* Does each serial port have a descriptor of its own? */
static bool check_serials(const struct machine_config *c, struct problem *p)
{
	const struct stream_spec *a = &c->serials.at[0], *b = &c->serials.at[1];
	bool own = a->kind == STREAM_STDIO || a->kind == STREAM_FD;
	return !own || a->kind != b->kind || a->number != b->number ||
	       problem_set(p, "--serial %s: it is the first port's", b->text);
}

/* --- time --- */

static const char *rtc_word(const struct option *o, unsigned i)
{
	static const char *const names[] = {[RTC_UTC] = "utc", [RTC_LOCAL] = "local"};
	return i < sizeof names / sizeof *names ? names[i] : NULL;
}

/* A date that there is, with a time of day or without.  Nanoseconds are counted of it, so its
 * years are few. */
static bool read_date(const char *text, int64_t *second)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t n = strlen(text);
	unsigned field[6] = {0}, f = 0;
	if (n != strlen("0000-00-00") && n != strlen(form))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		if (digit != (form[i] == '0') || (!digit && text[i] != form[i]))
			return false;
		if (digit)
			field[f] = 10 * field[f] + (unsigned)(text[i] - '0');
		f += !digit;
	}
	int64_t days = calendar_days(field[0], field[1], (int)field[2]);
	*second = days * CALENDAR_DAY_S + field[3] * 3600 + field[4] * 60 + field[5];
	struct calendar c = calendar_of(*second);
	return c.year >= RTC_FIRST_YEAR && c.year <= RTC_LAST_YEAR && c.year == field[0] &&
	       c.month == field[1] && c.day == field[2] && c.hour == field[3] &&
	       c.minute == field[4] && c.second == field[5];
}

static bool read_rtc(const struct option *o, void *field, char **words, struct problem *why)
{
	struct config_rtc *rtc = field;
	for (unsigned i = 0; rtc_word(o, i); i++)
		if (!strcmp(words[0], rtc_word(o, i))) {
			rtc->from = i;
			return true;
		}
	rtc->from = RTC_DATE;
	return read_date(words[0], &rtc->second) ||
	       problem_set(why,
	                   "neither utc, local nor a date from %d to %d, such as 2026-11-26 or "
	                   "2026-11-26T12:34:56",
	                   RTC_FIRST_YEAR, RTC_LAST_YEAR);
}

/* --- the screen --- */

/* A picture that the display's memory holds in 32 bits, and of which an EDID can tell. */
static bool read_screen(const struct option *o, void *field, char **words, struct problem *why)
{
	struct config_screen *s = field;
	int end = 0;
	bool form = sscanf(words[0], "%4ux%4u%n", &s->width, &s->height, &end) == 2 &&
	            !words[0][end] && strspn(words[0], "0123456789x") == (size_t)end;
	return (form && s->width >= SCREEN_LEAST_WIDTH && s->height >= SCREEN_LEAST_HEIGHT &&
	        s->width % 8 == 0 && s->width <= EDID_MAX_RES && s->height <= EDID_MAX_RES &&
	        (uint64_t)s->width * s->height * 4 <= CONFIG_VGA_BYTES) ||
	       problem_set(
		       why,
		       "not WIDTHxHEIGHT from %ux%u to what %u MiB hold in 32 bits (2560x1600), "
		       "the width in steps of 8",
		       SCREEN_LEAST_WIDTH, SCREEN_LEAST_HEIGHT, CONFIG_VGA_BYTES >> 20);
}

/* --- words --- */

static const char *fence_word(const struct option *o, unsigned i)
{
	static const char *const names[] = {
		[FENCE_OFF] = "off",
		[FENCE_ON] = "on",
		[FENCE_REQUIRE] = "require",
	};
	return i < sizeof names / sizeof *names ? names[i] : NULL;
}

static const struct display_form {
	const char *prefix, *told;
	unsigned most; /* of its number; 0: it has none */
} display_forms[] = {
	[DISPLAY_NONE] = {"none", "none", 0},
	[DISPLAY_TERMINAL] = {"terminal", "terminal", 0},
	[DISPLAY_VNC] = {"vnc=", "vnc=[ADDR:]N", 65535 - 5900},
	[DISPLAY_WEB] = {"web=", "web=[ADDR:]PORT", 65535},
	[DISPLAY_SDL] = {"sdl", "sdl", 0},
};

static const char *display_word(const struct option *o, unsigned i)
{
	return i < sizeof display_forms / sizeof *display_forms ? display_forms[i].prefix : NULL;
}

/* [ADDR:]N, with an address of IPv6 in brackets. */
static bool read_place(struct config_display *d, const char *text, unsigned most)
{
	const char *colon = strrchr(text, ':'), *number = colon ? colon + 1 : text;
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool bracketed = n > 2 && text[0] == '[' && text[n - 1] == ']';
	int end = 0;
	if (n - 2 * bracketed >= sizeof d->address || (!bracketed && memchr(text, ':', n)))
		return false;
	snprintf(d->address, sizeof d->address, "%.*s", (int)(n ? n - 2 * bracketed : 9),
	         n ? text + bracketed : "127.0.0.1");
	return sscanf(number, "%5u%n", &d->number, &end) == 1 && !number[end] &&
	       strspn(number, "0123456789") == (size_t)end && d->number <= most;
}

static bool read_display(const struct option *o, void *field, char **words, struct problem *why)
{
	struct config_display *d = field;
	for (unsigned i = 0; i < sizeof display_forms / sizeof *display_forms; i++) {
		const struct display_form *f = &display_forms[i];
		size_t n = strlen(f->prefix);
		d->kind = i;
		d->text = words[0];
		if (!strncmp(words[0], f->prefix, n) &&
		    (f->most ? read_place(d, words[0] + n, f->most) : !words[0][n]))
			return true;
	}
	return problem_set(why, "neither none, terminal, sdl, vnc=[ADDR:]N nor web=[ADDR:]PORT");
}

static const char *keymap_word(const struct option *o, unsigned i)
{
	return keymap_name(i);
}

static const char *mmu_word(const struct option *o, unsigned i)
{
	return i == MMU_SHADOW ? "shadow" : NULL;
}

static const char *log_word(const struct option *o, unsigned i)
{
	return log_category_name(i);
}

/* Categories, and a file. */
static bool read_log(const struct option *o, void *field, char **words, struct problem *why)
{
	struct config_log *log = field;
	log->path = words[1];
	return option_read_set(o, &log->categories, words, why);
}

static const char *cpu_word(const struct option *o, unsigned i)
{
	const struct cpu_model *model = i ? cpu_model_at(i - 1) : NULL;
	return !i ? "help" : model ? model->name : NULL;
}

static bool read_cpu(const struct option *o, void *field, char **words, struct problem *why)
{
	struct config_cpu *cpu = field;
	cpu->help = !strcmp(words[0], "help");
	cpu->model = cpu_model_find(words[0]);
	return cpu->help || cpu->model || problem_set(why, "unknown model (--cpu help lists them)");
}

/* --- the table --- */

#define CONFIG struct machine_config
#define FLAG(f) OPTION_FLAG(CONFIG, f)
#define TEXT(f) OPTION_TEXT(CONFIG, f)
#define PATH(f) OPTION_FILE(CONFIG, f)
#define MAY_FILE(f) OPTION_MAY_FILE(CONFIG, f)
#define SIZE(f, from, to, whole) OPTION_SIZE(CONFIG, f, from, to, whole)
#define MEMORY(f)                                                                                  \
	.read = read_memory, OPTION_FIELD(uint64_t, CONFIG, f), .least = MIB, .most = 3072 * MIB,  \
	.unit = MIB
#define RTC(f) .read = read_rtc, OPTION_FIELD(struct config_rtc, CONFIG, f), .word = rtc_word
#define SCREEN(f) .read = read_screen, OPTION_FIELD(struct config_screen, CONFIG, f)
#define NUMBER(f, from, to) OPTION_NUMBER(CONFIG, f, from, to)
#define WORD(f, words) OPTION_WORD(CONFIG, f, words)
#define ORDER(f, words) OPTION_ORDER(CONFIG, f, words)
#define FLOPPY(f) LIST(f, OPTION_KEYS(CONFIG, f.at[0], medium_keys))
#define DISK(f) LIST(f, OPTION_KEYS(CONFIG, f.at[0], disk_keys))
#define LIST(f, ...) OPTION_LIST(CONFIG, f, __VA_ARGS__)
#define MODEL(f) .read = read_cpu, OPTION_FIELD(struct config_cpu, CONFIG, f), .word = cpu_word
#define DISPLAY(f) LIST(f, OPTION_KEYS(CONFIG, f.at[0], display_keys), .word = display_word)
#define OUTPUT(f) .read = read_output, OPTION_FIELD(struct stream_spec, CONFIG, f), .files = true
#define STREAM(f, kinds)                                                                           \
	.read = read_stream, OPTION_FIELD(struct stream_spec, CONFIG, f), .set = (kinds),          \
	.word = stream_word
#define SERIAL(f)                                                                                  \
	LIST(f, STREAM(f.at[0], ON(STDIO) | ON(FILE) | ON(UNIX) | ON(TCP) | ON(CONNECT_UNIX) |     \
	                                ON(CONNECT_TCP) | ON(FD) | ON(NONE)))
#define LOG(f)                                                                                     \
	.read = read_log, OPTION_FIELD(struct config_log, CONFIG, f), .word = log_word,            \
	.files = true

#define ON(kind) (1u << STREAM_##kind)

static const struct option medium_keys[] = {
	{.name = "file", .form = "FILE", OPTION_FILE(struct config_medium, file)},
	{.name = "readonly", OPTION_FLAG(struct config_medium, readonly)},
	{.name = "snapshot", OPTION_FLAG(struct config_medium, snapshot)},
};

static const struct option disk_keys[] = {
	{.name = "file", .form = "FILE", OPTION_FILE(struct config_disk, medium.file)},
	{.name = "readonly", OPTION_FLAG(struct config_disk, medium.readonly)},
	{.name = "snapshot", OPTION_FLAG(struct config_disk, medium.snapshot)},
	{.name = "format",
         .form = "FORMAT",
         .initial = "auto",
         OPTION_WORD(struct config_disk, format, format_word)},
	{.name = "chs",
         .form = "C/H/S",
         .read = read_chs,
         OPTION_FIELD(struct ide_geometry, struct config_disk, chs)},
	{.name = "trans",
         .form = "HOW",
         .initial = "auto",
         OPTION_WORD(struct config_disk, trans, translation_word)},
	{.name = "serial",
         .form = "TEXT",
         .read = read_serial,
         OPTION_FIELD(const char *, struct config_disk, serial)},
};

static const struct option display_keys[] = {
	{.name = "how", .form = "HOW", .read = read_display},
	{.name = "password", .form = "FILE", OPTION_FILE(struct config_display, password)},
};

#define OPTION(called, words, kind, holds, told, good, bad, says)                                  \
	{.name = (called), .form = (words), .initial = (holds), .help = (told), kind},
static const struct option rows[] = {
#include "machine/options.inc"
};
#undef OPTION

const struct option_table config_options = {"unring run", rows, sizeof rows / sizeof *rows};

bool config_shows(const struct machine_config *c, enum config_display_kind kind)
{
	for (unsigned i = 0; i < c->displays.count; i++)
		if (c->displays.at[i].kind == kind)
			return true;
	return false;
}

/* Does each say something that the others leave to it? */
static bool check_displays(const struct machine_config *c, struct problem *p)
{
	unsigned terminals = 0;
	for (unsigned i = 0; i < c->displays.count; i++) {
		const struct config_display *d = &c->displays.at[i];
		if (d->kind == DISPLAY_NONE && c->displays.count > 1)
			return problem_set(p, "--display none: there is another");
		if (d->kind == DISPLAY_TERMINAL && terminals++)
			return problem_set(p, "--display terminal: given twice");
		if (d->password && !display_forms[d->kind].most)
			return problem_set(p, "--display %s: nobody is asked for a password",
			                   d->text);
	}
	return true;
}

bool config_parse(struct machine_config *c, int argc, char **argv, struct problem *p)
{
	*c = (struct machine_config){0};
	if (!options_parse(&config_options, c, argc, argv, p))
		return false;
	if (!c->kernel && c->initrd)
		return problem_set(p, "--initrd %s: without a --kernel", c->initrd);
	if (c->kernel && (c->bios || c->vgabios))
		return problem_set(p, "%s: with a --kernel there is no firmware",
		                   c->bios ? "--bios" : "--vgabios");
	if (c->disks.count + c->cdroms.count > IDE_PLACES)
		return problem_set(p,
		                   "--cdrom %s: there are %d drives of --disk and --cdrom at most",
		                   c->cdroms.at[c->cdroms.count - 1], IDE_PLACES);
	if (!check_serials(c, p) || !check_displays(c, p) || !check_boot(c, p))
		return false;
	if (!config_has_firmware(c) && c->memory < KERNEL_MEMORY)
		return problem_set(p, "--memory %s: a kernel needs %s",
		                   option_size_text(c->memory).at,
		                   option_size_text(KERNEL_MEMORY).at);
	if (c->apic && !c->cpu.help && !(c->cpu.model->isa & ISA_MSR))
		return problem_set(p, "--apic: a %s has none", c->cpu.model->name);
	if (c->paused && !c->control.kind)
		return problem_set(p, "--paused: without a --control that lets it go on");
	if (c->exit_on_text && !*c->exit_on_text)
		return problem_set(p, "--exit-on-text: the text is empty");
	if (!c->kernel && c->modules.count)
		return problem_set(p, "--module %s: without a --kernel", c->modules.at[0]);
	return true;
}

bool config_boots_medium(const struct machine_config *c)
{
	return config_has_firmware(c);
}

static bool has_stdio(const struct machine_config *c)
{
	for (unsigned i = 0; i < c->serials.count; i++)
		if (c->serials.at[i].kind == STREAM_STDIO)
			return true;
	return false;
}

bool config_choose_display(struct machine_config *c, bool terminal, struct problem *p)
{
	bool unset = !c->serials.count;
	bool free =
		unset && c->debugcon.kind != STREAM_STDIO && c->firmware_log.kind != STREAM_STDIO;
	if (!c->displays.count && terminal && free && config_boots_medium(c))
		c->displays.at[c->displays.count++] =
			(struct config_display){.kind = DISPLAY_TERMINAL, .text = "terminal"};
	bool taken = config_shows(c, DISPLAY_TERMINAL);
	if (taken && has_stdio(c))
		return problem_set(p, "--serial stdio: the terminal is --display terminal's");
	if (taken && c->debugcon.kind == STREAM_STDIO)
		return problem_set(p, "--debugcon -: the terminal is --display terminal's");
	if (taken && c->firmware_log.kind == STREAM_STDIO)
		return problem_set(p, "--firmware-log -: the terminal is --display terminal's");
	if (unset && !taken)
		c->serials.at[c->serials.count++] =
			(struct stream_spec){.kind = STREAM_STDIO, .text = "stdio"};
	return true;
}
