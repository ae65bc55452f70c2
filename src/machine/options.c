#include "machine/options.h"

#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct option *find(const struct option *rows, unsigned count, const char *name,
                                 size_t length)
{
	for (const struct option *o = rows; o < rows + count; o++)
		if (strlen(o->name) == length && !memcmp(o->name, name, length))
			return o;
	return NULL;
}

/* How many words follow an option, at least and at most. */
static void words_of(const struct option *o, int *least, int *most)
{
	*least = *most = 0;
	for (const char *p = o->form; p && *p; p += strcspn(p, " "), p += *p == ' ') {
		*least += *p != '[';
		++*most;
	}
	CHECK(*most <= OPTION_WORDS);
}

static bool read_initial(const struct option *o, void *field)
{
	struct problem why = {0};
	return !o->initial || o->read(o, field, (char *[]){(char *)o->initial, NULL}, &why);
}

/* The option's words, into its field or its next element. */
static bool apply(const struct option *o, char *into, char **words, struct problem *p)
{
	unsigned *count = o->room ? (unsigned *)(into + o->count) : NULL;
	char *field = into + o->field;
	struct problem why = {0};
	if (count && *count == o->room)
		return problem_set(p, "%s %s: more than %u of these", o->name, words[0], o->room);
	if (count)
		field += (*count)++ * o->element;
	return o->read(o, field, words, &why) ||
	       problem_set(p, "%s %s: %s", o->name, words[0], why.text);
}

bool options_parse(const struct option_table *t, void *into, int argc, char **argv,
                   struct problem *p)
{
	uint64_t given = 0;
	CHECK(t->count <= 64);
	for (unsigned i = 0; i < t->count; i++)
		CHECK(read_initial(&t->rows[i], (char *)into + t->rows[i].field));
	for (int i = 0; i < argc; i++) {
		const char *name = argv[i];
		if (name[0] != '-')
			return problem_set(p, "%s: not an option (%s --help lists them)", name,
			                   t->command);
		const struct option *o = find(t->rows, t->count, name, strlen(name));
		if (!o)
			return problem_set(p, "%s: unknown option (%s --help lists them)", name,
			                   t->command);
		uint64_t bit = (uint64_t)1 << (o - t->rows);
		if (given & bit && !o->room)
			return problem_set(p, "%s: given twice", name);
		given |= bit;
		char *words[OPTION_WORDS + 1] = {NULL};
		int least, most, n = 0;
		words_of(o, &least, &most);
		while (n < most && i + 1 < argc && (n < least || argv[i + 1][0] != '-'))
			words[n++] = argv[++i];
		if (n < least)
			return problem_set(p, "%s: needs a value (%s %s)", name, name, o->form);
		if (!apply(o, into, words, p))
			return false;
	}
	return true;
}

/* --- kinds --- */

bool option_read_flag(const struct option *o, void *field, char **words, struct problem *why)
{
	*(bool *)field = true;
	return true;
}

bool option_read_text(const struct option *o, void *field, char **words, struct problem *why)
{
	*(const char **)field = words[0];
	return true;
}

bool option_read_may_file(const struct option *o, void *field, char **words, struct problem *why)
{
	*(struct option_file *)field = (struct option_file){true, words[0]};
	return true;
}

static const struct {
	char letter;
	const char *name;
} suffixes[] = {{'\0', ""}, {'K', "KiB"}, {'M', "MiB"}, {'G', "GiB"}};

/* The largest suffix with which it is a whole number. */
static unsigned suffix_of(uint64_t bytes)
{
	unsigned i = 0;
	while (bytes && i < 3 && !(bytes & 1023)) {
		bytes >>= 10;
		i++;
	}
	return i;
}

struct option_size_text option_size_text(uint64_t bytes)
{
	struct option_size_text text;
	unsigned i = suffix_of(bytes);
	snprintf(text.at, sizeof text.at, "%llu%.1s", (unsigned long long)(bytes >> (10 * i)),
	         &suffixes[i].letter);
	return text;
}

bool option_size(const char *text, uint64_t *bytes)
{
	if (!isdigit((unsigned char)*text))
		return false;
	char *end;
	errno = 0;
	uint64_t v = strtoull(text, &end, 10);
	if (errno)
		return false;
	unsigned i = *end ? 3 : 0;
	while (i && suffixes[i].letter != toupper((unsigned char)*end))
		i--;
	if (end[i != 0] || v > UINT64_MAX >> (10 * i))
		return false;
	*bytes = v << (10 * i);
	return true;
}

static bool not_whole(uint64_t unit, struct problem *why)
{
	unsigned i = suffix_of(unit);
	if (i && unit == (uint64_t)1 << (10 * i))
		return problem_set(why, "not a whole number of %s", suffixes[i].name);
	return problem_set(why, "not a multiple of %s", option_size_text(unit).at);
}

bool option_read_size(const struct option *o, void *field, char **words, struct problem *why)
{
	uint64_t v;
	if (!option_size(words[0], &v))
		return problem_set(why, "not a size (such as 64M)");
	if (o->unit && v % o->unit)
		return not_whole(o->unit, why);
	if (v < o->least)
		return problem_set(why, "must be at least %s", option_size_text(o->least).at);
	if (o->most && v > o->most)
		return problem_set(why, "must be at most %s", option_size_text(o->most).at);
	*(uint64_t *)field = v;
	return true;
}

