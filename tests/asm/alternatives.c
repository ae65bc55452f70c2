/* The table of what the manuals leave to the processor, and the model that tells its cases:
 * where the operands of an instruction lie, and which of them fault.  Where two may, either may be
 * reported; nothing else. */
#include "alternatives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { TRAP_SS = 0x0c, TRAP_GP = 0x0d, TRAP_PF = 0x0e, TRAP_AC = 0x11, FLAG_AC = 0x40000 };

/* The forms with more than one access to memory.  Exceptions of one class come in an order that
 * "may vary from processor to processor": SDM vol. 3, 6.9; AMD APM vol. 2, 8.5.  What a faulting
 * instruction has stored below the stack's top or in its operand is no state that a restart
 * needs: SDM vol. 3, 6.5.
 *
 * Accesses: s [ESI], d ES:[EDI], D the same written, m M the ModRM operand, f its two parts (a far
 * pointer), b two halves (bounds), P a push, p a pop, e what ENTER does. */
static const struct form {
	const char *name;
	uint8_t map, first, last;
	int8_t digit;
	const char *accesses, *section;
} forms[] = {
	{"movs", 0, 0xa4, 0xa5, -1, "sD", "SDM vol. 2, MOVS; vol. 3, 6.9"},
	{"cmps", 0, 0xa6, 0xa7, -1, "sd", "SDM vol. 2, CMPS; vol. 3, 6.9"},
	{"push mem", 0, 0xff, 0xff, 6, "mP", "SDM vol. 2, PUSH; vol. 3, 6.9"},
	{"call mem", 0, 0xff, 0xff, 2, "mP", "SDM vol. 2, CALL; vol. 3, 6.9"},
	{"call far mem", 0, 0xff, 0xff, 3, "fPP", "SDM vol. 2, CALL; vol. 3, 6.9"},
	{"jmp far mem", 0, 0xff, 0xff, 5, "f", "SDM vol. 2, JMP; vol. 3, 6.9"},
	{"call far", 0, 0x9a, 0x9a, -1, "PP", "SDM vol. 2, CALL; vol. 3, 6.9"},
	{"pop mem", 0, 0x8f, 0x8f, 0, "pM", "SDM vol. 2, POP; vol. 3, 6.9"},
	{"pusha", 0, 0x60, 0x60, -1, "PPPPPPPP", "SDM vol. 2, PUSHA; vol. 3, 6.9"},
	{"popa", 0, 0x61, 0x61, -1, "pppppppp", "SDM vol. 2, POPA; vol. 3, 6.9"},
	{"enter", 0, 0xc8, 0xc8, -1, "e", "SDM vol. 2, ENTER; vol. 3, 6.9"},
	{"les", 0, 0xc4, 0xc4, -1, "f", "SDM vol. 2, LES; vol. 3, 6.9"},
	{"lds", 0, 0xc5, 0xc5, -1, "f", "SDM vol. 2, LDS; vol. 3, 6.9"},
	{"lss", 1, 0xb2, 0xb2, -1, "f", "SDM vol. 2, LSS; vol. 3, 6.9"},
	{"lfs, lgs", 1, 0xb4, 0xb5, -1, "f", "SDM vol. 2, LFS; vol. 3, 6.9"},
	{"bound", 0, 0x62, 0x62, -1, "b", "SDM vol. 2, BOUND; vol. 3, 6.9"},
	{"retf", 0, 0xca, 0xcb, -1, "pp", "SDM vol. 2, RET; vol. 3, 6.9"},
	{"iret", 0, 0xcf, 0xcf, -1, "ppp", "SDM vol. 2, IRET; vol. 3, 6.9"},
};
enum { FORMS = sizeof(forms) / sizeof(*forms) };

