/* Internal to src/cpu: descriptors, segment preparation, and stacks that are
 * not committed yet.  SDM vol. 3, ch. 3 and 5.
 *
 * Error codes: a selector with its RPL removed (TI stays), IDT and EXT or-ed in.
 * ext is 1 while an external event or an exception is being delivered. */
#ifndef UNRING_CPU_DESCRIPTOR_H
#define UNRING_CPU_DESCRIPTOR_H

#include "cpu/cpu.h"
#include "cpu/mode.h"
#include "cpu/model.h"

enum {
	SEL_RPL = 3,
	SEL_TI = 4,
	ERR_EXT = 1,
	ERR_IDT = 2,
};

/* System descriptor types (S = 0).  SDM vol. 3, table 3-2. */
enum {
	SYS_TSS16 = 1,
	SYS_LDT = 2,
	SYS_TSS16_BUSY = 3,
	SYS_CALL16 = 4,
	SYS_TASK_GATE = 5,
	SYS_INT16 = 6,
	SYS_TRAP16 = 7,
	SYS_TSS32 = 9,
	SYS_TSS32_BUSY = 11,
	SYS_CALL32 = 12,
	SYS_INT32 = 14,
	SYS_TRAP32 = 15,
	TSS_BUSY = 2, /* in the type of a TSS */
	SYS_32 = 8,   /* in the type of a TSS or gate: the 386's form */
};

struct descriptor {
	uint32_t lo, hi;
	gla_t at;
};

/* IA32_MISC_ENABLE.  SDM vol. 4, table 2-2. */
#define MISC_ENABLE_FAST_STRING (1ull << 0)
#define MISC_ENABLE_NO_BTS (1ull << 11)
#define MISC_ENABLE_NO_PEBS (1ull << 12)
#define MISC_ENABLE_LIMIT_CPUID (1ull << 22)
#define MISC_ENABLE_XD_OFF (1ull << 34)
#define MISC_ENABLE_RESET (MISC_ENABLE_FAST_STRING | MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS)

static inline bool fail(struct trap *t, uint8_t vector, uint32_t error)
{
	*t = trap_error(vector, error);
	return false;
}

static inline bool fail_plain(struct trap *t, uint8_t vector)
{
	*t = trap_plain(vector);
	return false;
}

static inline bool sel_null(uint16_t sel)
{
	return (sel & ~SEL_RPL) == 0;
}

static inline uint32_t sel_error(uint16_t sel, uint32_t ext)
{
	return (sel & ~(uint32_t)SEL_RPL) | ext;
}

static inline enum priv priv_of(unsigned cpl)
{
	return cpl == 3 ? PRIV_USER : PRIV_SUPERVISOR;
}

static inline bool mem_read(struct vcpu *v, uint32_t a, void *dst, unsigned size, enum priv p,
                            struct trap *t)
{
	return v->env.read(v->env.ctx, gla(a), dst, size, p, t);
}

static inline bool mem_write(struct vcpu *v, uint32_t a, const void *src, unsigned size,
                             enum priv p, struct trap *t)
{
	return v->env.write(v->env.ctx, gla(a), src, size, p, t);
}

/* An operand of 1 to 16 bytes at an offset in a segment, by the guest's own privilege
 * (operand.c). */
bool operand_read(struct vcpu *v, enum sreg s, uint32_t off, void *dst, unsigned size,
                  struct trap *t);
bool operand_write(struct vcpu *v, enum sreg s, uint32_t off, const void *src, unsigned size,
                   struct trap *t);

static inline uint32_t desc_attr(const struct descriptor *d)
{
	return d->hi >> 8 & 0xf0ff;
}

static inline uint32_t desc_base(const struct descriptor *d)
{
	return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000);
}

static inline uint32_t desc_limit(const struct descriptor *d)
{
	uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);

	return desc_attr(d) & SEG_G ? limit << 12 | 0xfff : limit;
}

static inline unsigned attr_dpl(uint32_t attr)
{
	return attr >> SEG_DPL_SHIFT & 3;
}

static inline bool attr_code(uint32_t attr)
{
	return (attr & (SEG_S | SEG_CODE)) == (SEG_S | SEG_CODE);
}

static inline bool attr_conforming(uint32_t attr)
{
	return (attr & (SEG_S | SEG_CODE | SEG_CONFORMING)) == (SEG_S | SEG_CODE | SEG_CONFORMING);
}

static inline bool attr_writable(uint32_t attr)
{
	return (attr & (SEG_S | SEG_CODE | SEG_WRITE)) == (SEG_S | SEG_WRITE);
}

static inline bool attr_readable(uint32_t attr)
{
	return (attr & SEG_S) && (!(attr & SEG_CODE) || (attr & SEG_READ));
}

/* The type of a system descriptor, 0 (reserved) for code and data. */
static inline unsigned attr_system(uint32_t attr)
{
	return attr & SEG_S ? 0 : attr & SEG_TYPE;
}

static inline uint16_t gate_selector(const struct descriptor *d)
{
	return d->lo >> 16;
}

static inline uint32_t gate_offset(const struct descriptor *d)
{
	uint32_t low = d->lo & 0xffff;

	return desc_attr(d) & SYS_32 ? (d->hi & 0xffff0000) | low : low;
}

static inline void segment_set(struct segment *s, uint16_t sel, const struct descriptor *d)
{
	*s = (struct segment){.base = desc_base(d),
	                      .limit = desc_limit(d),
	                      .attr = desc_attr(d),
	                      .selector = sel};
}

