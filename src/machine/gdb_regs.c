#include "machine/gdb_regs.h"

#include "base/log.h"
#include "cpu/cpu.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
enum kind {
	GPR, EIP, EFLAGS, SELECTOR, ST, FENV, XMM, MXCSR,
	BASE, LIMIT, CR, EFER, GDTR, IDTR, DR, CPL,
};

/* In the order of gdb's numbers.  index: of the register, or its offset in the image of
 * FXSAVE.  feature: begins one of the target description. */
struct reg {
	const char *name, *type;
	enum kind kind;
	unsigned index, bits;
	const char *feature, *group;
};

#define CORE(name, type, kind, index) {name, type, kind, index, 32, NULL, NULL}
#define INT(name, kind, index) CORE(name, "int", kind, index)
#define STACK(name, index) {name, "i387_ext", ST, index, 80, NULL, NULL}
#define FX(name, offset) {name, "int", FENV, offset, 32, NULL, "float"}
#define VEC(name, index) {name, "vec128", XMM, index, 128, NULL, NULL}
#define SYS(name, kind, index) {name, "int", kind, index, 32, NULL, "system"}

static const struct reg regs[] = {
	{"eax", "int", GPR, EAX, 32, "org.gnu.gdb.i386.core", NULL},
	INT("ecx", GPR, ECX), INT("edx", GPR, EDX), INT("ebx", GPR, EBX),
	CORE("esp", "data_ptr", GPR, ESP), CORE("ebp", "data_ptr", GPR, EBP),
	INT("esi", GPR, ESI), INT("edi", GPR, EDI),
	CORE("eip", "code_ptr", EIP, 0), CORE("eflags", "i386_eflags", EFLAGS, 0),
	INT("cs", SELECTOR, SREG_CS), INT("ss", SELECTOR, SREG_SS), INT("ds", SELECTOR, SREG_DS),
	INT("es", SELECTOR, SREG_ES), INT("fs", SELECTOR, SREG_FS), INT("gs", SELECTOR, SREG_GS),
	STACK("st0", 0), STACK("st1", 1), STACK("st2", 2), STACK("st3", 3),
	STACK("st4", 4), STACK("st5", 5), STACK("st6", 6), STACK("st7", 7),
	FX("fctrl", 0), FX("fstat", 2), FX("ftag", 4), FX("fiseg", 12),
	FX("fioff", 8), FX("foseg", 20), FX("fooff", 16), FX("fop", 6),
	{"xmm0", "vec128", XMM, 0, 128, "org.gnu.gdb.i386.sse", NULL},
	VEC("xmm1", 1), VEC("xmm2", 2), VEC("xmm3", 3), VEC("xmm4", 4),
	VEC("xmm5", 5), VEC("xmm6", 6), VEC("xmm7", 7),
	{"mxcsr", "i386_mxcsr", MXCSR, 24, 32, NULL, "vector"},
	{"cr0", "i386_cr0", CR, 0, 32, "unring.system", "system"},
	SYS("cr2", CR, 2), SYS("cr3", CR, 3),
	{"cr4", "i386_cr4", CR, 4, 32, NULL, "system"},
	SYS("efer", EFER, 0), SYS("cpl", CPL, 0),
	SYS("gdtr_base", GDTR, 0), SYS("gdtr_limit", GDTR, 1),
	SYS("idtr_base", IDTR, 0), SYS("idtr_limit", IDTR, 1),
	SYS("ldtr", SELECTOR, SREG_LDTR), SYS("tr", SELECTOR, SREG_TR),
	SYS("cs_base", BASE, SREG_CS), SYS("ss_base", BASE, SREG_SS),
	SYS("ds_base", BASE, SREG_DS), SYS("es_base", BASE, SREG_ES),
	SYS("fs_base", BASE, SREG_FS), SYS("gs_base", BASE, SREG_GS),
	SYS("ldtr_base", BASE, SREG_LDTR), SYS("tr_base", BASE, SREG_TR),
	SYS("cs_limit", LIMIT, SREG_CS), SYS("ss_limit", LIMIT, SREG_SS),
	SYS("ds_limit", LIMIT, SREG_DS), SYS("es_limit", LIMIT, SREG_ES),
	SYS("fs_limit", LIMIT, SREG_FS), SYS("gs_limit", LIMIT, SREG_GS),
	SYS("ldtr_limit", LIMIT, SREG_LDTR), SYS("tr_limit", LIMIT, SREG_TR),
	SYS("dr0", DR, 0), SYS("dr1", DR, 1), SYS("dr2", DR, 2), SYS("dr3", DR, 3),
	SYS("dr6", DR, 6), SYS("dr7", DR, 7),
};
/* clang-format on */