/* Questions that are not of one form's order. */
enum { ALIGNMENT, TOP, STORED, POPA, MMX, SELECTOR, FX_ALIGNED, LAR, QUESTIONS };
static const char *const questions[QUESTIONS][2] = {
	[ALIGNMENT] =
		{"a misaligned operand in an absent page: #AC or #PF; MASKMOV's beyond the limit: or #GP",
                 "SDM vol. 3, 6.9"},
	[TOP] = {"an operand across the end of 4 GiB: #GP, #SS, or it wraps", "SDM vol. 3, 5.3"},
	[STORED] = {"what an instruction that faults has stored", "SDM vol. 3, 6.5"},
	[POPA] = {"what a POPA that faults has loaded", "SDM vol. 3, 6.5; AMD processors keep it"},
	[MMX] = {"a MASKMOVQ that faults has entered MMX state",
                 "SDM vol. 3, 6.5; AMD processors do"},
	[SELECTOR] = {"the upper half of a pushed selector: zero or not written",
                      "SDM vol. 2, PUSH and CALL"},
	[LAR] = {"bits 16 to 19 of what LAR loads: zero or the limit's", "SDM vol. 2, LAR"},
	[FX_ALIGNED] = {"a misaligned FXSAVE or FXRSTOR with AC: #AC or #GP", "SDM vol. 2, FXSAVE"},
};

static struct count {
	unsigned long same, other;
} of_form[FORMS], of_question[QUESTIONS];

const char *fields_find(const struct fields *f, const char *name)
{
	for (int i = 0; i < f->count; i++)
		if (!strcmp(f->name[i], name))
			return f->value[i];
	return NULL;
}

static uint32_t number_of(const struct fields *f, const char *name, uint32_t otherwise)
{
	const char *value = fields_find(f, name);

	return value ? strtoul(value, NULL, 16) : otherwise;
}

static const char *const gprs[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};

static int gpr_number(const char *name)
{
	int n = 8;

	while (n-- && strcmp(gprs[n], name))
		;
	return n;
}

/* --- the instruction at which a case ended --- */

struct insn {
	uint8_t map, opcode, size, address,
		seg; /* size of operands, of addresses; seg 0xff: default */
	uint8_t mod, reg, rm, rep;
	const uint8_t *rest; /* behind the opcode */
	uint32_t at, gpr[8], eflags;
	uint16_t segs[6];
	uint8_t code[32];
};

static int has_modrm(const struct insn *i)
{
	return i->map ? i->opcode == 0xb2 || i->opcode == 0xb4 || i->opcode == 0xb5 ||
	                        i->opcode == 0xae || i->opcode == 0xf7
	              : (i->opcode & ~3) == 0xd8 || i->opcode == 0xff || i->opcode == 0x8f ||
	                        i->opcode == 0xc4 || i->opcode == 0xc5 || i->opcode == 0x62;
}

static int read_insn(const struct asm_pack *pack, const struct asm_case *c, const struct fields *f,
                     struct insn *i)
{
	static const char *const segs[] = {"es", "cs", "ss", "ds", "fs", "gs"};
	uint32_t at = number_of(f, "eip", 0) - c->code;
	const uint8_t *p = i->code;

	if (at >= c->size)
		return 0;
	*i = (struct insn){
		.at = at + c->code, .seg = 0xff, .eflags = number_of(f, "flags", c->eflags)};
	i->size = i->address = case_narrow(c) ? 2 : 4;
	memcpy(i->code, pack_code(pack, c) + at, c->size - at < 24 ? c->size - at : 24);
	for (int r = 0; r < 8; r++)
		i->gpr[r] = number_of(f, gprs[r], c->gpr[r]);
	for (int s = 0; s < 6; s++)
		i->segs[s] = number_of(f, segs[s], c->seg[s]);
	int wide = i->size, wide_address = i->address;

	for (;; p++) {
		if (*p == 0x66)
			i->size = 6 - wide;
		else if (*p == 0x67)
			i->address = 6 - wide_address;
		else if (*p == 0x64 || *p == 0x65)
			i->seg = FS + (*p & 1);
		else if ((*p & 0xe7) == 0x26)
			i->seg = *p >> 3 & 3;
		else if (*p == 0xf2 || *p == 0xf3)
			i->rep = *p;
		else if (*p != 0xf0)
			break;
		if (p == i->code + 14)
			return 0;
	}
	if (*p == 0x0f) {
		i->map = 1;
		p++;
	}
	i->opcode = *p++;
	i->rest = p;
	if (has_modrm(i)) {
		i->mod = *p >> 6;
		i->reg = *p >> 3 & 7;
		i->rm = *p & 7;
	}
	return 1;
}

