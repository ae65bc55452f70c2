/* The templates of segments and of single cells: byte for byte, like those of template.c. */
#include "verify/cursor.h"
#include "verify/internal.h"

enum { SEG_CS = 1, SEG_SS = 2 };

/* A load of a segment register outside of protected mode, of what is in r10w; SS tells where no
 * interrupt may come. */
static unsigned segment_load(const struct dump_layout *l, const uint8_t *p, const uint8_t *end)
{
	for (unsigned i = 0; i < 6; i++) {
		uint32_t seg = l->seg + i * l->seg_stride;
		struct cursor k = cursor(p, end);
		BYTES(&k, "\x66\x45\x89"); /* mov [r15 + selector], r10w */
		at_r15(&k, R10, -1, seg + l->seg_selector);
		BYTES(&k, "\x45\x0f\xb7\xd2"         /* movzx r10d, r10w */
		          "\x41\xb8\x04\x00\x00\x00" /* mov r8d, 4 */
		          "\xc4\x42\x39\xf7\xd2"     /* shlx r10d, r10d, r8d */
		          "\x45\x89");               /* mov [r15 + base], r10d */
		at_r15(&k, R10, -1, seg + l->seg_base);
		if (i == SEG_SS) {
			BYTES(&k, "\x41\xc7"); /* mov dword [r15 + ss_loaded], eip */
			at_r15(&k, 0, -1, l->ss_loaded);
			imm(&k, 4);
		}
		if (k.ok && i != SEG_CS)
			return (unsigned)(k.p - p);
	}
	return 0;
}

/* Selector, base and IF cells, and the segments' loads. */
unsigned template_cell(const struct dump_layout *l, const uint8_t *p, const uint8_t *end)
{
	struct cursor k;
	for (unsigned i = 0; i < 6; i++) {
		uint32_t seg = l->seg + i * l->seg_stride;
		for (unsigned r = R10; r <= R11; r++) {
			k = cursor(p, end);
			BYTES(&k, "\x45\x0f\xb7"); /* movzx r10d|r11d, word [r15 + selector] */
			at_r15(&k, r, -1, seg + l->seg_selector);
			if (k.ok)
				return (unsigned)(k.p - p);
		}
		k = cursor(p, end);
		BYTES(&k, "\x45\x8b"); /* mov r9d, [r15 + base] */
		at_r15(&k, R9, -1, seg + l->seg_base);
		if (k.ok)
			return (unsigned)(k.p - p);
	}
	k = cursor(p, end);
	BYTES(&k, "\x41\xc7"); /* mov dword [r15 + if_flag], 0 or 200h */
	at_r15(&k, 0, -1, l->if_flag);
	uint32_t v = imm(&k, 4);
	return k.ok && (v == 0 || v == HOST_IF) ? (unsigned)(k.p - p) : segment_load(l, p, end);
}

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
		uint32_t cell =
			i == 12 ? l->code_reach : reach + (i & 1 ? l->reach_write : l->reach_read);
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
