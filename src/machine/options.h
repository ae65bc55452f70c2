/* A command line as a table of options.  A row says an option's name, the words that follow
 * it, how they are read and where in a struct they go: the parser, the help, README's table and
 * the shell's completion come of it. */
#ifndef UNRING_MACHINE_OPTIONS_H
#define UNRING_MACHINE_OPTIONS_H

#include "machine/problem.h"

#include <stddef.h>
#include <stdio.h>

enum { OPTION_WORDS = 2 }; /* the most that follow an option's name */

struct option {
	const char *name;    /* with its dashes; a key of another option's value has none */
	const char *form;    /* the words that follow: "FILE", "WHAT FILE"; "[FILE]" may be left
	                        out; NULL: none */
	const char *initial; /* what holds without the option; NULL: zero */
	const char *help;    /* %s stands for the words that it may be */
	/* Reads the words, behind which is NULL, into the field.  False: *why has the reason. */
	bool (*read)(const struct option *o, void *field, char **words, struct problem *why);
	size_t field; /* offset */
	/* One that may be repeated: room elements of this size at field, and the offset of an
	 * unsigned that counts them.  room 0: it may be given once. */
	size_t element, count;
	unsigned room;
	uint64_t least, most, unit; /* of a number or a size; 0: any */
	unsigned set;               /* for a reader of the table's own */
	bool files;                 /* its last word names a file */
	/* The i-th of the words that it may be, NULL past the end. */
	const char *(*word)(const struct option *o, unsigned i);
	const struct option *keys; /* of its value: read_keys */
	unsigned key_count;
};

struct option_table {
	const char *command; /* "unring run", for messages */
	const struct option *rows;
	unsigned count; /* at most 64 */
};

/* Sets the fields of what is not on the command line to what holds without it.  The values
 * stay where they are, in argv, whose commas read_keys() may overwrite. */
bool options_parse(const struct option_table *t, void *into, int argc, char **argv,
                   struct problem *p);

/* The lines of --help. */
void options_help(const struct option_table *t, FILE *f);
/* The rows of a table in Markdown. */
void options_markdown(const struct option_table *t, FILE *f);
/* A function for bash, which completes the command's words: the program has also these. */
void options_bash(const struct option_table *t, const char *also, FILE *f);

/* --- kinds --- */

/* A field of this type, as a row names it. */
#define OPTION_FIELD(type, s, f)                                                                   \
	.field = offsetof(s, f) + 0 * sizeof(char[_Generic(((s *)0)->f, type : 1)])

/* There or not. */
#define OPTION_FLAG(s, f) .read = option_read_flag, OPTION_FIELD(bool, s, f)
#define OPTION_TEXT(s, f) .read = option_read_text, OPTION_FIELD(const char *, s, f)
#define OPTION_FILE(s, f) OPTION_TEXT(s, f), .files = true
/* A flag, and the name of a file that may be left out. */
struct option_file {
	bool given;
	const char *path;
};
#define OPTION_MAY_FILE(s, f)                                                                      \
	.read = option_read_may_file, OPTION_FIELD(struct option_file, s, f), .files = true
/* Bytes, with a suffix K, M or G; in whole units. */
#define OPTION_SIZE(s, f, from, to, whole)                                                         \
	.read = option_read_size, OPTION_FIELD(uint64_t, s, f), .least = (from), .most = (to),     \
	.unit = (whole)
#define OPTION_NUMBER(s, f, from, to)                                                              \
	.read = option_read_number, OPTION_FIELD(unsigned, s, f), .least = (from), .most = (to)
/* The number of one of the words; a set of them, which commas part, a bit for each. */
#define OPTION_WORD(s, f, words)                                                                   \
	.read = option_read_word, OPTION_FIELD(unsigned, s, f), .word = (words)
#define OPTION_SET(s, f, words)                                                                    \
	.read = option_read_set, OPTION_FIELD(unsigned, s, f), .word = (words)
/* Some of the words in an order, none twice. */
enum { OPTION_ORDER_MOST = 16 }; /* of words that there are */
struct option_order {
	unsigned count, at[OPTION_ORDER_MOST]; /* their numbers */
};
#define OPTION_ORDER(s, f, words)                                                                  \
	.read = option_read_order, OPTION_FIELD(struct option_order, s, f), .word = (words)
/* FIRST[,key][,key=value]: a struct, whose fields the keys are; the first goes without its
 * name.  No value has a comma. */
#define OPTION_KEYS(s, f, table)                                                                   \
	.read = option_read_keys, .field = offsetof(s, f), .keys = (table),                        \
	.key_count = sizeof(table) / sizeof *(table)
/* A field {at[N], count} of what may be repeated; the kind of f.at[0] comes last. */
#define OPTION_LIST(s, f, ...)                                                                     \
	__VA_ARGS__, .element = sizeof((s *)0)->f.at[0], .count = offsetof(s, f.count),            \
		     .room = sizeof((s *)0)->f.at / sizeof((s *)0)->f.at[0]

bool option_read_flag(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_text(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_may_file(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_size(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_number(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_word(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_set(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_order(const struct option *o, void *field, char **words, struct problem *why);
bool option_read_keys(const struct option *o, void *field, char **words, struct problem *why);

/* The words that it may be, with these between them. */
struct option_words {
	char at[256];
} option_words(const struct option *o, const char *comma, const char *last);

/* A number of bytes with an optional suffix K, M or G; and as a text. */
bool option_size(const char *text, uint64_t *bytes);
struct option_size_text {
	char at[24];
} option_size_text(uint64_t bytes);

#endif
