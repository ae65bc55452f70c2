/* What is told of a table of options: help, Markdown, bash's completion. */
#include "machine/options.h"

#include <string.h>

enum { HELP_COLUMN = 26, HELP_WIDTH = 80 };

/* The text's words, in lines that begin at a column; this one has reached `at`. */
static void wrap(FILE *f, unsigned at, const char *text)
{
	const char *between = "";
	if (at > HELP_COLUMN - 2) {
		fputc('\n', f);
		at = 0;
	}
	at += (unsigned)fprintf(f, "%*s", (int)(HELP_COLUMN - at), "");
	while (*text) {
		int n = (int)strcspn(text, " ");
		if (at + strlen(between) + (size_t)n > HELP_WIDTH) {
			fprintf(f, "\n%*s", HELP_COLUMN, "");
			at = HELP_COLUMN;
			between = "";
		}
		at += (unsigned)fprintf(f, "%s%.*s", between, n, text);
		between = " ";
		text += n + (text[n] == ' ');
	}
	fputc('\n', f);
}

/* Its help, with what holds without it. */
struct text {
	char at[512];
};
static struct text help_of(const struct option *o)
{
	struct text text;
	bool told = o->initial && *o->initial;
	const char *words = o->word ? strstr(o->help, "%s") : NULL;
	int n = words ? (int)(words - o->help) : (int)strlen(o->help);
	snprintf(text.at, sizeof text.at, "%.*s%s%s%s%s%s", n, o->help,
	         words ? option_words(o, ",", ",").at : "", words ? words + 2 : "",
	         told ? " (default " : "", told ? o->initial : "", told ? ")" : "");
	return text;
}

void options_help(const struct option_table *t, FILE *f)
{
	for (const struct option *o = t->rows; o < t->rows + t->count; o++) {
		int at =
			fprintf(f, "  %s%s%s", o->name, o->form ? " " : "", o->form ? o->form : "");
		wrap(f, (unsigned)at, help_of(o).at);
	}
}

void options_markdown(const struct option_table *t, FILE *f)
{
	for (const struct option *o = t->rows; o < t->rows + t->count; o++)
		fprintf(f, "| `%s%s%s` | %s |\n", o->name, o->form ? " " : "",
		        o->form ? o->form : "", help_of(o).at);
}

/* What may follow an option, but for the name of a file. */
static void bash_words(const struct option *o, FILE *f)
{
	if (o->word)
		fprintf(f, "\t%s) words='%s' ;;\n", o->name, option_words(o, " ", " ").at);
	else if (o->form && !o->files)
		fprintf(f, "\t%s) ;;\n", o->name);
}

/* Is a file's name the word at this place behind the option's name? */
static bool is_file(const struct option *o, unsigned place)
{
	const char *space = o->form ? strchr(o->form, ' ') : NULL;
	return o->files && place == (space ? 2 : 1);
}

/* More of a pattern: options whose word at this place is a file's name. */
static void bash_files(const struct option_table *t, unsigned place, FILE *f)
{
	for (const struct option *o = t->rows; o < t->rows + t->count; o++)
		if (is_file(o, place))
			fprintf(f, "|%s", o->name);
}

void options_bash(const struct option_table *t, const char *also, FILE *f)
{
	int program = (int)strcspn(t->command, " ");
	const char *verb = t->command + program + 1;
	fprintf(f,
	        "_%.*s()\n{\n"
	        "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	        "\tlocal first=${COMP_WORDS[COMP_CWORD-2]} words= head=\n"
	        "\tif ((COMP_CWORD == 1)); then\n"
	        "\t\tmapfile -t COMPREPLY < <(compgen -W '%s %s' -- \"$word\")\n"
	        "\t\treturn\n\tfi\n"
	        /* bash takes "file:x" for three words. */
	        "\t[[ $word == : ]] && before=: word=\n"
	        "\tcase $before in\n\t:",
	        program, t->command, verb, also);
	bash_files(t, 1, f);
	fprintf(f, ") [[ $word == -* ]] || first=file ;;&\n");
	for (const struct option *o = t->rows; o < t->rows + t->count; o++)
		bash_words(o, f);
	fprintf(f, "\t*) words='");
	for (unsigned i = 0; i < t->count; i++)
		fprintf(f, "%s%s", i ? " " : "", t->rows[i].name);
	fprintf(f, "' ;;\n\tesac\n\tcase $first in\n\tfile");
	bash_files(t, 2, f);
	fprintf(f,
	        ")\n\t\tcompopt -o filenames 2> /dev/null\n"
	        "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	        "\t\treturn ;;\n\tesac\n"
	        "\t[[ $word == *,* ]] && head=${word%%,*},\n"
	        "\tmapfile -t COMPREPLY < <(compgen -P \"$head\" -W \"$words\" -- \"${word##*,}\")\n"
	        "}\ncomplete -F _%.*s %.*s\n",
	        program, t->command, program, t->command);
}
