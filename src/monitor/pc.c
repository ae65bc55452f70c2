/* Where in the guest's code a host PC is, and the bytes of an instruction of the guest's. */
#include "monitor/internal.h"

const struct tu_pc *pc_locate(struct monitor *m, uint64_t pc, uint32_t *eip, uint64_t *start)
{
	const struct tu_pc *p = NULL;
	uint64_t base;
	if (tcache_in_once(m->cache, pc)) {
		tcache_once(m->cache, &base);
		for (unsigned i = 0; i < m->once.n_pc && m->once.pc[i].host <= pc - base; i++)
			p = &m->once.pc[i];
		*eip = m->once_eip;
	} else {
		struct tu *u = tcache_unit_at(m->cache, pc);
		if (!u)
			return NULL;
		base = tcache_host(m->cache, u);
		p = tcache_pc(m->cache, u, (uint32_t)(pc - base));
		*eip = u->eip;
	}
	if (!p)
		return NULL;
	*eip += p->guest;
	*start = base + p->host;
	return p;
}

bool pc_guest_eip(struct monitor *m, uint64_t pc, uint32_t *eip, unsigned *mode, uint32_t *base)
{
	uint64_t start;
	if (!tcache_contains(m->cache, pc) || !pc_locate(m, pc, eip, &start))
		return false;
	*mode = m->once_mode;
	*base = m->once_base;
	if (tcache_in_once(m->cache, pc))
		return true;
	const struct tu *u = tcache_unit_at(m->cache, pc);
	*mode = u->mode;
	if (!tcache_base(m->cache, u, base))
		*base = m->v->seg[SREG_CS].base;
	return true;
}

/* Bytes from a to the end of its page, n at most; how many there are. */
static unsigned code_part(struct monitor *m, gla_t a, bool user, unsigned n, uint8_t *out)
{
	unsigned room = PAGE_SIZE - (a.v & PAGE_MASK);
	struct trap t;
	gpa_t p;

	if (!mmu_translate(m->mmu, a, MMU_READ, user, &p, &t))
		return 0;
	const uint8_t *host = mmu_host(m->mmu, p);
	n = room < n ? room : n;
	for (unsigned i = 0; i < n; i++)
		out[i] = host ? host[i] : 0xff;
	return n;
}

bool guest_code(struct monitor *m, gla_t a, bool user, uint8_t b[16])
{
	__builtin_memset(b, 0, 16);
	unsigned n = code_part(m, a, user, 15, b);
	if (n && n < 15)
		code_part(m, gla(a.v + n), user, 15 - n, b + n);
	return n;
}
