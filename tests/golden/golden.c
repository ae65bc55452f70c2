/* Golden tests of translation: guest bytes in, host instructions and their count
 * out, compared with what the case file says.
 *
 *   golden FILE...             compares; prints the cases that differ
 *   golden --update FILE...    rewrites the expectations
 *   golden --coverage FILE...  names the handlers that no case reaches
 *
 * A case file holds comments (#) and cases, with empty lines between them:
 *
 *   case NAME
 *   mode WORDS        what differs from 32-bit flat code at CPL 3 (see mode_word)
 *   guest HEX
 *   = ...             the expectation, down to the next empty line
 *
 * In the expectation "@ 3" says that host code from here on belongs to the guest
 * instruction at offset 3; "pad" marks a landing pad, "stub 0" an exit's stub
 * (which is always the same: r8d = the exit's id, then the jump).
 * Host instructions are counted up to the int3 that end the code proper. */
#include "translator/decode.h"
#include "translator/table.h"
#include "translator/translator.h"

#include <capstone/capstone.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_GUEST = 256, EIP = 0x401000, FIRST_EXIT = 0x1000 };

struct golden_case {
	char name[128];
	uint8_t guest[MAX_GUEST];
	unsigned len;
	struct tu_request req;
	uint8_t site;
};

struct driver {
	struct translator *translator;
	struct decoder *decoder;
	csh capstone;
	bool update;
	bool handler[H_COUNT]; /* reached by a case */
	unsigned cases, failures;
};

/* --- reading --- */

static bool fail(const char *file, unsigned line, const char *what, const char *word)
{
	fprintf(stderr, "%s:%u: %s: %s\n", file, line, what, word);
	return false;
}

static uint8_t site_of(void *ctx, uint32_t eip)
{
	(void)eip;
	return ((struct golden_case *)ctx)->site;
}

static void case_start(struct golden_case *g, const char *name)
{
	*g = (struct golden_case){0};
	snprintf(g->name, sizeof g->name, "%s", name);
	g->req.eip = EIP;
	g->req.exit_id = FIRST_EXIT;
	g->req.model = cpu_model_default();
	g->req.mode.bits = 3 | MODE_CODE32 | MODE_STACK32 | MODE_PE | MODE_OSFXSR;
	g->req.mode.cs_limit = 0xffffffff;
}

static bool set_class(uint32_t *bits, const char *segment, enum seg_class class)
{
	static const char names[][3] = {"es", "cs", "ss", "ds", "fs", "gs"};
	for (unsigned s = 0; s < 6; s++)
		if (!strcmp(segment, names[s])) {
			*bits &= ~(3u << (MODE_SEG_SHIFT + 2 * s));
			*bits |= (uint32_t) class << (MODE_SEG_SHIFT + 2 * s);
			return true;
		}
	return false;
}

static bool mode_word(struct golden_case *g, const char *w)
{
	static const struct {
		const char *word;
		uint32_t clear, set;
	} flags[] = {
		{"cpl0", MODE_CPL, MODE_IF},
		{"cpl1", MODE_CPL, 1},
		{"iopl", 0, MODE_IF},
		{"code16", MODE_CODE32, 0},
		{"stack16", MODE_STACK32, 0},
		{"real", MODE_PE | MODE_CPL, 0},
		{"ivt", 0, MODE_IF | MODE_IVT},
		{"vm", 0, MODE_VM},
		{"ts", 0, MODE_TS},
		{"em", 0, MODE_EM},
		{"mp", 0, MODE_MP},
		{"no-osfxsr", MODE_OSFXSR, 0},
		{"tsd", 0, MODE_TSD},
		{"ac", 0, MODE_AC},
	};
	struct tu_request *r = &g->req;
	unsigned base, limit;

	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
		if (!strcmp(w, flags[i].word)) {
			r->mode.bits = (r->mode.bits & ~flags[i].clear) | flags[i].set;
			return true;
		}
	if (!strncmp(w, "based:", 6))
		return set_class(&r->mode.bits, w + 6, CLASS_BASED);
	if (!strncmp(w, "limited:", 8))
		return set_class(&r->mode.bits, w + 8, CLASS_LIMITED);
	if (!strncmp(w, "down:", 5))
		return set_class(&r->mode.bits, w + 5, CLASS_DOWN);
	if (sscanf(w, "cs:%x:%x", &base, &limit) == 2) {
		if (limit != 0xffffffff)
			r->mode.bits |= MODE_CSLIMIT;
		r->mode.cs_limit = limit;
		return true;
	}
	if (!strncmp(w, "eip:", 4))
		return sscanf(w, "eip:%x", &r->eip) == 1;
	if (!strncmp(w, "insns:", 6))
		return sscanf(w, "insns:%u", &r->max_insns) == 1;
	if (!strncmp(w, "cpu:", 4))
		return (r->model = cpu_model_find(w + 4)) != NULL;
	if (!strcmp(w, "single"))
		return r->single = true;
	/* It checks itself; and all its bytes have been found changed. */
	static uint8_t patched[PAGE_SIZE / 8];
	static const struct tu_self self = {.page = 0x123},
				    live = {.page = 0x123, .patched = patched};
	memset(patched, 0xff, sizeof patched);
	if (!strcmp(w, "self"))
		return (r->self = &self) != NULL;
	if (!strcmp(w, "live"))
		return (r->self = &live) != NULL;
	if (!strcmp(w, "by-part"))
		return g->site |= SITE_BY_PART;
	if (!strcmp(w, "check"))
		return g->site |= SITE_CHECK;
	if (!strcmp(w, "redirect"))
		return g->site |= SITE_REDIRECT;
	return false;
}