/* --- what may fault --- */

struct fault {
	uint32_t trap, error, cr2;
};

struct access {
	int seg, write;
	uint32_t offset, size;
};

enum { MOST_FAULTS = 128, MOST_ACCESSES = 80 };

struct possible {
	struct fault fault[MOST_FAULTS];
	struct access access[MOST_ACCESSES];
	int faults, accesses;
};

static const struct segment *segment_of(uint16_t selector)
{
	static const struct segment list[] = SEGMENTS;

	for (unsigned n = 0; n < sizeof(list) / sizeof(*list); n++)
		if (list[n].selector == selector)
			return &list[n];
	return NULL; /* flat; 16-bit code is not for data */
}

static int same_fault(const struct fault *a, const struct fault *b)
{
	return a->trap == b->trap && a->error == b->error && a->cr2 == b->cr2;
}

static void may_fault(struct possible *p, struct fault f)
{
	for (int n = 0; n < p->faults; n++)
		if (same_fault(&p->fault[n], &f))
			return;
	if (p->faults < MOST_FAULTS)
		p->fault[p->faults++] = f;
}

/* 0: absent, 1: may be read, 3: written too. */
static int page_rights(uint32_t a, uint32_t code_size)
{
	if (a - AREA < AREA_SIZE || a - CODE < CODE_SIZE || a - BATCH < code_size)
		return 3;
	if (a - READONLY < READONLY_SIZE)
		return 1;
	return a - EDGE < EDGE_SIZE ? a - EDGE - 0x1000 < 0x1000 ? 1 : 3 : 0;
}

static void access_faults(const struct asm_pack *pack, const struct insn *i, struct possible *p,
                          struct access a)
{
	const struct segment *s = segment_of(i->segs[a.seg]);
	uint32_t last = a.offset + a.size - 1, linear = a.offset + (s ? s->base : 0);
	struct fault limit = {a.seg == SS ? TRAP_SS : TRAP_GP, 0, 0};
	int bad = !(i->segs[a.seg] & ~3u);

	if (p->accesses < MOST_ACCESSES)
		p->access[p->accesses++] = a;
	uint32_t end = !s ? 0xffffffff : s->pages ? s->limit << 12 | 0xfff : s->limit;
	if (s && s->contents == 1)
		bad |= a.offset <= end || last > (s->big ? 0xffffffff : 0xffff) || last < a.offset;
	else if (s)
		bad |= last > end || last < a.offset;
	else if (last < a.offset)
		may_fault(p, limit); /* or it wraps: TOP */
	if (s && a.write)
		bad |= s->locked || s->contents == 2;
	if (bad) {
		may_fault(p, limit);
		return;
	}
	if (i->eflags & FLAG_AC && a.size > 1 && linear & (a.size - 1))
		may_fault(p, (struct fault){TRAP_AC, 0, 0});
	for (uint32_t at = linear;; at = (at | 0xfff) + 1) {
		int rights = page_rights(at, pack->code_size);

		if (!rights || (a.write && rights == 1))
			may_fault(p, (struct fault){TRAP_PF, 4 | a.write << 1 | (rights != 0), at});
		if ((linear + a.size - 1 - at) < 0x1000 &&
		    (at >> 12) == (linear + a.size - 1) >> 12)
			break;
	}
}