static inline void segment_null(struct segment *s, uint16_t sel)
{
	*s = (struct segment){.attr = SEG_UNUSABLE, .selector = sel};
}

/* A load in real-address mode: the base alone changes.  SDM vol. 3, 20.1. */
static inline void segment_set_real(struct segment *s, uint16_t sel)
{
	s->base = (uint32_t)sel << 4;
	s->selector = sel;
}

/* A load in virtual-8086 mode.  SDM vol. 3, 20.2. */
static inline void segment_set_v86(struct segment *s, uint16_t sel)
{
	*s = (struct segment){.base = (uint32_t)sel << 4,
	                      .limit = 0xffff,
	                      .attr = SEG_P | SEG_DPL | SEG_S | SEG_WRITE | SEG_ACCESSED,
	                      .selector = sel};
}

static inline void segment_set_unprotected(struct vcpu *v, enum sreg s, uint16_t sel)
{
	if (v->vflags & FLAG_VM)
		segment_set_v86(&v->seg[s], sel);
	else
		segment_set_real(&v->seg[s], sel);
}

/* Does it expand down? */
static inline bool segment_is_down(const struct segment *s)
{
	return (s->attr & (SEG_S | SEG_CODE | SEG_DOWN)) == (SEG_S | SEG_DOWN);
}

/* Are size (not 0) bytes at off inside the limit?  SDM vol. 3, 5.3. */
static inline bool segment_covers(const struct segment *s, uint32_t off, uint32_t size)
{
	uint32_t last = off + size - 1;

	if (last < off)
		return false;
	if (segment_is_down(s))
		return off > s->limit && last <= (s->attr & SEG_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

/* Reads the descriptor of a selector that is not null; vector(selector) when it
 * is beyond its table. */
bool desc_fetch(struct vcpu *v, uint16_t sel, uint8_t vector, uint32_t ext, struct descriptor *d,
                struct trap *t);
/* Sets the accessed bit in the table, when it is clear, and in *d. */
bool desc_access(struct vcpu *v, struct descriptor *d, struct trap *t);
/* Rewrites the byte of type, DPL and P in the table. */
bool desc_write_type(struct vcpu *v, const struct descriptor *d, uint8_t type_byte, struct trap *t);

/* What MOV to SS, or to another data segment register, does up to the load of
 * the register, which is left to the caller: checks for cpl, accessed bit, *out.
 * Errors are vector(sel), but for #NP and #SS of absent segments; #SS and #NP
 * carry ext as well. */
bool segment_prepare_stack(struct vcpu *v, uint16_t sel, unsigned cpl, uint8_t vector, uint32_t ext,
                           struct segment *out, struct trap *t);
bool segment_prepare_data(struct vcpu *v, uint16_t sel, unsigned cpl, uint8_t vector, uint32_t ext,
                          struct segment *out, struct trap *t);

/* A stack in use, or about to be: sp moves, registers do not. */
struct stack {
	const struct segment *seg;
	uint32_t sp;
	uint32_t mask; /* FFFFh when SS.B = 0: the upper half of ESP stays */
	enum priv priv;
	uint32_t ss_error; /* of the #SS beyond the limit */
};

static inline struct stack stack_of(const struct segment *ss, uint32_t sp, unsigned cpl,
                                    uint32_t ss_error)
{
	return (struct stack){.seg = ss,
	                      .sp = sp,
	                      .mask = ss->attr & SEG_DB ? 0xffffffff : 0xffff,
	                      .priv = priv_of(cpl),
	                      .ss_error = ss_error};
}

static inline struct stack stack_current(const struct vcpu *v, uint32_t ss_error)
{
	return stack_of(&v->seg[SREG_SS], v->gpr[ESP], v->cpl, ss_error);
}

static inline void stack_move(struct stack *s, uint32_t by)
{
	s->sp = (s->sp & ~s->mask) | ((s->sp + by) & s->mask);
}

#define STACK_ITEMS_MAX 36 /* a call gate's 31 parameters, and SS ESP CS EIP */

/* Does a frame of n items fit?  For the order of faults: the #SS of a stack that is
 * too small comes before the #GP of an entry point beyond its segment. */
bool stack_room(const struct stack *s, unsigned n, unsigned size, struct trap *t);
/* Pushes n items of size (2 or 4) bytes; items[0] ends at the lowest address. */
bool stack_push(struct vcpu *v, struct stack *s, const uint32_t *items, unsigned n, unsigned size,
                struct trap *t);
/* Reads n items from skip bytes above the top; the top does not move. */
bool stack_peek(struct vcpu *v, const struct stack *s, unsigned skip, uint32_t *items, unsigned n,
                unsigned size, struct trap *t);

/* Reads SS:ESP for dpl from the TSS and prepares SS; tss_bytes is how much of the
 * 32-bit form must lie inside the TSS (CALL asks for 6, INT for 8). */
bool stack_inner(struct vcpu *v, unsigned dpl, uint32_t ext, unsigned tss_bytes, struct segment *ss,
                 uint32_t *esp, struct trap *t);

/* Commits a new CS:EIP; CPL follows. */
static inline void code_commit(struct vcpu *v, const struct descriptor *d, uint16_t sel,
                               unsigned cpl, uint32_t eip)
{
	segment_set(&v->seg[SREG_CS], (sel & ~SEL_RPL) | cpl, d);
	v->cpl = cpl;
	v->eip = eip;
}

#endif
