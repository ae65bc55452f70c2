/* Guest memory as callouts and src/cpu see it: by linear address, through the
 * guest's tables, in the monitor's view. */
#include "monitor/gate.h"

static void copy(void *dst, const void *src, size_t n)
{
	switch (n) {
	case 4:
		__builtin_memcpy(dst, src, 4);
		return;
	case 8:
		__builtin_memcpy(dst, src, 8);
		return;
	default:
		copy_bytes(dst, src, n);
	}
}

static unsigned to_page_end(uint32_t a, unsigned n)
{
	unsigned room = PAGE_SIZE - (a & PAGE_MASK);
	return n < room ? n : room;
}

bool guest_read(struct monitor *m, gla_t a, void *dst, unsigned n, bool user, struct trap *t)
{
	uint8_t *out = dst;
	while (n) {
		unsigned part = to_page_end(a.v, n);
		gpa_t p;
		if (!mmu_translate(m->mmu, a, MMU_READ, user, &p, t))
			return false;
		const void *host = mmu_host(m->mmu, p);
		if (host)
			copy(out, host, part);
		else
			for (unsigned i = 0; i < part; i++)
				out[i] = 0xff;
		out += part;
		a.v += part;
		n -= part;
	}
	return true;
}

bool guest_probe_write(struct monitor *m, gla_t a, unsigned n, bool user, struct trap *t)
{
	while (n) {
		unsigned part = to_page_end(a.v, n);
		gpa_t p;
		if (!mmu_translate(m->mmu, a, MMU_WRITE, user, &p, t))
			return false;
		a.v += part;
		n -= part;
	}
	return true;
}

void guest_store(struct monitor *m, gpa_t a, const void *src, unsigned n)
{
	void *host = mmu_host(m->mmu, a);
	uint32_t gfn = gpa_gfn(a);
	if (!host)
		return;
	if (mmu_is_code(m->mmu, gfn)) {
		stats.code_stores++;
		m->code_died |= tcache_invalidate_bytes(m->cache, gfn, a.v & PAGE_MASK, n) > 0;
	}
	copy(host, src, n);
	if (mmu_is_table(m->mmu, gfn))
		mmu_written(m->mmu, a, n);
}

bool guest_write(struct monitor *m, gla_t a, const void *src, unsigned n, bool user, struct trap *t)
{
	const uint8_t *in = src;
	/* All of it or nothing. */
	if (to_page_end(a.v, n) != n && !guest_probe_write(m, a, n, user, t))
		return false;
	while (n) {
		unsigned part = to_page_end(a.v, n);
		gpa_t p;
		if (!mmu_translate(m->mmu, a, MMU_WRITE, user, &p, t))
			return false;
		guest_store(m, p, in, part);
		in += part;
		a.v += part;
		n -= part;
	}
	return true;
}

/* SDM vol. 3, 6.15, table 6-7, by the operand's size: whole environments of the FPU
 * are dwords or words. */
static unsigned alignment(unsigned n)
{
	switch (n) {
	case 1:
		return 1;
	case 2:
	case 14:
	case 94:
		return 2;
	case 8:
		return 8;
	default:
		return 4;
	}
}

bool guest_aligned(struct monitor *m, gla_t a, unsigned n, bool write, struct trap *t)
{
	const struct vcpu *v = m->v;
	gpa_t p;

	if (!(v->vflags & FLAG_AC) || !(v->cr0 & CR0_AM) || v->cpl != 3 ||
	    !(a.v & (alignment(n) - 1)))
		return true;
	/* Where a second page is missing, CR2 names its first byte. */
	gla_t last = gla(to_page_end(a.v, n) < n ? (a.v + n - 1) & ~PAGE_MASK : a.v + n - 1);
	enum mmu_access access = write ? MMU_WRITE : MMU_READ;
	if (mmu_translate(m->mmu, a, access, true, &p, t) &&
	    mmu_translate(m->mmu, last, access, true, &p, t))
		*t = trap_error(VEC_AC, 0);
	return false;
}

bool guest_operand(struct monitor *m, gla_t a, unsigned n, bool write, struct trap *t)
{
	debug_access(m, a, n, !write, write);
	return guest_aligned(m, a, n, write, t);
}

bool guest_code(struct monitor *m, gla_t a, bool user, uint8_t b[16])
{
	uint32_t room = PAGE_SIZE - (a.v & PAGE_MASK);
	struct trap t;

	__builtin_memset(b, 0, 16);
	if (!guest_read(m, a, b, room < 15 ? room : 15, user, &t))
		return false;
	if (room < 15)
		guest_read(m, gla(a.v + room), b + room, 15 - room, user, &t);
	return true;
}