/* SDM vol. 2, tables 2-1 to 2-3. */
static uint32_t effective(const struct insn *i, int *seg)
{
	static const uint8_t base16[] = {EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX};
	static const uint8_t index16[] = {ESI, EDI, ESI, EDI};
	const uint8_t *p = i->rest + 1;
	uint32_t ea = 0, base = i->rm;

	*seg = DS;
	if (i->address == 2) {
		if (i->mod == 0 && i->rm == 6)
			return *seg = i->seg == 0xff ? DS : i->seg, p[0] | p[1] << 8;
		ea = i->gpr[base16[i->rm]] + (i->rm < 4 ? i->gpr[index16[i->rm]] : 0);
		if (base16[i->rm] == EBP)
			*seg = SS;
	} else {
		if (i->rm == 4) {
			if ((*p >> 3 & 7) != 4)
				ea = i->gpr[*p >> 3 & 7] << (*p >> 6);
			base = *p++ & 7;
		}
		if (i->mod == 0 && base == 5) {
			memcpy(&base, p, 4);
			ea += base;
		} else {
			ea += i->gpr[base];
			if (base == ESP || base == EBP)
				*seg = SS;
			/* POP [ESP] takes it after the pop. */
			if (base == ESP && !i->map && i->opcode == 0x8f)
				ea += i->size;
		}
	}
	if (i->mod == 1)
		ea += (int8_t)*p;
	else if (i->mod == 2)
		ea += i->address == 2 ? (uint32_t)(p[0] | p[1] << 8)
		                      : p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
	if (i->seg != 0xff)
		*seg = i->seg;
	return i->address == 2 ? ea & 0xffff : ea;
}

static int narrow_stack(const struct insn *i)
{
	const struct segment *s = segment_of(i->segs[SS]);

	return s && !s->big;
}

static uint32_t stack_offset(const struct insn *i, uint32_t sp)
{
	return narrow_stack(i) ? sp & 0xffff : sp;
}

/* SDM vol. 2, ENTER. */
static void enter_faults(const struct asm_pack *pack, const struct insn *i, struct possible *p)
{
	uint32_t frame = i->rest[0] | i->rest[1] << 8, level = i->rest[2] & 31, n = i->size;
	uint32_t sp = i->gpr[ESP], bp = i->gpr[EBP];

	for (uint32_t k = 0; k <= level; k++) {
		if (k && k < level)
			access_faults(pack, i, p,
			              (struct access){SS, 0, stack_offset(i, bp -= n), n});
		access_faults(pack, i, p, (struct access){SS, 1, stack_offset(i, sp -= n), n});
	}
	access_faults(pack, i, p, (struct access){SS, 1, stack_offset(i, sp - frame), n});
}

static void form_faults(const struct asm_pack *pack, const struct insn *i, const struct form *f,
                        struct possible *p)
{
	uint32_t mask = i->address == 2 ? 0xffff : 0xffffffff, sp = i->gpr[ESP], n = i->size, ea;
	uint32_t element = i->opcode & 1 ? i->size : 1;
	int seg;

	for (const char *a = f->accesses; *a; a++)
		switch (*a) {
		case 's':
			access_faults(pack, i, p,
			              (struct access){i->seg == 0xff ? DS : i->seg, 0,
			                              i->gpr[ESI] & mask, element});
			break;
		case 'd':
		case 'D':
			access_faults(pack, i, p,
			              (struct access){ES, *a == 'D', i->gpr[EDI] & mask, element});
			break;
		case 'm':
		case 'M':
		case 'f':
		case 'b':
			ea = effective(i, &seg);
			access_faults(pack, i, p, (struct access){seg, *a == 'M', ea, n});
			if (*a == 'f')
				access_faults(pack, i, p, (struct access){seg, 0, ea + n, 2});
			if (*a == 'b')
				access_faults(pack, i, p, (struct access){seg, 0, ea + n, n});
			break;
		case 'P':
			access_faults(pack, i, p,
			              (struct access){SS, 1, stack_offset(i, sp -= n), n});
			break;
		case 'p':
			access_faults(pack, i, p, (struct access){SS, 0, stack_offset(i, sp), n});
			sp += n;
			break;
		case 'e':
			enter_faults(pack, i, p);
			break;
		}
}

static const struct form *form_of(const struct insn *i)
{
	for (const struct form *f = forms; f < forms + FORMS; f++)
		if (f->map == i->map && i->opcode >= f->first && i->opcode <= f->last &&
		    (f->digit < 0 || f->digit == i->reg) && !(has_modrm(i) && i->mod == 3))
			return f;
	return NULL;
}

/* --- two results --- */

static struct fault fault_of(const struct fields *f)
{
	return (struct fault){number_of(f, "trap", 0), number_of(f, "error", 0),
	                      number_of(f, "cr2", 0)};
}

