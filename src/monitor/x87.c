/* The x87 unit's pointers to its last instruction and operand: the host's, made the guest's.
 * SDM vol. 1, 8.1.8. */
#include "monitor/gate.h"

#include "translator/decode.h"

/* The image of the 32-bit FXSAVE.  SDM vol. 1, table 10-2. */
enum { FX_FCW = 0, FX_FSW = 2, FX_FOP = 6, FX_FIP = 8, FX_FDP = 16 };

static struct x87_segments *segments_of(struct monitor *m, unsigned mode, uint32_t base)
{
	return &m->x87_segments[(mode + (base * 0x9e3779b1u >> 16)) % X87_SEGMENTS];
}

void x87_note_segments(struct monitor *m)
{
	struct x87_segments *s = segments_of(m, m->mode, m->v->seg[SREG_CS].base);
	s->mode = m->mode;
	for (unsigned i = 0; i < 6; i++) {
		s->selector[i] = m->v->seg[i].selector;
		s->base[i] = m->v->seg[i].base;
	}
}

/* How the last x87 instruction of the guest reads. */
struct last {
	uint16_t fop;
	bool memory;
	enum sreg seg;
};

static bool read_last(struct monitor *m, uint32_t linear, uint32_t mode, struct last *out)
{
	struct insn i = {.seg = -1, .adsize = mode & MODE_CODE32 ? 4 : 2, .has_modrm = true};
	uint8_t b[16];
	unsigned n = 0;

	if (!guest_code(m, gla(linear), (mode & MODE_CPL) == 3, b))
		return false;
	for (; n < 13 && (b[n] & 0xf8) != 0xd8 && b[n] != 0x0f; n++)
		switch (b[n]) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			i.seg = b[n] >> 3 & 3;
			break;
		case 0x64:
		case 0x65:
			i.seg = SREG_FS + (b[n] & 1);
			break;
		case 0x67:
			i.adsize ^= 6;
			break;
		}
	i.mod = b[n + 1] >> 6;
	i.rm = b[n + 1] & 7;
	i.base = b[n + 2] & 7;
	*out = (struct last){(uint16_t)((b[n] & 7) << 8 | b[n + 1]), insn_is_mem(&i),
	                     insn_segment(&i)};
	return (b[n] & 0xf8) == 0xd8;
}

/* Has the host's instruction a redirected operand, [r9]?  All others lie in a window. */
static bool redirected(uint64_t pc)
{
	const uint8_t *b = (const uint8_t *)(uintptr_t)pc;
	bool gs = false;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a unit has no page 0 */
	for (; (*b & 0xf8) != 0xd8; b++) {
		gs |= *b == 0x65;
		if (*b != 0x65 && *b != 0x66 && *b != 0x67 && (*b & 0xf0) != 0x40)
			return true; /* nothing of ours: nothing is told of it */
	}
	return !gs && (b[1] & 0xc7) == 1;
}

/* The linear address of the operand that the host has at fdp, whose upper half it may not
 * know; false: it is the monitor's own, and no redirection is known to have led there. */
static bool operand_linear(struct monitor *m, uint64_t pc, uint64_t fdp, uint32_t *linear)
{
	struct window *w;
	gla_t a;
	*linear = (uint32_t)fdp;
	if (!redirected(pc))
		return !(fdp >> 32) || mmu_find_window(m->mmu, (void *)(uintptr_t)fdp, &w, &a);
	*linear = m->x87_redirect.linear.v;
	return (uint32_t)fdp == (uint32_t)(uintptr_t)m->x87_redirect.host;
}

/* The pointers of the guest instruction at host PC pc, as FXSAVE has them; zero where nothing
 * is known, or the manual leaves it open (FDP without an operand in memory). */
