/* asmpack: makes the packs that `native` and `kernel` run.
 *
 *   asmpack written OUT { TEST.asm TEST.bin }...
 *   asmpack random OUT GROUP SEED COUNT
 *
 * The head of a written test, up to its first line that is no comment:
 *
 *   ; initial: eax=1 flags=cf|df mxcsr=9f80    beside the state of test.inc
 *   ; undefined: af|of                         flags that may be anything
 *   ; expect: ecx=5 flags=zf|pf m00010=1,2*3   all that has changed at the end:
 *                                              here dwords 1, 2, 2, 2 at AREA + 10h
 *
 * `expect` may be repeated; `expect: native` asks for nothing but the result of
 * the native run, where the manual leaves the value to the processor. A test ends at the INT3 after
 * its last byte unless trap= and eip= (+N: from the start) say otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "asmpack: %s: %s\n", what, detail);
	exit(2);
}

uint32_t buffer_add(struct buffer *buffer, const void *data, size_t size)
{
	uint32_t offset = buffer->size;

	if (!size)
		return offset;
	if (buffer->size + size > buffer->capacity) {
		buffer->capacity = (buffer->size + size) * 2;
		buffer->data = realloc(buffer->data, buffer->capacity);
		if (!buffer->data)
			die("memory", "out of it");
	}
	memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return offset;
}

void fpu_initial(uint8_t image[FPU_SIZE])
{
	memset(image, 0, FPU_SIZE);
	memcpy(image, "\x7f\x03", 2);
	memcpy(image + 24, "\x80\x1f", 2);
}

static void *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *data;

	if (!f)
		die(path, "cannot open");
	fseek(f, 0, SEEK_END);
	*size = ftell(f);
	rewind(f);
	data = malloc(*size + 1);
	if (!data || fread(data, 1, *size, f) != *size)
		die(path, "cannot read");
	data[*size] = 0;
	fclose(f);
	return data;
}

static uint32_t parse_flags(const char *text)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} flags[] = {{"cf", 1},      {"pf", 4},       {"af", 0x10},    {"zf", 0x40},
	             {"sf", 0x80},   {"tf", 0x100},   {"df", 0x400},   {"of", 0x800},
	             {"nt", 0x4000}, {"rf", 0x10000}, {"ac", 0x40000}, {"id", 0x200000},
	             {"-", 0}};
	uint32_t value = 0;

	while (*text) {
		size_t length = strcspn(text, "|"), i;

		for (i = 0; i < sizeof(flags) / sizeof(*flags); i++)
			if (strlen(flags[i].name) == length && !memcmp(flags[i].name, text, length))
				break;
		if (i == sizeof(flags) / sizeof(*flags))
			die("no such flag", text);
		value |= flags[i].bit;
		text += length + (text[length] == '|');
	}
	return value;
}

static void parse_initial(struct asm_case *c, uint8_t *fpu, const char *name, const char *value)
{
	static const char *const gprs[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
	static const char *const segs[] = {"es", "cs", "ss", "ds", "fs", "gs"};
	uint32_t number = strtoul(value, NULL, 16);

	if (!strcmp(name, "flags")) {
		c->eflags = 0x202 | parse_flags(value);
		return;
	}
	if (!strcmp(name, "mxcsr")) {
		memcpy(fpu + 24, &number, 4);
		return;
	}
	if (!strcmp(name, "fcw")) {
		memcpy(fpu, &number, 2);
		return;
	}
	for (int i = 0; i < 8; i++)
		if (!strcmp(name, gprs[i])) {
			c->gpr[i] = number;
			return;
		}
	for (int i = 0; i < 6; i++)
		if (!strcmp(name, segs[i])) {
			c->seg[i] = number;
			return;
		}
	die("no such initial field", name);
}

/* Rewrites one expected field in the form of a result. */
static void parse_expect(const struct asm_case *c, struct buffer *text, const char *name,
                         const char *value)
{
	char field[64];

	if (!strcmp(name, "eip") && *value == '+') {
		snprintf(field, sizeof(field), " eip=%08lx", c->code + strtoul(value, NULL, 16));
	} else if (!strcmp(name, "flags")) {
		snprintf(field, sizeof(field), " flags=%08x", 0x202 | parse_flags(value));
	} else if (*name == 'm' && name[1] >= '0' && name[1] <= '9') {
		unsigned long at = strtoul(name + 1, NULL, 16);

		for (char *p = (char *)value; *p; p += *p == ',') {
			unsigned long dword = strtoul(p, &p, 16), count = 1;

			if (*p == '*')
				count = strtoul(p + 1, &p, 10);
			for (; count--; at += 4) {
				snprintf(field, sizeof(field), " m%05lx=%08lx", at, dword);
				buffer_add(text, field, strlen(field));
			}
			if (*p && *p != ',')
				die("not a list of dwords", value);
		}
		return;
	} else {
		snprintf(field, sizeof(field), " %s=%s", name, value);
	}
	buffer_add(text, field, strlen(field));
}