static bool read_guest(struct golden_case *g, const char *hex)
{
	for (int n; *hex; hex += n) {
		unsigned byte;
		if (g->len == MAX_GUEST || sscanf(hex, "%2x %n", &byte, &n) != 1)
			return false;
		g->guest[g->len++] = byte;
	}
	return g->len;
}

/* --- writing --- */

/* The cells of struct vcpu that translated code names. */
static void note_cell(FILE *f, int64_t off)
{
	static const char *const segments[] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
	static const char *const stubs[] = {"exit", "lookup", "miss", "callout"};
#define CELL(field)                                                                                \
	(off >= (int64_t)offsetof(struct vcpu, field) &&                                           \
	 off < (int64_t)(offsetof(struct vcpu, field) + sizeof((struct vcpu *)0)->field))
	if (CELL(native.stub)) {
		fprintf(f, " ; %s", stubs[(off - offsetof(struct vcpu, native.stub)) / 8]);
	} else if (CELL(seg)) {
		unsigned at = off - offsetof(struct vcpu, seg);
		fprintf(f, " ; %s.%s", segments[at / sizeof(struct segment)],
		        at % sizeof(struct segment) ? "selector" : "base");
	} else if (CELL(native.reach)) {
		unsigned at = off - offsetof(struct vcpu, native.reach),
			 in = at % sizeof(struct seg_reach);
		fprintf(f, " ; %s.%s", segments[at / sizeof(struct seg_reach)],
		        in == offsetof(struct seg_reach, read)    ? "read"
		        : in == offsetof(struct seg_reach, write) ? "write"
		                                                  : "minus_low");
	} else {
		fprintf(f, " ; %s",
		        CELL(if_flag)               ? "if_flag"
		        : CELL(vflags)              ? "vflags"
		        : CELL(native.pending)      ? "pending"
		        : CELL(native.look)         ? "look"
		        : CELL(native.base_by_part) ? "base_by_part"
		        : CELL(native.tsc_minus)    ? "tsc_minus"
		        : CELL(native.tsc_read)     ? "tsc_read"
		        : CELL(native.window)       ? "window"
		        : CELL(native.code_reach)   ? "code_reach"
		        : CELL(native.memory)       ? "memory"
		        : CELL(far.stub)            ? "far"
		                                    : "?");
	}
#undef CELL
}

static void note_callout(FILE *f, uint32_t packed)
{
	fprintf(f, " ; %s len %u size %u seg %u arg %x", callout_info(CALLOUT_ID(packed))->name,
	        CALLOUT_LEN(packed), CALLOUT_SIZE(packed), CALLOUT_SEG(packed),
	        CALLOUT_ARG(packed));
}

static bool is_callout(const cs_insn *i)
{
	/* call [r15 + disp8] */
	return i->size == 4 && !memcmp(i->bytes, "\x41\xff\x57", 3) &&
	       i->bytes[3] == offsetof(struct vcpu, native.stub) + 8 * STUB_CALLOUT;
}