unsigned gdb_reg_count(void)
{
	return sizeof regs / sizeof *regs;
}

unsigned gdb_reg_size(unsigned n)
{
	return regs[n].bits / 8;
}

/* The image's fields are words, but for the two offsets. */
static unsigned fenv_size(const struct reg *r)
{
	return r->index == 8 || r->index == 16 ? 4 : 2;
}

static uint32_t fenv_get(struct monitor *m, const struct reg *r)
{
	const uint8_t *fx = monitor_fpu(m);
	uint32_t x = 0;
	if (r->index == 4)
		return monitor_fpu_tags(m);
	memcpy(&x, fx + r->index, fenv_size(r));
	return x;
}

static uint32_t get32(struct monitor *m, const struct reg *r)
{
	const struct vcpu *v = monitor_vcpu(m);
	switch (r->kind) {
	case GPR:
		return v->gpr[r->index];
	case EIP:
		return v->eip;
	case EFLAGS:
		return vcpu_eflags(v);
	case SELECTOR:
		return v->seg[r->index].selector;
	case BASE:
		return v->seg[r->index].base;
	case LIMIT:
		return v->seg[r->index].limit;
	case CR:
		return ((const uint32_t[]){v->cr0, 0, v->cr2, v->cr3, v->cr4})[r->index];
	case EFER:
		return (uint32_t)v->efer;
	case GDTR:
		return r->index ? v->gdtr.limit : v->gdtr.base;
	case IDTR:
		return r->index ? v->idtr.limit : v->idtr.base;
	case DR:
		return v->dr[r->index];
	case CPL:
		return v->cpl;
	default:
		return fenv_get(m, r);
	}
}

/* ST and XMM: where in the image. */
static uint8_t *wide(struct monitor *m, const struct reg *r)
{
	return monitor_fpu(m) + (r->kind == ST ? 32 : 160) + 16 * r->index;
}

void gdb_reg_get(struct monitor *m, unsigned n, uint8_t *out)
{
	const struct reg *r = &regs[n];
	if (r->kind == ST || r->kind == XMM) {
		memcpy(out, wide(m, r), r->bits / 8);
		return;
	}
	uint32_t x = r->kind == MXCSR ? 0 : get32(m, r);
	if (r->kind == MXCSR)
		memcpy(&x, monitor_fpu(m) + r->index, 4);
	memcpy(out, &x, 4);
}

static void fenv_set(struct monitor *m, const struct reg *r, uint32_t x)
{
	uint8_t *fx = monitor_fpu(m);
	if (r->index != 4) {
		memcpy(fx + r->index, &x, fenv_size(r));
		return;
	}
	fx[4] = 0;
	for (unsigned i = 0; i < 8; i++)
		fx[4] |= ((x >> 2 * i & 3) != 3) << i;
}

/* As the guest would at CPL 0. */
static bool cr_set(struct vcpu *v, unsigned n, uint32_t x)
{
	struct trap t;
	uint8_t cpl = v->cpl;
	v->cpl = 0;
	bool ok = cpu_cr_write(v, n, x, &t);
	v->cpl = cpl;
	return ok;
}

