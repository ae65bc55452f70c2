#include "machine/config.h"

#include "base/log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)

/* --- streams --- */

/* How each is written: the whole, or what is before its path; and what is said of it. */
static const struct {
	enum stream_kind kind;
	const char *word, *told;
} streams[] = {
	{STREAM_TCP, "", "a port from 0 to 65535"},
	{STREAM_STDIO, "stdio", "stdio"},
	{STREAM_FILE, "file:", "file:PATH"},
	{STREAM_UNIX, "unix:", "unix:PATH"},
	{STREAM_NONE, "none", "none"},
};

enum { STREAMS = sizeof streams / sizeof *streams };

/* The i-th of these kinds; STREAMS past the last. */
static unsigned stream_at(unsigned kinds, unsigned i)
{
	unsigned at = 0;
	while (at < STREAMS && (!(kinds >> streams[at].kind & 1) || i--))
		at++;
	return at;
}

static bool read_port(struct stream_spec *s, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	s->port = (uint16_t)n;
	return isdigit((unsigned char)*text) && !*end && n <= UINT16_MAX;
}

static bool is_stream(struct stream_spec *s, unsigned at, const char *text)
{
	const char *word = streams[at].word;
	size_t n = strlen(word);
	*s = (struct stream_spec){.kind = streams[at].kind, .text = text};
	switch (s->kind) {
	case STREAM_TCP:
		return read_port(s, text);
	case STREAM_FILE:
	case STREAM_UNIX:
		s->path = text + n;
		return !strncmp(text, word, n) && text[n];
	default:
		return !strcmp(text, word);
	}
}

bool stream_spec_parse(struct stream_spec *s, unsigned kinds, const char *text, struct problem *why)
{
	char told[128] = "";
	size_t n = 0;
	unsigned at;
	for (unsigned i = 0; (at = stream_at(kinds, i)) < STREAMS; i++) {
		if (is_stream(s, at, text))
			return true;
		const char *between = !i                                  ? "neither "
		                      : stream_at(kinds, i + 1) < STREAMS ? ", "
		                                                          : " nor ";
		n += (size_t)snprintf(told + n, sizeof told - n, "%s%s", between, streams[at].told);
	}
	return problem_set(why, "%s", told);
}

static const char *stream_word(const struct option *o, unsigned i)
{
	unsigned at = stream_at(o->set & ~(1u << STREAM_TCP), i);
	return at < STREAMS ? streams[at].word : NULL;
}

static bool read_stream(const struct option *o, void *field, char **words, struct problem *why)
{
	return stream_spec_parse(field, o->set, words[0], why);
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
#define NUMBER(f, from, to) OPTION_NUMBER(CONFIG, f, from, to)
#define WORD(f, words) OPTION_WORD(CONFIG, f, words)
#define LIST(f, ...) OPTION_LIST(CONFIG, f, __VA_ARGS__)
#define MODEL(f) .read = read_cpu, OPTION_FIELD(struct config_cpu, CONFIG, f), .word = cpu_word
#define OUTPUT(f) .read = read_output, OPTION_FIELD(struct stream_spec, CONFIG, f), .files = true
#define STREAM(f, kinds)                                                                           \
	.read = read_stream, OPTION_FIELD(struct stream_spec, CONFIG, f), .set = (kinds),          \
	.word = stream_word
#define LOG(f)                                                                                     \
	.read = read_log, OPTION_FIELD(struct config_log, CONFIG, f), .word = log_word,            \
	.files = true

#define ON(kind) (1u << STREAM_##kind)

#define OPTION(called, words, kind, holds, told, good, bad, says)                                  \
	{.name = (called), .form = (words), .initial = (holds), .help = (told), kind},
static const struct option rows[] = {
#include "machine/options.inc"
};
#undef OPTION

const struct option_table config_options = {"unring run", rows, sizeof rows / sizeof *rows};

bool config_parse(struct machine_config *c, int argc, char **argv, struct problem *p)
{
	*c = (struct machine_config){0};
	if (!options_parse(&config_options, c, argc, argv, p))
		return false;
	if (!c->kernel && c->initrd)
		return problem_set(p, "--initrd %s: without a --kernel", c->initrd);
	if (!c->kernel && c->modules.count)
		return problem_set(p, "--module %s: without a --kernel", c->modules.at[0]);
	return true;
}
