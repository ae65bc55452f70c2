/* asmcmp PACK RESULT...: compares results, each with the first, and all with
 * what the written tests expect.  One line for each case that differs:
 *
 *   number name bytes  disassembly | field: first second; ...
 *
 * and, at the end, for what the manuals leave to the processor, how often it was met
 * (alternatives.c).
 *
 * Options: --ignore-flags HEX, flags not to look at; --first N, show N lines;
 * --undefined FILE, for the numbers of those that differ in undefined flags only.
 * Ends with 0 if all agree. */
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alternatives.h"

enum { SHOWN_FIELDS = 12 }; /* of a case that differs */

struct run {
	const char *path;
	char **lines;     /* by case, NULL: no result */
	char *text, *end; /* the file; its last line */
};

static const struct asm_pack *pack;
static uint32_t ignored_flags;
static FILE *undefined_file;
static unsigned long differing, undefined, shown = 50;
static uint32_t reported; /* the case whose line is being written */
static unsigned fields;   /* so far in it */
static csh capstone, capstone16;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "asmcmp: %s: %s\n", what, detail);
	exit(2);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t size;
	char *data;

	if (!f)
		die(path, "cannot open");
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = malloc(size + 1);
	if (!data || fread(data, 1, size, f) != size)
		die(path, "cannot read");
	data[size] = 0;
	fclose(f);
	return data;
}

static struct run read_run(const char *path)
{
	struct run run = {.path = path, .lines = calloc(pack->cases, sizeof(char *))};
	char *save;