static void write_notes(FILE *f, const struct tu_code *code, const cs_insn *i, size_t left)
{
	const cs_x86 *x = &i->detail->x86;

	for (unsigned n = 0; n < code->n_exits; n++)
		if (code->exits[n].patch + 4u == i->address + i->size)
			fprintf(f, " ; exit %u to %x", n, code->exits[n].target);
	for (unsigned n = 0; n < x->op_count; n++)
		if (x->operands[n].type == X86_OP_MEM && x->operands[n].mem.base == X86_REG_R15)
			note_cell(f, x->operands[n].mem.disp);
	if (left > 1 && is_callout(i + 1) && x->operands[0].reg == X86_REG_R9D)
		note_callout(f, (uint32_t)x->operands[1].imm);
}

static void write_marks(FILE *f, const struct tu_code *code, uint64_t host)
{
	static const char *const undo[] = {"",           " undo esi", " undo edi",
	                                   " undo both", " undo run", " undo run16"};
	for (unsigned n = 0; n < code->n_pc; n++)
		if (code->pc[n].host == host)
			fprintf(f, "@ %u%s\n", code->pc[n].guest, undo[code->pc[n].undo]);
	for (unsigned n = 0; n < code->n_pads; n++)
		if (code->pads[n].host == host)
			fprintf(f, "pad\n");
}

/* Is this the stub of an exit, as it has to be? */
static bool write_stub(FILE *f, const struct tu_code *code, const cs_insn *i, size_t left)
{
	static const uint8_t jump[4] = {0x41, 0xff, 0x67,
	                                offsetof(struct vcpu, native.stub) + 8 * STUB_EXIT};
	for (unsigned n = 0; n < code->n_exits; n++)
		if (code->exits[n].stub == i->address && left > 1 && i->size == 6 &&
		    i->detail->x86.operands[0].reg == X86_REG_R8D &&
		    i->detail->x86.operands[1].imm == FIRST_EXIT + n && i[1].size == 4 &&
		    !memcmp(i[1].bytes, jump, 4)) {
			fprintf(f, "%4x  stub %u\n", (unsigned)i->address, n);
			return true;
		}
	return false;
}

static void write_expectation(struct driver *d, FILE *f, struct golden_case *g)
{
	static uint8_t host[TU_MAX_HOST];
	struct tu_code code;
	cs_insn *insns;

	g->req.bytes = g->guest;
	g->req.avail = g->len;
	g->req.out = host;
	if (g->site) {
		g->req.site = site_of;
		g->req.site_ctx = g;
	}
	if (translator_run(d->translator, &g->req, &code) == TU_NEED_BYTES) {
		fprintf(f, "= needs more bytes\n");
		return;
	}
	size_t n = cs_disasm(d->capstone, host, code.host_len, 0, 0, &insns);
	size_t body = 0;
	while (body < n && insns[body].bytes[0] != 0xcc)
		body++;
	fprintf(f, "= %u guest in %u bytes, %zu host in %u, %u exits\n", code.n_insns,
	        code.guest_len, body, (unsigned)insns[body].address, code.n_exits);
	for (size_t i = 0; i < n; i++) {
		char hex[64] = "";
		write_marks(f, &code, insns[i].address);
		if (insns[i].bytes[0] == 0xcc) {
			size_t end = i;
			while (end < n && insns[end].bytes[0] == 0xcc)
				end++;
			fprintf(f, "%4x  cc x %zu\n", (unsigned)insns[i].address, end - i);
			i = end - 1;
			continue;
		}
		if (write_stub(f, &code, &insns[i], n - i)) {
			i++;
			continue;
		}
		for (unsigned b = 0; b < insns[i].size; b++)
			sprintf(hex + 3 * b, "%02x ", insns[i].bytes[b]);
		fprintf(f, "%4x  %-33s%s%s%s", (unsigned)insns[i].address, hex, insns[i].mnemonic,
		        *insns[i].op_str ? " " : "", insns[i].op_str);
		write_notes(f, &code, &insns[i], n - i);
		fputc('\n', f);
	}
	if (!n || insns[n - 1].address + insns[n - 1].size != code.host_len)
		fprintf(f, "undecodable from here\n");
	cs_free(insns, n);
}

/* --- a file --- */