bool gdb_reg_set(struct monitor *m, unsigned n, const uint8_t *in)
{
	const struct reg *r = &regs[n];
	struct vcpu *v = monitor_vcpu(m);
	struct trap t;
	uint32_t x;

	if (r->kind == ST || r->kind == XMM) {
		memcpy(wide(m, r), in, r->bits / 8);
		return true;
	}
	memcpy(&x, in, 4);
	switch (r->kind) {
	case GPR:
		v->gpr[r->index] = x;
		return true;
	case EIP:
		v->eip = x;
		return true;
	case EFLAGS:
		/* VM and the segments go together. */
		vcpu_eflags_set(v, (x & ~(uint32_t)FLAG_VM) | (v->vflags & FLAG_VM));
		return true;
	case FENV:
		fenv_set(m, r, x);
		return true;
	case MXCSR:
		x &= 0xffff;
		memcpy(monitor_fpu(m) + r->index, &x, 4);
		return true;
	case SELECTOR:
		if (x == v->seg[r->index].selector)
			return true;
		return r->index < SREG_LDTR && r->index != SREG_CS &&
		       cpu_seg_load(v, r->index, (uint16_t)x, &t);
	case CR:
		return x == get32(m, r) || cr_set(v, r->index, x);
	case GDTR:
	case IDTR: {
		struct table_reg *table = r->kind == GDTR ? &v->gdtr : &v->idtr;
		*(r->index ? &table->limit : &table->base) = r->index ? x & 0xffff : x;
		return true;
	}
	default:
		return x == get32(m, r);
	}
}

/* --- the target description --- */

struct field {
	const char *name;
	unsigned bit;
};

static void xml_flags(FILE *f, const char *id, const struct field *field)
{
	fprintf(f, "<flags id=\"%s\" size=\"4\">", id);
	for (; field->name; field++)
		fprintf(f, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", field->name, field->bit,
		        field->bit);
	fputs("</flags>", f);
}

static void xml_types(FILE *f, unsigned first)
{
	static const struct field eflags[] = {
		{"CF", 0},  {"", 1},    {"PF", 2},   {"AF", 4},   {"ZF", 6},  {"SF", 7},
		{"TF", 8},  {"IF", 9},  {"DF", 10},  {"OF", 11},  {"NT", 14}, {"RF", 16},
		{"VM", 17}, {"AC", 18}, {"VIF", 19}, {"VIP", 20}, {"ID", 21}, {NULL, 0},
	};
	static const struct field mxcsr[] = {
		{"IE", 0},  {"DE", 1},  {"ZE", 2},  {"OE", 3},  {"UE", 4},
		{"PE", 5},  {"DAZ", 6}, {"IM", 7},  {"DM", 8},  {"ZM", 9},
		{"OM", 10}, {"UM", 11}, {"PM", 12}, {"FZ", 15}, {NULL, 0},
	};
	static const struct field cr0[] = {
		{"PE", 0},  {"MP", 1},  {"EM", 2},  {"TS", 3},  {"ET", 4},  {"NE", 5},
		{"WP", 16}, {"AM", 18}, {"NW", 29}, {"CD", 30}, {"PG", 31}, {NULL, 0},
	};
	static const struct field cr4[] = {
		{"VME", 0}, {"PVI", 1}, {"TSD", 2}, {"DE", 3},     {"PSE", 4},         {"PAE", 5},
		{"MCE", 6}, {"PGE", 7}, {"PCE", 8}, {"OSFXSR", 9}, {"OSXMMEXCPT", 10}, {NULL, 0},
	};
	switch (regs[first].kind) {
	case GPR:
		xml_flags(f, "i386_eflags", eflags);
		break;
	case XMM:
		fputs("<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
		      "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
		      "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
		      "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
		      "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
		      "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
		      "<union id=\"vec128\">"
		      "<field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
		      "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
		      "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
		      "<field name=\"uint128\" type=\"uint128\"/></union>",
		      f);
		xml_flags(f, "i386_mxcsr", mxcsr);
		break;
	default:
		xml_flags(f, "i386_cr0", cr0);
		xml_flags(f, "i386_cr4", cr4);
	}
}

char *gdb_reg_xml(bool code32)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	CHECK(f);
	/* "set architecture" goes from i8086 to i386, and from nothing else to i8086. */
	fprintf(f,
	        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
	        "<target version=\"1.0\"><architecture>%s</architecture>",
	        code32 ? "i386" : "i8086");
	for (unsigned i = 0; i < gdb_reg_count(); i++) {
		const struct reg *r = &regs[i];
		if (r->feature) {
			fprintf(f, "%s\n<feature name=\"%s\">", i ? "</feature>" : "", r->feature);
			xml_types(f, i);
		}
		fprintf(f, "\n<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", r->name,
		        r->bits, r->type, i);
		if (r->group)
			fprintf(f, " group=\"%s\"", r->group);
		fputs("/>", f);
	}
	fputs("</feature></target>\n", f);
	CHECK(!fclose(f));
	return text;
}