	run.text = read_file(path);
	for (char *line = strtok_r(run.text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *rest;
		unsigned long number = strtoul(line, &rest, 10);

		if (rest > line && *rest == ' ' && number < pack->cases)
			run.lines[number] = rest;
		else
			run.end = line;
	}
	return run;
}

static void split(struct fields *f, const char *line)
{
	char *save;

	f->copy = strdup(line);
	f->count = 0;
	for (char *field = strtok_r(f->copy, " ", &save); field && f->count < FIELDS;
	     field = strtok_r(NULL, " ", &save)) {
		char *value = strchr(field, '=');

		if (!value)
			die("not a field", field);
		*value++ = 0;
		f->name[f->count] = field;
		f->value[f->count++] = value;
	}
}

static void print_disassembly(const struct asm_case *c, const uint8_t *code)
{
	cs_insn *insn;
	size_t n = cs_disasm(case_narrow(c) ? capstone16 : capstone, code, c->size, c->code, 0,
	                     &insn),
	       at = 0;

	for (size_t i = 0; i < n; i++) {
		printf("%s %s %s", i ? ";" : " ", insn[i].mnemonic, insn[i].op_str);
		at += insn[i].size;
	}
	if (at < c->size)
		printf("; ?");
	cs_free(insn, n);
}

/* What a field of registers held at the start; NULL: not told. */
static const char *initial(const struct asm_case *c, const char *field, char *text, size_t size)
{
	static const char *const gprs[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
	const uint8_t *fpu = pack_fpu(pack, c);

	for (int i = 0; i < 8; i++)
		if (!strcmp(field, gprs[i]))
			return snprintf(text, size, "%08x", c->gpr[i]), text;
	if (!strcmp(field, "fsw"))
		return snprintf(text, size, "%02x%02x", fpu[3], fpu[2]), text;
	if (!strcmp(field, "ftw"))
		return snprintf(text, size, "%02x", fpu[4]), text;
	return NULL;
}

/* Begins the line of a case at its first difference, and adds one field. */
static void report(uint32_t number, const char *field, const char *a, const char *b)
{
	const struct asm_case *c = pack_case(pack, number);
	const uint8_t *code = pack_code(pack, c);
	int first = reported != number;

	reported = number;
	if (first && differing++ >= shown)
		return;
	if (differing > shown)
		return;
	fields = first ? 1 : fields + 1;
	if (fields > SHOWN_FIELDS) {
		if (fields == SHOWN_FIELDS + 1)
			printf(" ...");
		return;
	}
	if (first) {
		printf("%s%u", differing > 1 ? "\n" : "", number);
		if (c->name)
			printf(" %s", pack_text(pack, c->name));
		if (!(c->kind & CASE_WRITTEN)) {
			printf(" ");
			for (uint32_t i = 0; i < c->size; i++)
				printf("%02x", code[i]);
			print_disassembly(c, code);
		}
		printf(" |");
	}

	char text[16];
	const char *before = a && b ? NULL : initial(c, field, text, sizeof(text));

	before = before ? before : "unchanged";
	printf(" %s: %s %s;", field, a ? a : before, b ? b : before);
}

/* Flags compare but for those undefined; differences there are counted apart. */
static void compare_flags(uint32_t number, const char *a, const char *b)
{
	const struct asm_case *c = pack_case(pack, number);
	uint32_t x = a ? strtoul(a, NULL, 16) : c->eflags;
	uint32_t y = b ? strtoul(b, NULL, 16) : c->eflags;
	uint32_t wrong = (x ^ y) & ~ignored_flags;
	char text[2][16];

	if (wrong & ~c->undefined) {
		snprintf(text[0], sizeof(text[0]), "%08x", x);
		snprintf(text[1], sizeof(text[1]), "%08x", y);
		report(number, "flags", text[0], text[1]);
	} else if (wrong) {
		undefined++;
		if (undefined_file)
			fprintf(undefined_file, "%u\n", number);
	}
}

static void compare(uint32_t number, const char *first, const char *second)
{
	struct fields a, b;

	split(&a, first);
	split(&b, second);
	if (alternatives_accept(pack, number, &a, &b)) {
		free(a.copy);
		free(b.copy);
		return;
	}
	compare_flags(number, fields_find(&a, "flags"), fields_find(&b, "flags"));
	for (int i = 0; i < a.count; i++) {
		const char *other = fields_find(&b, a.name[i]);

		if (strcmp(a.name[i], "flags") && (!other || strcmp(other, a.value[i])))
			report(number, a.name[i], a.value[i], other);
	}
	for (int i = 0; i < b.count; i++)
		if (strcmp(b.name[i], "flags") && !fields_find(&a, b.name[i]))
			report(number, b.name[i], NULL, b.value[i]);
	free(a.copy);
	free(b.copy);
}

static void compare_runs(const struct run *a, const struct run *b)
{
	reported = -1;
	for (uint32_t i = 0; i < pack->cases; i++) {
		if (!b->lines[i])
			report(i, "result", a->lines[i] ? "present" : "absent", "absent");
		else if (a->lines[i])
			compare(i, a->lines[i], b->lines[i]);
	}
	if (!a->end || !b->end || strcmp(a->end, b->end)) {
		differing++;
		printf("\nend: %s: %s: %s: %s\n", a->path, a->end, b->path, b->end);
	}
}

static void compare_expected(const struct run *a)
{
	reported = -1;
	for (uint32_t i = 0; i < pack->cases; i++) {
		const struct asm_case *c = pack_case(pack, i);

		if (!a->lines[i])
			report(i, "result", "expected", "absent");
		else if (c->expect)
			compare(i, pack_text(pack, c->expect), a->lines[i]);
	}
}

int main(int argc, char **argv)
{
	static struct run runs[8];
	unsigned count = 0;

	if (cs_open(CS_ARCH_X86, CS_MODE_32, &capstone) != CS_ERR_OK ||
	    cs_open(CS_ARCH_X86, CS_MODE_16, &capstone16) != CS_ERR_OK)
		die("capstone", "cannot open");
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--ignore-flags") && i + 1 < argc) {
			ignored_flags = strtoul(argv[++i], NULL, 16);
		} else if (!strcmp(argv[i], "--first") && i + 1 < argc) {
			shown = strtoul(argv[++i], NULL, 10);
		} else if (!strcmp(argv[i], "--undefined") && i + 1 < argc) {
			undefined_file = fopen(argv[++i], "w");
			if (!undefined_file)
				die(argv[i], "cannot write");
		} else if (!pack) {
			pack = (const struct asm_pack *)read_file(argv[i]);
			if (pack->magic != PACK_MAGIC)
				die(argv[i], "not a pack");
		} else if (count < sizeof(runs) / sizeof(*runs)) {
			runs[count] = read_run(argv[i]);
			compare_expected(&runs[count]);
			if (count++)
				compare_runs(&runs[0], &runs[count - 1]);
		}
	}
	if (!count) {
		fprintf(stderr, "usage: asmcmp [--ignore-flags HEX] [--first N] PACK RESULT...\n");
		return 2;
	}
	if (differing)
		printf("\n");
	alternatives_print();
	printf("%u cases, %lu differ, %lu in what is undefined only\n", pack->cases, differing,
	       undefined);
	cs_close(&capstone);
	cs_close(&capstone16);
	return differing != 0;
}
