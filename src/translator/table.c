#include "translator/table.h"

#include <stddef.h>

#define ANY -1
#define R(map, op, ext, pfx, mod, name, h, group, reg, rm, size, access, flags, isa)               \
	{name, map, op, ext, pfx, mod, H_##h, group, reg, rm, size, access, flags, isa},

static const struct row rows[] = {
#include "translator/table.inc"
};

enum { N_ROWS = sizeof rows / sizeof *rows };

const struct row *table_at(unsigned i)
{
	return i < N_ROWS ? &rows[i] : NULL;
}

static unsigned row_key(const struct row *r)
{
	return r->map << 8 | r->opcode;
}

static char mandatory(const struct insn *i)
{
	if (i->rep)
		return i->rep == 0xf3 ? '3' : '2';
	return i->p66 ? '6' : 'N';
}

/* The table is sorted by map and opcode (a test checks it). */
const struct row *table_find(const struct insn *i)
{
	unsigned key = i->map << 8 | i->opcode, lo = 0, hi = N_ROWS;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		if (row_key(&rows[mid]) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	char pfx = mandatory(i);
	for (; lo < N_ROWS && row_key(&rows[lo]) == key; lo++) {
		const struct row *r = &rows[lo];
		if (r->ext != ANY && r->ext != i->reg)
			continue;
		if (r->mod && (r->mod == 'm') != insn_is_mem(i))
			continue;
		if (r->pfx && r->pfx != pfx)
			continue;
		return r;
	}
	return NULL;
}

unsigned row_mem_size(const struct row *r, const struct insn *i)
{
	switch (r->size) {
	case 'b':
		return 1;
	case 'w':
		return 2;
	case 'd':
		return 4;
	case 'q':
		return 8;
	case 't':
		return 10;
	case 'o':
		return 16;
	case 'v':
		return i->opsize;
	case 'p':
		return i->opsize + 2;
	case 'e':
		return i->opsize == 4 ? 28 : 14;
	case 's':
		return i->opsize == 4 ? 108 : 94;
	case 'f':
		return 512;
	}
	return 0;
}
