/* String instructions in the monitor's view: for segments that are not flat,
 * 16-bit addresses, ports, and pages that are traced.  SDM vol. 2, REP. */
#include "monitor/gate.h"

enum { CHUNK = 16384 }; /* bytes before interrupts are looked at again */

struct string {
	struct monitor *m;
	enum string_op op;
	unsigned size;
	enum sreg seg;
	bool a16, user;
	int32_t step;
};

static uint32_t masked(const struct string *s, uint32_t r)
{
	return s->a16 ? r & 0xffff : r;
}

static void advance(const struct string *s, enum gpr r, uint32_t by)
{
	uint32_t *g = &s->m->v->gpr[r];
	*g = s->a16 ? (*g & ~0xffffu) | ((*g + by) & 0xffff) : *g + by;
}

static bool access(const struct string *s, enum sreg seg, enum gpr r, bool write, gla_t *out)
{
	struct vcpu *v = s->m->v;
	uint32_t off = masked(s, v->gpr[r]);
	*out = gla(v->seg[seg].base + off);
	return cpu_seg_check(v, seg, off, s->size, write, &s->m->fault.trap) &&
	       guest_operand(s->m, *out, s->size, write, &s->m->fault.trap);
}

static void flags_of_sub(struct vcpu *v, uint32_t a, uint32_t b, unsigned size)
{
	uint64_t flags;
	if (size == 1)
		__asm__("cmpb %b2, %b1\n\tpushfq\n\tpopq %0" : "=r"(flags) : "q"(a), "q"(b) : "cc");
	else if (size == 2)
		__asm__("cmpw %w2, %w1\n\tpushfq\n\tpopq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
	else
		__asm__("cmpl %k2, %k1\n\tpushfq\n\tpopq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
	v->flags = (v->flags & FLAG_DF) | (flags & FLAGS_ARITH);
}

static void log_io(const struct string *s, const char *what, uint32_t value)
{
	const struct vcpu *v = s->m->v;
	if (log_on(LOG_IO))
		gate_log(s->m, "%s %04x.%u = %x at %08x", what, (uint16_t)v->gpr[EDX], s->size,
		         value, v->eip);
}

/* One element; false when it faults. */
static bool element(const struct string *s)
{
	struct monitor *m = s->m;
	struct vcpu *v = m->v;
	struct trap *t = &m->fault.trap;
	uint32_t src = 0, dst = 0;
	gla_t from = {0}, to = {0};
	struct guest_place place;
	uint32_t mask = s->size == 4 ? 0xffffffff : (1u << 8 * s->size) - 1;

	switch (s->op) {
	case STROP_MOVS:
		if (!access(s, s->seg, ESI, false, &from) ||
		    !guest_read(m, from, &src, s->size, s->user, t) ||
		    !access(s, SREG_ES, EDI, true, &to) ||
		    !guest_write(m, to, &src, s->size, s->user, t))
			return false;
		break;
	case STROP_CMPS:
		if (!access(s, s->seg, ESI, false, &from) ||
		    !guest_read(m, from, &src, s->size, s->user, t) ||
		    !access(s, SREG_ES, EDI, false, &to) ||
		    !guest_read(m, to, &dst, s->size, s->user, t))
			return false;
		flags_of_sub(v, src, dst, s->size);
		break;
	case STROP_STOS:
		if (!access(s, SREG_ES, EDI, true, &to) ||
		    !guest_write(m, to, &v->gpr[EAX], s->size, s->user, t))
			return false;
		break;
	case STROP_LODS:
		if (!access(s, s->seg, ESI, false, &from) ||
		    !guest_read(m, from, &src, s->size, s->user, t))
			return false;
		v->gpr[EAX] = (v->gpr[EAX] & ~mask) | src;
		break;
	case STROP_SCAS:
		if (!access(s, SREG_ES, EDI, false, &to) ||
		    !guest_read(m, to, &dst, s->size, s->user, t))
			return false;
		flags_of_sub(v, v->gpr[EAX] & mask, dst, s->size);
		break;
	case STROP_INS:
		if (!access(s, SREG_ES, EDI, true, &to) ||
		    !guest_find(m, to, s->size, MMU_WRITE, s->user, &place, t))
			return false;
		debug_port(m, (uint16_t)v->gpr[EDX], s->size);
		src = gate_io_read(m, (uint16_t)v->gpr[EDX], s->size);
		stats.io_reads++;
		log_io(s, "ins", src);
		guest_put(m, &place, &src, s->size);
		break;
	case STROP_OUTS:
		if (!access(s, s->seg, ESI, false, &from) ||
		    !guest_read(m, from, &src, s->size, s->user, t))
			return false;
		stats.io_writes++;
		log_io(s, "outs", src);
		debug_port(m, (uint16_t)v->gpr[EDX], s->size);
		gate_io_write(m, (uint16_t)v->gpr[EDX], s->size, src);
		break;
	}
	if (s->op == STROP_MOVS || s->op == STROP_CMPS || s->op == STROP_LODS ||
	    s->op == STROP_OUTS)
		advance(s, ESI, s->step);
	if (s->op != STROP_LODS && s->op != STROP_OUTS)
		advance(s, EDI, s->step);
	return true;
}

/* Elements from linear address a on that lie whole in its page, going up. */
static uint32_t page_room(const struct string *s, uint32_t a)
{
	return (PAGE_SIZE - (a & PAGE_MASK)) / s->size;
}

/* Of n elements by r that go up: how many lie whole in the page of the first; none where not all
 * of them are within the segment. */
static uint32_t run_of(const struct string *s, enum sreg seg, enum gpr r, uint32_t n, bool write)
{
	const struct vcpu *v = s->m->v;
	uint32_t off = masked(s, v->gpr[r]);
	uint32_t room = page_room(s, v->seg[seg].base + off);
	struct trap t;

	if (room < n)
		n = room;
	if (s->a16 && (0x10000 - off) / s->size < n)
		n = (0x10000 - off) / s->size;
	return n && cpu_seg_check(v, seg, off, n * s->size, write, &t) ? n : 0;
}

/* May elements be done many at a time: upwards, with nobody looking at each? */
static bool is_bulk(const struct string *s)
{
	const struct monitor *m = s->m;
	return s->step > 0 && !(m->modes[m->mode] & (MODE_AC | MODE_TF)) && !m->debug.step;
}

static bool run_address(const struct string *s, uint32_t a, enum mmu_access access, gpa_t *p)
{
	return mmu_translate(s->m->mmu, gla(a), access, s->user, p, &s->m->fault.trap);
}

/* n elements at host addresses, by the host's own instruction. */
static void move_native(const struct string *s, void *dst, const void *src, size_t n)
{
	uint32_t eax = s->m->v->gpr[EAX];
	/* By elements, as the two may overlap. */
	if (s->op == STROP_MOVS && s->size == 4)
		__asm__ volatile("rep movsl" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
	else if (s->op == STROP_MOVS && s->size == 2)
		__asm__ volatile("rep movsw" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
	else if (s->op == STROP_MOVS)
		__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
	else if (s->size == 4)
		__asm__ volatile("rep stosl" : "+D"(dst), "+c"(n) : "a"(eax) : "memory");
	else if (s->size == 2)
		__asm__ volatile("rep stosw" : "+D"(dst), "+c"(n) : "a"(eax) : "memory");
	else
		__asm__ volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(eax) : "memory");
}

/* One side of a run: where it is, and what is there. */
struct side {
	gpa_t at;
	void *host; /* NULL: no memory */
	bool device;
};

static bool side_of(const struct string *s, uint32_t a, bool write, struct side *side)
{
	struct mmu *mmu = s->m->mmu;
	if (!run_address(s, a, write ? MMU_WRITE : MMU_READ, &side->at))
		return false;
	side->device = mmu_is_device(mmu, side->at);
	side->host =
		write ? mmu_host_store(mmu, side->at) : (void *)(uintptr_t)mmu_host(mmu, side->at);
	return side->host || side->device;
}

/* n elements at addresses whose bytes may be noted: units there die, tables are compared. */
static void run_memory(const struct string *s, const struct side *to, const void *src, uint32_t n)
{
	struct monitor *m = s->m;
	uint32_t bytes = n * s->size, page = mmu_page(m->mmu, to->at);
	if (mmu_is_code(m->mmu, page))
		code_stored(m, page, to->at.v & PAGE_MASK, bytes);
	move_native(s, to->host, src, n);
	mmu_written(m->mmu, to->at, bytes);
}

/* The same where a device is on one side or on both, which is asked once. */
static bool run_device(const struct string *s, const struct side *to, const struct side *from,
                       uint32_t n)
{
	struct monitor *m = s->m;
	struct mem_run r = {.size = s->size, .n = n, .at = to->at.v, .buf = &m->v->gpr[EAX]};
	uint8_t loaded[PAGE_SIZE];

	if (!m->cfg.platform.mem_run || log_on(LOG_IO))
		return false;
	if (s->op == STROP_STOS) {
		r.kind = RUN_FILL;
	} else if (!from->device) {
		r.kind = RUN_STORE;
		r.buf = from->host;
	} else if (to->device) {
		r.kind = RUN_MOVE;
		r.from = from->at.v;
	} else {
		r.kind = RUN_LOAD;
		r.at = from->at.v;
		r.buf = loaded;
	}
	if (!gate_mem_run(m, &r))
		return false;
	*(r.kind == RUN_LOAD ? &stats.mem_reads : &stats.mem_writes) += n;
	if (r.kind == RUN_LOAD)
		run_memory(s, to, loaded, n);
	interrupt_line_update(m);
	return true;
}

/* Up to count elements of REP STOS or REP MOVS that go up within a page at once; 0 when that is
 * not the case. */
static uint32_t bulk_run(const struct string *s, uint32_t count)
{
	struct monitor *m = s->m;
	struct vcpu *v = m->v;
	bool moves = s->op == STROP_MOVS;
	uint32_t to = masked(s, v->gpr[EDI]) + v->seg[SREG_ES].base, n;
	uint32_t from = masked(s, v->gpr[ESI]) + v->seg[s->seg].base;
	struct side dst, src = {.host = &v->gpr[EAX]};

	if ((s->op != STROP_STOS && !moves) || !is_bulk(s))
		return 0;
	n = run_of(s, SREG_ES, EDI, count, true);
	if (moves)
		n = run_of(s, s->seg, ESI, n, false);
	if (n < 2 || mmu_is_watched(m->mmu, gla(to), n * s->size, true) ||
	    (moves && mmu_is_watched(m->mmu, gla(from), n * s->size, false)))
		return 0;
	if ((moves && !side_of(s, from, false, &src)) || !side_of(s, to, true, &dst))
		return 0;
	if (!dst.device && !src.device)
		run_memory(s, &dst, src.host, n);
	else if (!run_device(s, &dst, &src, n))
		return 0;
	advance(s, EDI, n * s->size);
	if (moves)
		advance(s, ESI, n * s->size);
	return n;
}

/* The host's own REPE or REPNE, of CMPS or of SCAS with *eax; *eax becomes what LAHF and SETO say of
 * the flags. */
static void compare_native(unsigned size, bool two, bool until_equal, uint32_t *eax,
                           const void **dst, const void **src, size_t *left)
{
#define RUN(insn)                                                                                  \
	__asm__ volatile(insn "\n\tlahf\n\tseto %%al"                                              \
	                 : "+D"(*dst), "+S"(*src), "+c"(*left), "+a"(*eax)                         \
	                 :                                                                         \
	                 : "cc", "memory")
#define RUN_SIZES(insn)                                                                            \
	do {                                                                                       \
		if (size == 1)                                                                     \
			RUN(insn "b");                                                             \
		else if (size == 2)                                                                \
			RUN(insn "w");                                                             \
		else                                                                               \
			RUN(insn "l");                                                             \
	} while (0)
	if (two && until_equal)
		RUN_SIZES("repne cmps");
	else if (two)
		RUN_SIZES("repe cmps");
	else if (until_equal)
		RUN_SIZES("repne scas");
	else
		RUN_SIZES("repe scas");
#undef RUN_SIZES
#undef RUN
}

/* Up to count elements of REP CMPS or SCAS, likewise; the last one done decides the flags. */
static uint32_t bulk_compare(const struct string *s, uint32_t count, bool until_equal)
{
	struct monitor *m = s->m;
	struct vcpu *v = m->v;
	bool two = s->op == STROP_CMPS;
	uint32_t to = masked(s, v->gpr[EDI]) + v->seg[SREG_ES].base, n;
	uint32_t from = masked(s, v->gpr[ESI]) + v->seg[s->seg].base;
	gpa_t p;

	if (!is_bulk(s))
		return 0;
	n = run_of(s, SREG_ES, EDI, count, false);
	if (two && n)
		n = run_of(s, s->seg, ESI, n, false);
	if (n < 2 || mmu_is_watched(m->mmu, gla(to), n * s->size, false) ||
	    (two && mmu_is_watched(m->mmu, gla(from), n * s->size, false)))
		return 0;
	const void *dst = run_address(s, to, MMU_READ, &p) ? mmu_host(m->mmu, p) : NULL;
	const void *src = dst;
	if (dst && two)
		src = run_address(s, from, MMU_READ, &p) ? mmu_host(m->mmu, p) : NULL;
	if (!dst || !src)
		return 0;
	size_t left = n;
	uint32_t eax = v->gpr[EAX];
	compare_native(s->size, two, until_equal, &eax, &dst, &src, &left);
	/* AH as of LAHF, AL as of SETO. */
	v->flags = (v->flags & FLAG_DF) | (eax >> 8 & 0xd5) | (eax & 1 ? FLAG_OF : 0);
	n -= (uint32_t)left;
	advance(s, EDI, n * s->size);
	if (two)
		advance(s, ESI, n * s->size);
	return n;
}

/* The same of REP INS and OUTS.  The port's accesses are no breakpoints here, and are not logged. */
static uint32_t bulk_port(const struct string *s, uint32_t count)
{
	struct monitor *m = s->m;
	struct vcpu *v = m->v;
	bool in = s->op == STROP_INS;
	enum sreg seg = in ? SREG_ES : s->seg;
	enum gpr r = in ? EDI : ESI;
	gpa_t p;

	if (!is_bulk(s) || !m->cfg.platform.io_burst || log_on(LOG_IO) || v->dr[7] & DR7_ENABLE)
		return 0;
	uint32_t at = masked(s, v->gpr[r]) + v->seg[seg].base;
	uint32_t n = run_of(s, seg, r, count < CHUNK / s->size ? count : CHUNK / s->size, in);
	if (n < 2 || mmu_is_watched(m->mmu, gla(at), n * s->size, in) ||
	    !run_address(s, at, in ? MMU_WRITE : MMU_READ, &p))
		return 0;
	void *host = in ? mmu_host_store(m->mmu, p) : (void *)(uintptr_t)mmu_host(m->mmu, p);
	if (!host)
		return 0;
	uint32_t bytes = n * s->size, page = mmu_page(m->mmu, p);
	if (in && mmu_is_code(m->mmu, page))
		code_stored(m, page, p.v & PAGE_MASK, bytes);
	gate_io_burst(m, (uint16_t)v->gpr[EDX], s->size, host, n, in);
	*(in ? &stats.io_reads : &stats.io_writes) += n;
	if (in)
		mmu_written(m->mmu, p, bytes);
	advance(s, r, bytes);
	return n;
}

/* Can the page of an operand's first element be accessed by the host's own instruction? */
static bool is_plain(const struct string *s, enum sreg seg, enum gpr r, bool write)
{
	struct monitor *m = s->m;
	struct trap t;
	gpa_t p;
	gla_t a = gla(masked(s, m->v->gpr[r]) + m->v->seg[seg].base);

	return !mmu_translate(m->mmu, a, MMU_READ, s->user, &p, &t) ||
	       guest_is_plain(m, a, p, s->size, write);
}

/* Was it worth coming here? */
static void account(const struct string *s)
{
	bool src = s->op == STROP_MOVS || s->op == STROP_CMPS || s->op == STROP_LODS;
	bool dst = s->op != STROP_LODS;
	bool write = s->op == STROP_MOVS || s->op == STROP_STOS;

	if (s->op == STROP_INS || s->op == STROP_OUTS)
		return; /* no other way */
	if (!site_flags(s->m, s->m->v->eip))
		return; /* nothing led here but the translator */
	site_served(s->m, SITE_CHECK, false);
	site_served(s->m, SITE_REDIRECT,
	            (src && !is_plain(s, s->seg, ESI, false)) ||
	                    (dst && !is_plain(s, SREG_ES, EDI, write)));
}

enum callout_result string_run(struct monitor *m, uint32_t packed)
{
	struct vcpu *v = m->v;
	unsigned arg = CALLOUT_ARG(packed), rep = arg & (STR_REP | STR_REPNE);
	struct string s = {
		.m = m,
		.op = arg >> STR_OP_SHIFT,
		.size = CALLOUT_SIZE(packed),
		.seg = CALLOUT_SEG(packed),
		.a16 = arg & STR_A16,
		.user = at_user(m),
	};
	s.step = v->flags & FLAG_DF ? -(int32_t)s.size : (int32_t)s.size;
	bool port = s.op == STROP_INS || s.op == STROP_OUTS;
	bool compares = s.op == STROP_CMPS || s.op == STROP_SCAS;

	if (port && !cpu_io_check(v, (uint16_t)v->gpr[EDX], s.size, &m->fault.trap))
		return FAULTED;
	account(&s);
	bool single = m->modes[m->mode] & MODE_TF || m->debug.step;
	uint32_t budget = single ? 1 : CHUNK / s.size;
	for (;;) {
		uint32_t left = masked(&s, v->gpr[ECX]);
		uint32_t n = 1;
		if (rep && !left)
			break;
		if (rep && port)
			n = bulk_port(&s, left);
		else if (rep && compares)
			n = bulk_compare(&s, left, rep == STR_REPNE);
		else if (rep)
			n = bulk_run(&s, left);
		if (!n || !rep) {
			if (!element(&s))
				return FAULTED;
			n = 1;
		}
		if (!rep)
			break;
		advance(&s, ECX, -n);
		if (compares && !(v->flags & FLAG_ZF) == (rep == STR_REP))
			break;
		if (budget <= n || debug_was_hit(m)) {
			if (!masked(&s, v->gpr[ECX]))
				break;
			/* At its own EIP: interrupts and traps come in between, with RF. */
			v->vflags |= FLAG_RF;
			return NEXT;
		}
		budget -= n;
	}
	v->eip += CALLOUT_LEN(packed);
	/* A device may have changed the physical map, and with it the code behind this. */
	if (!port)
		return single || m->remapped ? NEXT : RESUME;
	interrupt_line_update(m);
	return NEXT;
}
