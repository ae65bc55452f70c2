/* The guest's x87 and vector registers, which are in the host's while translated code runs; and the
 * x87 unit's pointers to its last instruction and operand: the host's, made the guest's.  SDM vol. 1,
 * 8.1.8. */
#include "monitor/gate.h"

#include "translator/decode.h"

/* The image of FXSAVE up to XMM7.  SDM vol. 1, table 10-2. */
enum {
	FX_FSW = 2,
	FX_FTW = 4,
	FX_FOP = 6,
	FX_FIP = 8,
	FX_FDP = 16,
	FX_MXCSR = 24,
	FX_XMM = 160,
	FX_END = 288
};

enum { FSW_ES = 0x80 };

enum { WHOLE_IMAGE = 61 }; /* exits between looks at all of it (paranoid) */

/* --- the paranoid preset's net --- */

/* The guest has no XMM8 to XMM15: the copy of the others is there. */
void fpu_left(struct monitor *m)
{
	__asm__ volatile("movaps %xmm0, %xmm8; movaps %xmm1, %xmm9; movaps %xmm2, %xmm10;"
	                 "movaps %xmm3, %xmm11; movaps %xmm4, %xmm12; movaps %xmm5, %xmm13;"
	                 "movaps %xmm6, %xmm14; movaps %xmm7, %xmm15");
	m->fpu_at_exit_whole = m->left % WHOLE_IMAGE == 0;
	if (m->fpu_at_exit_whole)
		__asm__ volatile("fxsave64 %0" : "=m"(m->fpu_at_exit));
}

static bool same_vectors(void)
{
	uint64_t low, high;
	__asm__ volatile("pxor %%xmm0, %%xmm8; pxor %%xmm1, %%xmm9; pxor %%xmm2, %%xmm10;"
	                 "pxor %%xmm3, %%xmm11; pxor %%xmm4, %%xmm12; pxor %%xmm5, %%xmm13;"
	                 "pxor %%xmm6, %%xmm14; pxor %%xmm7, %%xmm15; por %%xmm9, %%xmm8;"
	                 "por %%xmm11, %%xmm10; por %%xmm13, %%xmm12; por %%xmm15, %%xmm14;"
	                 "por %%xmm10, %%xmm8; por %%xmm14, %%xmm12; por %%xmm12, %%xmm8;"
	                 "movq %%xmm8, %0; psrldq $8, %%xmm8; movq %%xmm8, %1"
	                 : "=r"(low), "=r"(high));
	return !(low | high);
}

/* But for FOP, FIP and FDP, which some hosts do not keep (x87.c). */
static bool same_image(const struct monitor *m)
{
	uint8_t now[512] __attribute__((aligned(16)));
	__asm__ volatile("fxsave64 %0" : "=m"(now));
	for (unsigned i = 0; i < FX_END; i++)
		if (now[i] != m->fpu_at_exit[i] && (i < FX_FOP || i >= FX_MXCSR))
			return false;
	return true;
}

static void untouched_failed(void)
{
	assert_failed("C that did not save the guest's registers has changed them", __FILE__,
	              __LINE__);
}

static void check_untouched(const struct monitor *m)
{
	if (!same_vectors() || (m->fpu_at_exit_whole && !same_image(m)))
		untouched_failed();
}

/* --- the pointers --- */

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