static void make_guests(struct monitor *m, uint64_t pc, uint64_t fdp, uint16_t *fop, uint32_t p[4])
{
	struct last last;
	uint32_t linear, base;
	unsigned mode;

	__builtin_memset(p, 0, 16);
	if (!fault_guest_eip(m, pc, &p[0], &mode, &base))
		return;
	const struct x87_segments *seg = segments_of(m, mode, base);
	if (seg->mode != mode || seg->base[SREG_CS] != base)
		return; /* another's, since */
	p[1] = seg->selector[SREG_CS];
	if (!read_last(m, seg->base[SREG_CS] + p[0], m->modes[mode], &last))
		return;
	*fop = last.fop;
	if (last.memory && fdp && operand_linear(m, pc, fdp, &linear)) {
		p[2] = linear - seg->base[last.seg];
		p[3] = seg->selector[last.seg];
	}
}

/* FXSAVE stores the pointers only while an exception is pending on some processors, and
 * then FXRSTOR loses them; FNSTENV stores them always, but 32 bits of them: a code segment
 * that is the host's tells ours from those that the guest has loaded.  What the guest gets is
 * never the host's: neither RIP, nor where the monitor sees memory. */
void x87_pointers(struct monitor *m)
{
	uint32_t env[7], host_cs, p[4];
	uint64_t pc, fdp, base;
	uint16_t fop;

	__asm__ volatile("fnstenv %0" : "=m"(env));
	__asm__("mov %%cs, %0" : "=r"(host_cs));
	__builtin_memcpy(&pc, m->fpu + FX_FIP, 8);
	__builtin_memcpy(&fdp, m->fpu + FX_FDP, 8);
	tcache_once(m->cache, &base);
	if (!pc && (uint16_t)env[4] == (uint16_t)host_cs)
		pc = base + (uint32_t)(env[3] - (uint32_t)base);
	if (!fdp)
		fdp = env[5];
	fop = env[4] >> 16 & 0x7ff;
	if (tcache_contains(m->cache, pc) || pc >> 32) {
		make_guests(m, pc, fdp, &fop, p);
	} else {
		const uint32_t loaded[4] = {env[3], env[4] & 0xffff, (uint32_t)fdp,
		                            env[6] & 0xffff};
		__builtin_memcpy(p, loaded, sizeof p);
		/* Processors that deprecate FCS and FDS have dropped them since. */
		if (!p[1] && !p[3] && p[0] == m->x87_restored[0] && p[2] == m->x87_restored[2])
			__builtin_memcpy(p, m->x87_restored, sizeof p);
	}
	__builtin_memcpy(m->fpu + FX_FOP, &fop, 2);
	__builtin_memcpy(m->fpu + FX_FIP, p, 16);
	m->fpu_pointers = true;
}

/* The two-bit tags from the abridged ones.  SDM vol. 1, 8.1.7, 10.5.1.1. */
uint16_t x87_tags(const uint8_t *fx)
{
	unsigned top = fx[3] >> 3 & 7;
	uint16_t tags = 0;
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *st = fx + 32 + 16 * ((i - top) & 7);
		uint16_t exp;
		uint64_t mant;
		unsigned tag = 3;
		__builtin_memcpy(&mant, st, 8);
		__builtin_memcpy(&exp, st + 8, 2);
		exp &= 0x7fff;
		if (fx[4] >> i & 1)
			tag = exp == 0 && mant == 0                        ? 1
			      : exp == 0 || exp == 0x7fff || !(mant >> 63) ? 2
			                                                   : 0;
		tags |= tag << 2 * i;
	}
	return tags;
}

/* The base of a segment register that holds this selector, DS first. */
static uint32_t base_of(const struct vcpu *v, uint32_t selector)
{
	static const uint8_t order[] = {SREG_DS, SREG_ES, SREG_SS, SREG_FS, SREG_GS, SREG_CS};
	for (unsigned i = 0; i < sizeof order; i++)
		if (v->seg[order[i]].selector == selector)
			return v->seg[order[i]].base;
	return selector << 4;
}

