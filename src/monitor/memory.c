/* Guest memory as callouts and src/cpu see it: by linear address, through the
 * guest's tables, in the monitor's view. */
#include "monitor/gate.h"

static unsigned to_page_end(uint32_t a, unsigned n)
{
	unsigned room = PAGE_SIZE - (a & PAGE_MASK);
	return n < room ? n : room;
}

/* --- devices that are found in memory --- */

/* A device is asked for what an instruction asks for: eight bytes and more are several accesses of
 * four. */
static unsigned bus_part(unsigned n)
{
	return n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

static bool leaf(struct monitor *m, gpa_t a, unsigned size, bool write, uint32_t *value)
{
	const struct monitor_platform *p = &m->cfg.platform;
	if (!p->mem_leaf || !p->mem_leaf(*p->bus, a, size, write, value))
		return false;
	stats.leaves++;
	return true;
}

static void device_read(struct monitor *m, gpa_t a, uint8_t *out, unsigned n)
{
	bool gated = false;

	for (unsigned part; n; a.v += part, out += part, n -= part) {
		uint32_t value = 0;
		part = bus_part(n);
		if (!leaf(m, a, part, false, &value)) {
			value = gate_mem_read(m, a, part);
			gated = true;
		}
		stats.mem_reads++;
		if (log_on(LOG_IO))
			gate_log(m, "load %08llx.%u = %x at %08x", (unsigned long long)a.v, part,
			         value, m->v->eip);
		copy_operand(out, &value, part);
	}
	if (gated)
		interrupt_line_update(m);
}

static void device_write(struct monitor *m, gpa_t a, const uint8_t *in, unsigned n)
{
	bool gated = false;

	for (unsigned part; n; a.v += part, in += part, n -= part) {
		uint32_t value = 0;
		part = bus_part(n);
		copy_operand(&value, in, part);
		stats.mem_writes++;
		if (log_on(LOG_IO))
			gate_log(m, "store %08llx.%u = %x at %08x", (unsigned long long)a.v, part,
			         value, m->v->eip);
		if (!leaf(m, a, part, true, &value)) {
			gate_mem_write(m, a, part, value);
			gated = true;
		}
	}
	if (gated)
		interrupt_line_update(m);
}

/* --- by linear address --- */

bool guest_find(struct monitor *m, gla_t a, unsigned n, enum mmu_access access, bool user,
                struct guest_place *out, struct trap *t)
{
	out->here = to_page_end(a.v, n);
	return mmu_translate(m->mmu, a, access, user, &out->at, t) &&
	       (out->here == n ||
	        mmu_translate(m->mmu, gla(a.v + out->here), access, user, &out->next, t));
}

static void load_part(struct monitor *m, gpa_t p, uint8_t *out, unsigned n, bool devices)
{
	const void *host = mmu_host(m->mmu, p);
	if (host)
		copy_operand(out, host, n);
	else if (devices && mmu_is_device(m->mmu, p))
		device_read(m, p, out, n);
	else
		for (unsigned i = 0; i < n; i++)
			out[i] = 0xff;
}

__attribute__((noinline)) static bool load(struct monitor *m, gla_t a, void *dst, unsigned n,
                                           bool user, bool devices, struct trap *t)
{
	struct guest_place p;
	/* A device is not asked before it is sure that all can be read. */
	if (!guest_find(m, a, n, MMU_READ, user, &p, t))
		return false;
	load_part(m, p.at, dst, p.here, devices);
	if (p.here < n)
		load_part(m, p.next, (uint8_t *)dst + p.here, n - p.here, devices);
	return true;
}

/* Memory that has been found lately. */
static bool known(struct monitor *m, gla_t a, void *dst, unsigned n, bool user)
{
	const void *host = mmu_readable(m->mmu, a, user);
	if (!__builtin_expect(host && to_page_end(a.v, n) == n, 1))
		return false;
	copy_operand(dst, host, n);
	return true;
}

bool guest_read(struct monitor *m, gla_t a, void *dst, unsigned n, bool user, struct trap *t)
{
	return known(m, a, dst, n, user) || load(m, a, dst, n, user, true, t);
}

bool guest_peek(struct monitor *m, gla_t a, void *dst, unsigned n, bool user, struct trap *t)
{
	return known(m, a, dst, n, user) || load(m, a, dst, n, user, false, t);
}

bool guest_probe_write(struct monitor *m, gla_t a, unsigned n, bool user, struct trap *t)
{
	struct guest_place p;
	return guest_find(m, a, n, MMU_WRITE, user, &p, t);
}

void guest_store(struct monitor *m, gpa_t a, const void *src, unsigned n)
{
	if (__builtin_expect(!mmu_store(m->mmu, a, src, n), 0))
		device_write(m, a, src, n);
}

void guest_put(struct monitor *m, const struct guest_place *p, const void *src, unsigned n)
{
	guest_store(m, p->at, src, p->here);
	if (p->here < n)
		guest_store(m, p->next, (const uint8_t *)src + p->here, n - p->here);
}

bool guest_write(struct monitor *m, gla_t a, const void *src, unsigned n, bool user, struct trap *t)
{
	struct guest_place p;
	if (!guest_find(m, a, n, MMU_WRITE, user, &p, t))
		return false;
	guest_put(m, &p, src, n);
	return true;
}

bool guest_device(struct monitor *m, gla_t a, void *value, unsigned n, bool write)
{
	enum mmu_access access = write ? MMU_WRITE : MMU_READ;
	gpa_t p;

	if (to_page_end(a.v, n) != n || !mmu_device(m->mmu, a, access, at_user(m), &p))
		return false;
	if (write)
		device_write(m, p, value, n);
	else
		device_read(m, p, value, n);
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

bool guest_check_aligned(struct monitor *m, gla_t a, unsigned n, bool write, struct trap *t)
{
	gpa_t p;

	if (!(a.v & (alignment(n) - 1)))
		return true;
	/* Where a second page is missing, CR2 names its first byte. */
	gla_t last = gla(to_page_end(a.v, n) < n ? (a.v + n - 1) & ~PAGE_MASK : a.v + n - 1);
	enum mmu_access access = write ? MMU_WRITE : MMU_READ;
	if (mmu_translate(m->mmu, a, access, true, &p, t) &&
	    mmu_translate(m->mmu, last, access, true, &p, t))
		*t = trap_error(VEC_AC, 0);
	return false;
}

bool guest_is_plain(struct monitor *m, gla_t a, gpa_t p, unsigned n, bool write)
{
	uint32_t page = mmu_page(m->mmu, p);
	const void *host = write ? mmu_host_store(m->mmu, p) : mmu_host(m->mmu, p);
	return host && to_page_end(a.v, n) == n && !mmu_is_watched(m->mmu, a, n, write) &&
	       !(m->window->kind == WINDOW_KERNEL && mmu_is_self_map(m->mmu, a)) &&
	       !(write && (mmu_is_code(m->mmu, page) || mmu_is_table(m->mmu, page)));
}
