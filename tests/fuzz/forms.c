/* forms PACK RESULT: how often each form of the translator's table was run by the
 * cases of a pack, a line a form, "row count"; -1 is what the table does not list.
 * RESULT tells where each case ended: what lies beyond was not reached.
 * forms --rows: the table, a line a row: number, name, map, opcode, digit, prefix, mod,
 * group, memory access, flags, I: it runs as it is (IDENT).
 * forms --list PACK NUMBER: where the instructions of one case begin, and how it reads. */
#define segment case_segment /* not the vCPU's */
#include "case.h"
#undef segment

#include "translator/table.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct decoder *decoder;

static const struct asm_pack *load(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(2);
	}
	fseek(f, 0, SEEK_END);
	size_t size = ftell(f);
	rewind(f);
	struct asm_pack *pack = malloc(size);
	if (!pack || fread(pack, 1, size, f) != size || pack->magic != PACK_MAGIC) {
		fprintf(stderr, "forms: %s: not a pack\n", path);
		exit(2);
	}
	fclose(f);
	return pack;
}

static int row_number(const struct row *r)
{
	return r ? (int)(r - table_at(0)) : -1;
}

static bool code32(const struct asm_case *c)
{
	return !case_narrow(c);
}

/* Length of the instruction at `at`; its form in *form. */
static unsigned next(const struct asm_pack *pack, const struct asm_case *c, unsigned at, int *form)
{
	uint8_t bytes[16] = {0};
	unsigned left = c->size - at;
	struct insn i;
	memcpy(bytes, pack_code(pack, c) + at, left < 15 ? left : 15);
	if (decode(decoder, bytes, 15, code32(c), &i) != DECODE_OK) {
		*form = -1;
		return left;
	}
	*form = row_number(table_find(&i));
	return i.len;
}

static void count(const struct asm_pack *pack, FILE *result)
{
	static unsigned long counts[4096];
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, result) > 0) {
		uint32_t n, trap, eip;
		if (sscanf(line, "%u trap=%x eip=%x", &n, &trap, &eip) != 3 || n >= pack->cases)
			continue;
		const struct asm_case *c = pack_case(pack, n);
		for (unsigned at = 0; at < c->size;) {
			/* Backward and outside are far away; the first one always runs. */
			uint32_t end = eip - c->code;
			int form;
			if (at && end < c->size && at > end)
				break;
			at += next(pack, c, at, &form);
			counts[form + 1]++;
		}
	}
	free(line);
	for (int i = 0; i < 4096; i++)
		if (counts[i])
			printf("%d %lu\n", i - 1, counts[i]);
}

static void list_rows(void)
{
	const struct row *r;
	for (unsigned n = 0; (r = table_at(n)); n++)
		printf("%u|%s|%u|%02x|%d|%c|%c|%c|%c|%u|%c\n", n, r->name, r->map, r->opcode,
		       r->ext, r->pfx ? r->pfx : '-', r->mod ? r->mod : '-', r->group,
		       r->access ? r->access : '-', r->flags,
		       (r->handler == H_plain || r->handler == H_modrm) &&
		                       !(r->flags & (ROW_CO | ROW_RE))
		               ? 'I'
		               : '-');
}

static void list_case(const struct asm_pack *pack, uint32_t number)
{
	const struct asm_case *c = pack_case(pack, number);
	csh cs;
	if (number >= pack->cases || cs_open(CS_ARCH_X86, code32(c) ? CS_MODE_32 : CS_MODE_16, &cs))
		exit(2);
	for (unsigned at = 0; at < c->size;) {
		int form;
		unsigned len = next(pack, c, at, &form);
		cs_insn *insn = NULL;
		size_t n = cs_disasm(cs, pack_code(pack, c) + at, len, c->code + at, 1, &insn);
		printf("%u %u %d %s %s\n", at, len, form, n ? insn->mnemonic : "?",
		       n ? insn->op_str : "");
		cs_free(insn, n);
		at += len;
	}
}

int main(int argc, char **argv)
{
	decoder = decoder_create();
	if (!decoder)
		return 2;
	if (argc == 2 && !strcmp(argv[1], "--rows")) {
		list_rows();
	} else if (argc == 4 && !strcmp(argv[1], "--list")) {
		list_case(load(argv[2]), strtoul(argv[3], NULL, 10));
	} else if (argc == 3) {
		FILE *result = fopen(argv[2], "r");
		if (!result)
			return 2;
		count(load(argv[1]), result);
	} else {
		fprintf(stderr, "usage: forms PACK RESULT | --rows | --list PACK NUMBER\n");
		return 2;
	}
	return 0;
}