bool option_read_number(const struct option *o, void *field, char **words, struct problem *why)
{
	char *end;
	errno = 0;
	uint64_t most = o->most ? o->most : UINT32_MAX;
	unsigned long long v = strtoull(words[0], &end, 10);
	if (!isdigit((unsigned char)*words[0]) || *end || errno || v < o->least || v > most)
		return problem_set(why, "not a number from %llu to %llu",
		                   (unsigned long long)o->least, (unsigned long long)most);
	*(unsigned *)field = v;
	return true;
}

struct option_words option_words(const struct option *o, const char *comma, const char *last)
{
	struct option_words text = {""};
	size_t n = 0;
	const char *word;
	for (unsigned i = 0; n < sizeof text.at && (word = o->word(o, i)); i++) {
		const char *between = !i ? "" : o->word(o, i + 1) ? comma : last;
		n += (size_t)snprintf(text.at + n, sizeof text.at - n, "%s%s", between, word);
	}
	return text;
}

/* The number of a word of this length, or -1. */
static int word_number(const struct option *o, const char *text, size_t length)
{
	const char *word;
	for (unsigned i = 0; (word = o->word(o, i)); i++)
		if (strlen(word) == length && !memcmp(word, text, length))
			return (int)i;
	return -1;
}

bool option_read_word(const struct option *o, void *field, char **words, struct problem *why)
{
	int i = word_number(o, words[0], strlen(words[0]));
	if (i < 0)
		return problem_set(why, o->word(o, 1) ? "neither %s" : "only %s is there",
		                   option_words(o, ", ", " nor ").at);
	*(unsigned *)field = (unsigned)i;
	return true;
}

/* The number of the next of the words that commas part, or -1; *at is behind its comma, NULL behind
 * the last. */
static int next_word(const struct option *o, const char **at)
{
	size_t n = strcspn(*at, ",");
	int i = word_number(o, *at, n);
	*at = (*at)[n] ? *at + n + 1 : NULL;
	return i;
}

static bool no_such_word(const struct option *o, struct problem *why)
{
	return problem_set(why, "not among %s", option_words(o, ",", ",").at);
}

bool option_read_set(const struct option *o, void *field, char **words, struct problem *why)
{
	unsigned set = 0;
	for (const char *at = words[0]; at;) {
		int i = next_word(o, &at);
		if (i < 0)
			return no_such_word(o, why);
		set |= 1u << i;
	}
	*(unsigned *)field = set;
	return true;
}

bool option_read_order(const struct option *o, void *field, char **words, struct problem *why)
{
	struct option_order order = {0};
	unsigned seen = 0;
	for (const char *at = words[0]; at;) {
		int i = next_word(o, &at);
		if (i < 0)
			return no_such_word(o, why);
		if (seen >> i & 1)
			return problem_set(why, "%s is there twice", o->word(o, (unsigned)i));
		seen |= 1u << i;
		order.at[order.count++] = (unsigned)i;
	}
	*(struct option_order *)field = order;
	return true;
}

/* --- keys of a value --- */

static bool unknown_key(const struct option *o, const char *item, struct problem *why)
{
	char text[256] = "";
	size_t n = 0;
	for (unsigned i = 0; i < o->key_count && n < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "," : "",
		                      o->keys[i].name);
	return problem_set(why, "%s: not among %s", item, text);
}

/* The i-th item of a value, which ends at its NUL. */
static bool read_item(const struct option *o, char *into, char *item, unsigned i, uint64_t *given,
                      struct problem *why)
{
	size_t n = strcspn(item, "=");
	const struct option *key = i ? find(o->keys, o->key_count, item, n) : o->keys;
	char *value = !i ? item : item[n] ? item + n + 1 : NULL;
	struct problem reason = {0};
	if (!key)
		return unknown_key(o, item, why);
	if (*given & (uint64_t)1 << (key - o->keys))
		return problem_set(why, "%s: given twice", key->name);
	*given |= (uint64_t)1 << (key - o->keys);
	if (key->form && (!value || !*value))
		return problem_set(why, "%s: needs a value (%s)", key->name, key->form);
	if (!key->form && value)
		return problem_set(why, "%s: takes no value", key->name);
	if (!key->read(key, into + key->field, (char *[]){value, NULL}, &reason))
		return problem_set(why, "%s: %s", key->name, reason.text);
	return true;
}

bool option_read_keys(const struct option *o, void *field, char **words, struct problem *why)
{
	uint64_t given = 0;
	CHECK(o->key_count <= 64);
	for (unsigned i = 0; i < o->key_count; i++)
		CHECK(read_initial(&o->keys[i], (char *)field + o->keys[i].field));
	char *at = words[0];
	for (unsigned i = 0;; i++) {
		char *end = at + strcspn(at, ",");
		bool last = !*end;
		*end = '\0';
		bool ok = read_item(o, field, at, i, &given, why);
		if (ok && last)
			return true;
		if (!ok) { /* the value is to be told as it was typed */
			if (!last)
				*end = ',';
			while (--at >= words[0])
				if (!*at)
					*at = ',';
			return false;
		}
		at = end + 1;
	}
}