static int is_possible(const struct possible *p, const struct fault *f)
{
	for (int n = 0; n < p->faults; n++)
		if (same_fault(&p->fault[n], f))
			return 1;
	return 0;
}

/* The linear address of a field of memory; false: it is none. */
static int memory_field(const char *name, uint32_t *linear)
{
	if (*name != 'm' || name[1] == 'x')
		return 0;
	*linear = AREA + strtoul(name + 1, NULL, 16);
	return 1;
}

static uint32_t initial_memory(const struct asm_pack *pack, const struct asm_case *c,
                               uint32_t linear)
{
	static const struct {
		uint32_t start, size;
	} windows[] = WINDOWS;
	const uint8_t *image = (const uint8_t *)pack + pack->data_offset + c->data * IMAGE_SIZE;
	uint32_t value;

	for (unsigned w = 0; !(c->kind & CASE_WRITTEN) && w < sizeof(windows) / sizeof(*windows);
	     w++) {
		if (linear - windows[w].start < windows[w].size) {
			memcpy(&value, image + (linear - windows[w].start), 4);
			return value;
		}
		image += windows[w].size;
	}
	return linear;
}

/* A dword of memory at the end, at any address. */
static uint32_t memory_at(const struct asm_pack *pack, const struct asm_case *c,
                          const struct fields *f, uint32_t linear)
{
	uint64_t both = 0;

	for (int n = 0; n < 2; n++) {
		uint32_t at = (linear & ~3u) + 4 * n;
		char name[16];

		snprintf(name, sizeof(name), "m%05x", at - AREA);
		both |= (uint64_t)number_of(f, name, initial_memory(pack, c, at)) << 32 * n;
	}
	return (uint32_t)(both >> 8 * (linear & 3));
}

/* Bytes that one of the two has not stored, of those that the instruction stores. */
static int stored(const struct asm_pack *pack, const struct asm_case *c, const struct insn *i,
                  const struct possible *p, uint32_t linear, uint32_t a, uint32_t b)
{
	uint32_t before = initial_memory(pack, c, linear);
	/* What was there before is known of the first instruction alone. */
	int first = i->at == c->code;

	for (int n = 0; n < 4; n++) {
		uint8_t x = a >> 8 * n, y = b >> 8 * n, z = before >> 8 * n;
		int within = 0;

		for (int k = 0; k < p->accesses; k++) {
			const struct segment *s = segment_of(i->segs[p->access[k].seg]);
			uint32_t at = p->access[k].offset + (s ? s->base : 0);

			within |= p->access[k].write && linear + n - at < p->access[k].size;
		}
		if (x != y && (!within || (first && x != z && y != z)))
			return 0;
	}
	return 1;
}

/* One of the two is what POPA loads from its slot; the other was there before. */
static int popa_loaded(const struct asm_pack *pack, const struct asm_case *c, const struct insn *i,
                       const struct fields *f, int gpr, uint32_t a, uint32_t b)
{
	const struct segment *s = segment_of(i->segs[SS]);
	uint32_t mask = i->size == 2 ? 0xffff : 0xffffffff;
	uint32_t at = stack_offset(i, i->gpr[ESP] + (7 - gpr) * i->size) + (s ? s->base : 0);
	uint32_t value = memory_at(pack, c, f, at) & mask,
		 first = number_of(f, "eip", 0) == c->code;

	if ((a & ~mask) != (b & ~mask))
		return 0;
	return ((a & mask) == value && (!first || b == c->gpr[gpr])) ||
	       ((b & mask) == value && (!first || a == c->gpr[gpr]));
}

/* Does the case push a selector as a dword? */
static int pushes_selector(const struct asm_pack *pack, const struct asm_case *c)
{
	const uint8_t *p = pack_code(pack, c);

	for (uint32_t n = 0; n < c->size; n++)
		if ((p[n] & 0xe7) == 0x06 || p[n] == 0x9a || p[n] == 0xff ||
		    (p[n] == 0x0f && n + 1 < c->size && (p[n + 1] & 0xf7) == 0xa0))
			return 1;
	return 0;
}

/* Two bytes that one of them has as zero, the other as before; what was there before is known of a
 * case that does nothing else. */
