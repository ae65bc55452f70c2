/* The templates of segments that have limits: byte for byte, like those of template.c. */
#include "verify/cursor.h"
#include "verify/internal.h"

/* movzx r10d, byte [register + r10 + disp], or [r10 + disp]: what is added to the cell is below 2^32,
 * or a displacement that does not lead out of the guard behind the ruler. */
static void load(struct cursor *k, bool by_r9)
{
	uint32_t rex = imm(k, 1), opcode = imm(k, 2), modrm = imm(k, 1), sib = imm(k, 1);
	uint32_t mod = modrm >> 6, base = (sib & 7) | (rex & 1) << 3;
	if ((rex & ~1u) != 0x46 || opcode != 0xb60f || (modrm & 0x3f) != 0x14 ||
	    (sib & 0xf8) != 0x10)
		k->ok = false;
	bool none = mod == 0 && (sib & 7) == 5;
	uint32_t disp = mod == 1 ? imm(k, 1) : mod == 2 || none ? imm(k, 4) : 0;
	if (mod == 3 || (mod == 1 ? disp > 0x7f : disp > 0x2000000) || (none && rex & 1) ||
	    (!none && (base == RSP || base == R10 || base >= R13)) || (base == R9) != by_r9)
		k->ok = false;
}

unsigned template_reach(const struct dump_layout *l, const uint8_t *p, const uint8_t *end)
{
	/* Of six segments to be read and to be written; of CS to be executed. */
	for (unsigned i = 0; i <= 12; i++) {
		uint32_t reach = l->reach + i / 2 * l->reach_stride;
		uint32_t cell = i == 12 ? l->code_reach
		                        : reach + (i & 1 ? l->reach_write : l->reach_read);
		struct cursor k = cursor(p, end);
		bool down = i < 12 && MAYBE(&k, "\x45\x8b");
		if (down) {
			at_r15(&k, R10, -1, reach + l->reach_low); /* mov r10d, [r15 + low] */
			BYTES(&k, "\x47\x8d\x14\x02"               /* lea r10d, [r10 + r8] */
			          "\x4d\x8b");                     /* mov r9, [r15 + cell] */
			at_r15(&k, R9, -1, cell);
		} else {
			BYTES(&k, "\x4d\x8b"); /* mov r10, [r15 + cell] */
			at_r15(&k, R10, -1, cell);
		}
		load(&k, down);
		if (k.ok)
			return (unsigned)(k.p - p);
	}
	return 0;
}