static void mark_handlers(struct driver *d, const struct golden_case *g)
{
	struct insn i;
	for (unsigned at = 0; at < g->len; at += i.len) {
		if (decode(d->decoder, g->guest + at, g->len - at, g->req.mode.bits & MODE_CODE32,
		           &i) != DECODE_OK)
			return;
		const struct row *r = table_find(&i);
		if (r)
			d->handler[r->handler] = true;
	}
}

/* Writes a case's expectation to *out and compares it with the old one at *p,
 * which is stepped over. */
static void finish_case(struct driver *d, struct golden_case *g, const char *path, char **p,
                        FILE *out)
{
	char *text, *old = *p;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	write_expectation(d, f, g);
	fclose(f);
	mark_handlers(d, g);
	while (**p && **p != '\n')
		*p += strcspn(*p, "\n") + 1;
	d->cases++;
	if ((size_t)(*p - old) != size || memcmp(old, text, size)) {
		d->failures++;
		if (!d->update)
			printf("%s: %s\nexpected:\n%.*sgot:\n%s\n", path, g->name, (int)(*p - old),
			       old, text);
	}
	fputs(text, out);
	free(text);
}

static bool parse(struct driver *d, const char *path, char *p, FILE *out)
{
	struct golden_case g = {0};
	unsigned line = 0;

	while (*p) {
		size_t n = strcspn(p, "\n");
		char *text = strndup(p, n);
		bool ok = true;
		fprintf(out, "%s\n", text);
		p += n + (p[n] == '\n');
		line++;
		if (!strncmp(text, "case ", 5)) {
			case_start(&g, text + 5);
		} else if (!strncmp(text, "mode ", 5)) {
			for (char *w = strtok(text + 5, " "); ok && w; w = strtok(NULL, " "))
				ok = mode_word(&g, w) || fail(path, line, "unknown mode", w);
		} else if (!strncmp(text, "guest ", 6)) {
			ok = read_guest(&g, text + 6) || fail(path, line, "bad bytes", text + 6);
			if (ok) {
				char *start = p;
				finish_case(d, &g, path, &p, out);
				for (; start < p; start++)
					line += *start == '\n';
			}
		} else if (*text && *text != '#') {
			ok = fail(path, line, "unknown line", text);
		}
		free(text);
		if (!ok)
			return false;
	}
	return true;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	if (!f)
		return NULL;
	if (getdelim(&text, &size, 0, f) < 0) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

static bool run_file(struct driver *d, const char *path)
{
	char *text = read_file(path), *now;
	size_t size;
	if (!text) {
		perror(path);
		return false;
	}
	FILE *f = open_memstream(&now, &size);
	bool ok = parse(d, path, text, f);
	fclose(f);
	if (ok && d->update) {
		f = fopen(path, "w");
		ok = f && fputs(now, f) >= 0;
		if (f)
			ok = !fclose(f) && ok;
		if (!ok)
			perror(path);
	}
	free(now);
	free(text);
	return ok;
}

static bool report_coverage(const struct driver *d)
{
	static const char *const names[] = {
#define H(name) #name,
		HANDLERS(H)
#undef H
	};
	bool all = true;
	for (unsigned i = 0; i < H_COUNT; i++)
		if (!d->handler[i]) {
			printf("no case reaches x_%s\n", names[i]);
			all = false;
		}
	return all;
}

int main(int argc, char **argv)
{
	struct driver d = {.translator = translator_create(), .decoder = decoder_create()};
	bool coverage = argc > 1 && !strcmp(argv[1], "--coverage");
	bool ok = true;

	d.update = argc > 1 && !strcmp(argv[1], "--update");
	int first = 1 + (d.update || coverage);
	if (argc <= first) {
		fprintf(stderr, "usage: golden [--update | --coverage] FILE...\n");
		return 2;
	}
	if (!d.translator || !d.decoder || cs_open(CS_ARCH_X86, CS_MODE_64, &d.capstone))
		return 2;
	cs_option(d.capstone, CS_OPT_DETAIL, CS_OPT_ON);
	for (int i = first; i < argc; i++)
		ok = run_file(&d, argv[i]) && ok;
	if (coverage)
		ok = report_coverage(&d) && ok;
	printf("%u cases, %u %s\n", d.cases, d.failures, d.update ? "changed" : "differ");
	cs_close(&d.capstone);
	decoder_destroy(d.decoder);
	translator_destroy(d.translator);
	return !ok || !d.cases || (d.failures && !d.update);
}