static int upper_half(const struct asm_pack *pack, const struct asm_case *c, uint32_t linear,
                      uint32_t a, uint32_t b)
{
	uint32_t before = initial_memory(pack, c, linear);
	int bytes = 0, alone = c->size <= 2;

	for (int n = 0; n < 4; n++) {
		uint8_t x = a >> 8 * n, y = b >> 8 * n, z = before >> 8 * n;

		if (x == y)
			continue;
		if ((x && y) || (alone && (x | y) != z))
			return 0;
		bytes++;
	}
	return bytes <= 2 && pushes_selector(pack, c);
}

/* Does the case end in LAR with a dword? */
static int loads_rights(const struct asm_pack *pack, const struct asm_case *c)
{
	const uint8_t *p = pack_code(pack, c) + c->size - 3;

	return c->size >= 3 && p[0] == 0x0f && p[1] == 0x02 && !case_narrow(c);
}

struct pair {
	const struct asm_pack *pack;
	const struct asm_case *c;
	const struct fields *a, *b;
	struct insn insn;
	const struct form *form;
	struct possible possible;
	int faulted;   /* at the same place, and by memory */
	unsigned used; /* questions, a bit each */
};

/* Is the difference in this field left open? */
static int open_field(struct pair *p, const char *name)
{
	uint32_t linear, a, b;

	if (!strcmp(name, "flags"))
		return !((number_of(p->a, name, p->c->eflags) ^
		          number_of(p->b, name, p->c->eflags)) &
		         ~p->c->undefined);
	if (memory_field(name, &linear)) {
		uint32_t before = initial_memory(p->pack, p->c, linear);

		a = number_of(p->a, name, before);
		b = number_of(p->b, name, before);
		if (p->faulted && p->form &&
		    stored(p->pack, p->c, &p->insn, &p->possible, linear, a, b)) {
			p->used |= 1 << STORED;
			return 1;
		}
		if (upper_half(p->pack, p->c, linear, a, b)) {
			p->used |= 1 << SELECTOR;
			return 1;
		}
		return 0;
	}
	if (loads_rights(p->pack, p->c) && gpr_number(name) >= 0) {
		uint32_t before = p->c->gpr[gpr_number(name)];

		a = number_of(p->a, name, before);
		b = number_of(p->b, name, before);
		if ((a | b) & ~0xffff00u || (a ^ b) & ~0xf0000u || (a & 0xf0000 && b & 0xf0000))
			return 0;
		p->used |= 1 << LAR;
		return 1;
	}
	if (!p->faulted)
		return 0;
	if (!strcmp(name, "trap") || !strcmp(name, "error") || !strcmp(name, "cr2"))
		return 1; /* both are possible */
	if (!p->insn.map && p->insn.opcode == 0x61) {
		int n = gpr_number(name);

		if (n < 0 || !popa_loaded(p->pack, p->c, &p->insn, p->a, n,
		                          number_of(p->a, name, p->c->gpr[n]),
		                          number_of(p->b, name, p->c->gpr[n])))
			return 0;
		p->used |= 1 << POPA;
		return 1;
	}
	if (p->insn.map == 1 && p->insn.opcode == 0xf7) {
		/* TOP 0, all tags valid; or as before. */
		const uint8_t *fpu = pack_fpu(p->pack, p->c);
		uint32_t before = !strcmp(name, "fsw") ? fpu[2] | fpu[3] << 8 : fpu[4];
		uint32_t entered = !strcmp(name, "fsw") ? before & ~0x3800u : 0xff;

		a = number_of(p->a, name, before);
		b = number_of(p->b, name, before);
		if ((strcmp(name, "fsw") && strcmp(name, "ftw")) || (a != before && b != before) ||
		    (a != entered && b != entered))
			return 0;
		p->used |= 1 << MMX;
		return 1;
	}
	return 0;
}

static int memory_trap(uint32_t trap)
{
	return trap == TRAP_SS || trap == TRAP_GP || trap == TRAP_PF || trap == TRAP_AC;
}

