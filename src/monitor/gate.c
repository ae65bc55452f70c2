#include "monitor/gate.h"

/* The image of FXSAVE up to XMM7.  SDM vol. 1, table 10-2. */
enum { FX_FSW = 2, FX_FTW = 4, FX_FOP = 6, FX_FIP = 8, FX_MXCSR = 24, FX_END = 288 };

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

static void check_untouched(const struct monitor *m)
{
	if (!same_vectors() || (m->fpu_at_exit_whole && !same_image(m)))
		assert_failed("C that did not save the guest's vector registers has changed them",
		              __FILE__, __LINE__);
}

/* --- saved and restored --- */

void fpu_save(struct monitor *m)
{
	/* As at the entry of a function.  AMD64 ABI, 3.2.1; SDM vol. 1, 10.2.3. */
	static const uint32_t mxcsr = 0x1f80;
	static const uint16_t control = 0x37f;

	if (m->fpu_saved)
		return;
	if (m->cfg.paranoid)
		check_untouched(m);
	__asm__ volatile("fxsave64 %0" : "=m"(m->fpu));
	m->fpu_saved = true;
	m->fpu_pointers = false;
	if (m->fpu[FX_FSW] | m->fpu[FX_FSW + 1] | m->fpu[FX_FTW]) {
		x87_pointers(m);
		__asm__ volatile("fninit");
	} else {
		/* No pointers are kept for a unit that holds nothing, but as it has them itself. */
		__asm__ volatile("fldcw %0" : : "m"(control));
	}
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

void fpu_save_pointers(struct monitor *m)
{
	fpu_save(m);
	if (!m->fpu_pointers)
		x87_pointers(m);
}

void fpu_restore(struct monitor *m)
{
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

/* --- gates --- */

GATE uint32_t gate_io_read(struct monitor *m, uint16_t port, unsigned size)
{
	fpu_save(m);
	return m->cfg.platform.io_read(m->cfg.platform.ctx, port, size);
}

GATE void gate_io_write(struct monitor *m, uint16_t port, unsigned size, uint32_t value)
{
	fpu_save(m);
	m->cfg.platform.io_write(m->cfg.platform.ctx, port, size, value);
}

GATE uint32_t gate_mem_read(struct monitor *m, gpa_t a, unsigned size)
{
	fpu_save(m);
	return m->cfg.platform.mem_read(m->cfg.platform.ctx, a, size);
}

GATE void gate_mem_write(struct monitor *m, gpa_t a, unsigned size, uint32_t value)
{
	fpu_save(m);
	m->cfg.platform.mem_write(m->cfg.platform.ctx, a, size, value);
}

GATE bool gate_intr_line(struct monitor *m)
{
	fpu_save(m);
	return m->cfg.platform.intr_line(m->cfg.platform.ctx);
}

GATE uint8_t gate_intr_ack(struct monitor *m)
{
	fpu_save(m);
	return m->cfg.platform.intr_ack(m->cfg.platform.ctx);
}

GATE void gate_ferr(struct monitor *m)
{
	fpu_save(m);
	m->cfg.platform.ferr(m->cfg.platform.ctx);
}

GATE uint64_t gate_tsc(struct monitor *m)
{
	fpu_save(m);
	return m->cfg.platform.tsc(m->cfg.platform.ctx);
}

GATE void gate_poll(struct monitor *m)
{
	fpu_save(m);
	m->cfg.platform.poll(m->cfg.platform.ctx);
}

GATE void gate_wait(struct monitor *m)
{
	fpu_save(m);
	m->cfg.platform.wait(m->cfg.platform.ctx);
}

GATE void gate_debug(struct monitor *m, const struct debug_stop *s)
{
	fpu_save(m);
	m->cfg.platform.debug(m->cfg.platform.ctx, s);
}

GATE enum tu_status gate_translate(struct monitor *m, const struct tu_request *r,
                                   struct tu_code *out)
{
	fpu_save(m);
	return translator_run(m->translator, r, out);
}

GATE void gate_mmu_check(struct monitor *m)
{
	fpu_save(m);
	mmu_check(m->mmu);
}

GATE void gate_log(struct monitor *m, const char *fmt, ...)
{
	va_list ap;
	fpu_save(m);
	va_start(ap, fmt);
	log_vwrite(fmt, ap);
	va_end(ap);
}

GATE void gate_format(struct monitor *m, char *out, size_t size, const char *fmt, va_list ap)
{
	fpu_save(m);
	vsnprintf(out, size, fmt, ap);
}