bool x87_read(struct monitor *m, uint32_t linear, uint32_t mode, struct x87_insn *out)
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
	*out = (struct x87_insn){(uint16_t)((b[n] & 7) << 8 | b[n + 1]), insn_is_mem(&i),
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
	struct x87_insn last;
	uint32_t linear, base;
	unsigned mode;

	__builtin_memset(p, 0, 16);
	if (!pc_guest_eip(m, pc, &p[0], &mode, &base))
		return;
	/* What is loaded in the unit is not noted. */
	if (!mode_protected(m->v) && !m->state_dirty && mode == m->mode &&
	    base == m->v->seg[SREG_CS].base)
		x87_note_segments(m);
	const struct x87_segments *seg = segments_of(m, mode, base);
	if (seg->mode != mode || seg->base[SREG_CS] != base)
		return; /* another's, since */
	p[1] = seg->selector[SREG_CS];
	if (!x87_read(m, seg->base[SREG_CS] + p[0], m->modes[mode], &last))
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
static void make_pointers(struct monitor *m)
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

/* --- saved and restored --- */

/* As at the entry of a function.  AMD64 ABI, 3.2.1; SDM vol. 1, 10.2.3. */
static const uint32_t abi_mxcsr = 0x1f80;
static const uint16_t abi_control = 0x37f;

void fpu_save_vectors(struct monitor *m)
{
	uint8_t *xmm = m->fpu + FX_XMM, *mxcsr = m->fpu + FX_MXCSR;

	if (m->fpu_saved || m->vectors_saved)
		return;
	if (m->cfg.paranoid)
		check_untouched(m);
	__asm__ volatile("movaps %%xmm0, 0(%0); movaps %%xmm1, 16(%0); movaps %%xmm2, 32(%0);"
	                 "movaps %%xmm3, 48(%0); movaps %%xmm4, 64(%0); movaps %%xmm5, 80(%0);"
	                 "movaps %%xmm6, 96(%0); movaps %%xmm7, 112(%0); stmxcsr (%1)"
	                 :
	                 : "r"(xmm), "r"(mxcsr)
	                 : "memory");
	if (__builtin_memcmp(mxcsr, &abi_mxcsr, sizeof abi_mxcsr) != 0)
		__asm__ volatile("ldmxcsr %0" : : "m"(abi_mxcsr));
	m->vectors_saved = true;
}

static void restore_vectors(struct monitor *m)
{
	const uint8_t *xmm = m->fpu + FX_XMM, *mxcsr = m->fpu + FX_MXCSR;

	__asm__ volatile("movaps 0(%0), %%xmm0; movaps 16(%0), %%xmm1; movaps 32(%0), %%xmm2;"
	                 "movaps 48(%0), %%xmm3; movaps 64(%0), %%xmm4; movaps 80(%0), %%xmm5;"
	                 "movaps 96(%0), %%xmm6; movaps 112(%0), %%xmm7; ldmxcsr (%1)"
	                 :
	                 : "r"(xmm), "r"(mxcsr)
	                 : "memory");
	m->vectors_saved = false;
	if (m->cfg.paranoid && m->fpu_at_exit_whole && !same_image(m))
		untouched_failed();
}

void fpu_save(struct monitor *m)
{
	if (m->fpu_saved)
		return;
	if (m->vectors_saved)
		restore_vectors(m);
	else if (m->cfg.paranoid)
		check_untouched(m);
	__asm__ volatile("fxsave64 %0" : "=m"(m->fpu));
	m->fpu_saved = true;
	m->fpu_pointers = false;
	if (m->fpu[FX_FSW] | m->fpu[FX_FSW + 1] | m->fpu[FX_FTW]) {
		make_pointers(m);
		__asm__ volatile("fninit");
	} else {
		/* No pointers are kept for a unit that holds nothing, but as it has them itself. */
		__asm__ volatile("fldcw %0" : : "m"(abi_control));
	}
	__asm__ volatile("ldmxcsr %0" : : "m"(abi_mxcsr));
}

void fpu_save_pointers(struct monitor *m)
{
	fpu_save(m);
	if (!m->fpu_pointers)
		make_pointers(m);
}

void fpu_restore(struct monitor *m)
{
	if (m->vectors_saved) {
		restore_vectors(m);
		return;
	}
	if (!m->fpu_saved) {
		if (m->cfg.paranoid)
			check_untouched(m);
		return;
	}
	__builtin_memcpy(m->x87_restored, m->fpu + FX_FIP, sizeof m->x87_restored);
	if (m->fpu_pointers)
		__asm__ volatile("fxrstor %0" : : "m"(m->fpu));
	else
		__asm__ volatile("fxrstor64 %0" : : "m"(m->fpu));
	m->fpu_saved = false;
}

bool x87_pending(struct monitor *m)
{
	fpu_save(m);
	return m->fpu[FX_FSW] & FSW_ES && !(m->v->cr0 & CR0_NE);
}