/* A page fault that the page's rights do raise. */
static int credible(const struct asm_pack *pack, const struct fault *f)
{
	int rights = page_rights(f->cr2, pack->code_size);

	return f->trap == TRAP_PF && (f->error & ~2u) == (4 | (rights != 0)) &&
	       (!rights || (rights == 1 && f->error & 2));
}

/* Is the fault one of what MASKMOVQ or MASKMOVDQU stores to? */
static int masked_store_faults(const struct pair *p, const struct fault *f)
{
	const struct insn *i = &p->insn;
	struct possible possible = {0};

	if (i->map != 1 || i->opcode != 0xf7)
		return 0;
	access_faults(p->pack, i, &possible,
	              (struct access){i->seg == 0xff ? DS : i->seg, 1,
	                              i->gpr[EDI] & (i->address == 2 ? 0xffff : 0xffffffff),
	                              (i->size == 2) != case_narrow(p->c) ? 16 : 8});
	return is_possible(&possible, f);
}

/* An operand across the end of a 4 GiB segment. */
static int at_the_top(const struct fault *a, const struct fault *b)
{
	return (a->trap == TRAP_SS || a->trap == TRAP_GP) && !a->error &&
	       (b->cr2 >= 0xfffffff0 || b->cr2 - AREA >= 0xfffffff0); /* bases 0 and AREA */
}

int alternatives_accept(const struct asm_pack *pack, uint32_t number, const struct fields *a,
                        const struct fields *b)
{
	struct pair p = {.pack = pack, .c = pack_case(pack, number), .a = a, .b = b};
	struct fault x = fault_of(a), y = fault_of(b);
	int faults_differ = !same_fault(&x, &y), any = faults_differ;
	int question = -1;

	p.faulted = number_of(a, "eip", 0) == number_of(b, "eip", 1) && memory_trap(x.trap) &&
	            memory_trap(y.trap) && read_insn(pack, p.c, a, &p.insn);
	p.form = p.faulted ? form_of(&p.insn) : NULL;
	if (p.form)
		form_faults(pack, &p.insn, p.form, &p.possible);
	if (faults_differ) {
		if (!p.faulted)
			return 0;
		if (at_the_top(&x, &y) && credible(pack, &y))
			question = TOP;
		else if (x.trap == TRAP_AC && credible(pack, &y) &&
		         (!p.form || is_possible(&p.possible, &y)))
			question = ALIGNMENT;
		else if (x.trap == TRAP_AC && masked_store_faults(&p, &y))
			question = ALIGNMENT;
		else if (p.insn.map == 1 && p.insn.opcode == 0xae && p.insn.reg < 2 &&
		         (x.trap == TRAP_AC || x.trap == TRAP_GP) &&
		         (y.trap == TRAP_AC || y.trap == TRAP_GP))
			question = FX_ALIGNED;
		else if (!p.form || !is_possible(&p.possible, &x) || !is_possible(&p.possible, &y))
			return 0;
	}
	for (int n = 0; n < a->count + b->count; n++) {
		const char *name = n < a->count ? a->name[n] : b->name[n - a->count];
		const char *one = fields_find(a, name), *other = fields_find(b, name);

		if (one && other && !strcmp(one, other))
			continue;
		if (!open_field(&p, name))
			return 0;
		any |= strcmp(name, "flags") != 0; /* those undefined are counted elsewhere */
	}
	if (question >= 0)
		of_question[question].other++;
	else if (p.form && p.possible.faults > 1 && is_possible(&p.possible, &x))
		faults_differ ? of_form[p.form - forms].other++ : of_form[p.form - forms].same++;
	for (int n = 0; n < QUESTIONS; n++)
		of_question[n].other += p.used >> n & 1;
	return any;
}

static void print(const char *name, const char *section, const struct count *c)
{
	if (c->same || c->other)
		printf("alternative: %s: %lu the same, %lu other: %s\n", name, c->same, c->other,
		       section);
}

void alternatives_print(void)
{
	char name[64];

	for (int n = 0; n < FORMS; n++) {
		snprintf(name, sizeof(name), "%s: which of its faults", forms[n].name);
		print(name, forms[n].section, &of_form[n]);
	}
	for (int n = 0; n < QUESTIONS; n++)
		print(questions[n][0], questions[n][1], &of_question[n]);
}