/* SDM vol. 1, figures 8-9 to 8-12. */
unsigned x87_environment(struct monitor *m, unsigned opsize, uint8_t *out)
{
	const struct vcpu *v = m->v;
	uint32_t p[4], code, data;
	uint16_t w[7], fop;

	__builtin_memcpy(&w[0], m->fpu, 2);
	__builtin_memcpy(&w[1], m->fpu + 2, 2);
	w[2] = x87_tags(m->fpu);
	__builtin_memcpy(&fop, m->fpu + FX_FOP, 2);
	__builtin_memcpy(p, m->fpu + FX_FIP, 16);
	code = (p[1] & 0xffff) | (uint32_t)fop << 16;
	data = p[3] | 0xffff0000u;
	if (!(v->cr0 & CR0_PE) || v->vflags & FLAG_VM) {
		/* Linear addresses: 16 bits, then the others from bit 12 on. */
		if (p[0])
			p[0] += v->seg[SREG_CS].base;
		if (p[2])
			p[2] += base_of(v, p[3]);
		code = (p[0] >> 16) << 12 | fop;
		data = (p[2] >> 16) << 12;
		p[0] = (p[0] & 0xffff) | 0xffff0000u;
		p[2] = (p[2] & 0xffff) | 0xffff0000u;
	}
	if (opsize == 2) {
		w[3] = (uint16_t)p[0];
		w[4] = (uint16_t)code;
		w[5] = (uint16_t)p[2];
		w[6] = (uint16_t)data;
		__builtin_memcpy(out, w, 14);
		return 14;
	}
	uint32_t d[7] = {
		w[0] | 0xffff0000u, w[1] | 0xffff0000u, w[2] | 0xffff0000u, p[0], code, p[2], data};
	__builtin_memcpy(out, d, 28);
	return 28;
}

/* --- FERR# and IGNNE#: SDM vol. 1, 8.7.2, appendix D.2 --- */

enum { EXCEPTIONS = 0x3f, FSW_ES = 0x80, FSW_B = 0x8000 };

static uint16_t fx_get(const struct monitor *m, unsigned at)
{
	uint16_t w;
	__builtin_memcpy(&w, m->fpu + at, 2);
	return w;
}

/* The control word, and what it makes of the status word. */
static void fx_set_control(struct monitor *m, uint16_t fcw)
{
	uint16_t fsw = fx_get(m, FX_FSW) & ~(FSW_ES | FSW_B);
	if (fsw & EXCEPTIONS & ~fcw)
		fsw |= FSW_ES | FSW_B;
	__builtin_memcpy(m->fpu + FX_FCW, &fcw, 2);
	__builtin_memcpy(m->fpu + FX_FSW, &fsw, 2);
}

bool x87_pending(struct monitor *m)
{
	fpu_save(m);
	return fx_get(m, FX_FSW) & FSW_ES && !(m->v->cr0 & CR0_NE);
}

/* FLDENV, FLDCW, FRSTOR. */
static bool loads_control(const struct last *i)
{
	unsigned opcode = i->fop >> 8, reg = i->fop >> 3 & 7;
	return i->memory && ((opcode == 1 && (reg == 4 || reg == 5)) || (opcode == 5 && reg == 4));
}

/* The host's unit has no IGNNE#: the instruction runs with all exceptions masked. */
static void run_ignoring(struct monitor *m)
{
	struct last i;
	uint32_t at = m->v->seg[SREG_CS].base + m->v->eip;
	bool control = read_last(m, at, m->modes[m->mode], &i) && loads_control(&i);
	fpu_save(m);
	uint16_t fcw = fx_get(m, FX_FCW);
	fx_set_control(m, fcw | EXCEPTIONS);
	run_once(m, 0);
	fpu_save(m);
	if (!control)
		fx_set_control(m, fcw);
}

void x87_error(struct monitor *m)
{
	if (m->ignne) {
		run_ignoring(m);
		return;
	}
	gate_ferr(m);
	m->frozen = m->unfinished = true;
}