static void add_written(struct builder *b, const char *source_path, const char *binary_path)
{
	const char *base = strrchr(source_path, '/');
	size_t size;
	char *source = read_file(source_path, &size);
	uint8_t *binary = read_file(binary_path, &size);
	uint8_t fpu[FPU_SIZE];
	struct buffer expect = {0};
	int trap = 0, eip = 0, native = 0;
	struct asm_case c = {
		.code = CODE,
		.size = size,
		.gpr = {0xa0a0a0a0, 0xc1c1c1c1, 0xd2d2d2d2, 0xb3b3b3b3, STACK_START, 0xb5b5b5b5,
	                AREA + 0x1000, AREA},
		.eflags = 0x202,
		.seg = {SEL_DATA, SEL_CODE, SEL_DATA, SEL_DATA, SEL_BASED, SEL_LIMITED},
		.kind = CASE_WRITTEN,
	};

	if (size > CODE_SIZE)
		die(binary_path, "too long");
	fpu_initial(fpu);
	base = base ? base + 1 : source_path;
	c.name = buffer_add(&b->text, base, strcspn(base, "."));
	buffer_add(&b->text, "", 1);
	c.source = buffer_add(&b->code, binary, size);
	for (char *line = source, *next; *line == ';'; line = next) {
		char *kind, *save, *field;

		next = strchr(line, '\n');
		next = next ? next + 1 : line + strlen(line);
		if (next > line && next[-1] == '\n')
			next[-1] = 0;
		kind = strtok_r(line, "; \t", &save);
		if (!kind)
			continue;
		if (strcmp(kind, "initial:") && strcmp(kind, "undefined:") &&
		    strcmp(kind, "expect:"))
			continue;
		while ((field = strtok_r(NULL, " \t", &save))) {
			char *value = strchr(field, '=');

			if (*kind == 'u') {
				c.undefined |= parse_flags(field);
				continue;
			}
			if (*kind == 'e' && !strcmp(field, "native")) {
				native = 1;
				continue;
			}
			if (!value)
				die(source_path, field);
			*value++ = 0;
			if (*kind == 'i')
				parse_initial(&c, fpu, field, value);
			else
				parse_expect(&c, &expect, field, value);
			trap |= *kind == 'e' && !strcmp(field, "trap");
			eip |= *kind == 'e' && !strcmp(field, "eip");
		}
	}
	if (!trap)
		parse_expect(&c, &expect, "trap", "03");
	if (!eip) {
		char end[16];

		snprintf(end, sizeof(end), "+%zx", size + 1);
		parse_expect(&c, &expect, "eip", end);
	}
	buffer_add(&expect, "", 1);
	if (!native)
		c.expect = buffer_add(&b->text, expect.data, expect.size);
	c.fpu = buffer_add(&b->fpu, fpu, FPU_SIZE) / FPU_SIZE;
	buffer_add(&b->cases, &c, sizeof(c));
	b->ldt = 1;
	free(expect.data);
	free(source);
	free(binary);
}

static void put_section(FILE *f, const struct buffer *section)
{
	if (section->size)
		fwrite(section->data, 1, section->size, f);
}

static void write_pack(const struct builder *b, const char *path)
{
	static const uint8_t zeros[4096];
	struct asm_pack head = {.magic = PACK_MAGIC,
	                        .cases = b->cases.size / sizeof(struct asm_case),
	                        .ldt = b->ldt};
	FILE *f = fopen(path, "wb");
	uint32_t at = 64;
	int bad;

	if (!f)
		die(path, "cannot create");
	head.fpu_offset = at;
	at += b->fpu.size;
	head.data_offset = at;
	at += b->data.size;
	head.case_offset = at;
	at += b->cases.size;
	head.text_offset = at;
	at += b->text.size;
	head.code_offset = (at + 4095) & ~4095u;
	head.code_size = (b->code.size + 4095) & ~4095u;
	fwrite(&head, sizeof(head), 1, f);
	fwrite(zeros, 64 - sizeof(head), 1, f);
	put_section(f, &b->fpu);
	put_section(f, &b->data);
	put_section(f, &b->cases);
	put_section(f, &b->text);
	fwrite(zeros, 1, head.code_offset - at, f);
	put_section(f, &b->code);
	fwrite(zeros, 1, head.code_size - b->code.size, f);
	bad = ferror(f);
	if (fclose(f) || bad)
		die(path, "cannot write");
}

int main(int argc, char **argv)
{
	static struct builder b;

	buffer_add(&b.text, "", 1);
	if (argc > 4 && argc % 2 == 1 && !strcmp(argv[1], "written")) {
		for (int i = 3; i + 1 < argc; i += 2)
			add_written(&b, argv[i], argv[i + 1]);
	} else if (argc == 6 && !strcmp(argv[1], "random")) {
		if (generate(&b, argv[3], strtoull(argv[4], NULL, 0), strtoul(argv[5], NULL, 0)))
			die(argv[3], "no such group, or too many cases");
	} else {
		fprintf(stderr, "usage: asmpack written OUT {TEST.asm TEST.bin}...\n"
		                "       asmpack random OUT GROUP SEED COUNT\n");
		return 2;
	}
	write_pack(&b, argv[2]);
	return 0;
}
