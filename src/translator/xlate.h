/* The state of one translation, and what its handlers share.  Internal.  From the top down:
 *
 *   translate.c   the driver: one request, instruction by instruction
 *   x_modrm.c, x_stack.c, x_branch.c, x_string.c, x_system.c, x_fpu.c
 *                 the handlers, by kind as the monitor's co_*.c are
 *   operand.c     memory operands
 *   self.c        units that check themselves
 *   shared.c      callouts, exits, lookups, landing pads, the PC map
 *   known.c       what need not be looked at again
 *   address.c     where an instruction says that its operand is
 *   emit.c        host instructions
 *   table.c, decode.c   which row an instruction is */
#ifndef UNRING_TRANSLATOR_XLATE_H
#define UNRING_TRANSLATOR_XLATE_H

#include "translator/emit.h"
#include "translator/table.h"
#include "translator/translator.h"

enum {
	MAX_LOOKUPS = 16,
	XL_CHECKS = SITE_CHECK | SITE_REDIRECT, /* sites whose limits are checked in callouts */
	PADDING =
		16, /* int3 behind a unit: room to overwrite its last instruction (tcache_leave_after) */
	/* What one instruction adds at most: unit.translator_limits_test measures it. */
	INSN_HOST = 2048,
	INSN_EXITS = 3,
	INSN_PADS = 2,
	INSN_PC = 5,
	INSN_RELOCS = 40,
	/* The end of the fullest unit: an exit, int3, the lookups, the exits' stubs. */
	JUMP_HOST = 5,
	LOOKUP_HOST = 48,
	STUB_HOST = 10,
	/* Of a unit that checks itself: so many instructions, and what the checks take at most. */
	SELF_INSNS = 24,
	SELF_HOST = 4096,
	SELF_RELOCS = SELF_INSNS,
	END_HOST = JUMP_HOST + PADDING + MAX_LOOKUPS * LOOKUP_HOST + TU_MAX_EXITS * STUB_HOST,
};

/* Offsets from a register, from low up to below high, that lie in SS.  None: low == high. */
struct frame {
	int32_t low, high;
};

/* A look at the stack proves as many bytes below as well. */
enum { FRAME_BELOW = 112 };

/* Offsets from low up to below high from base + (index << scale), or from nothing, that lie in a
 * segment and may be read there, and written. */
struct reached {
	int seg; /* -1: it is none */
	bool write;
	uint8_t base, index, scale;
	int32_t low, high;
};
enum {
	REACHED = 2,
	AHEAD = 4, /* instructions that are looked at before their turn */
};

struct known {
	struct frame esp, ebp;
	int base; /* r9d is the base of this segment register; -1: of none */
	struct reached reached[REACHED];
	unsigned oldest; /* of them */
	int low;         /* r8d is the lowest offset of this one; -1: of none */
};

struct xlate {
	const struct tu_request *req;
	struct tu_code *out;
	struct emit e;
	uint32_t mode; /* mode bits */
	struct insn i;
	const struct row *row;
	uint32_t eip, next;       /* of this instruction, of the next */
	struct insn ahead[AHEAD]; /* what follows it, as far as that is asked for */
	unsigned n_ahead;
	uint8_t site;                  /* SITE_* */
	bool ended;                    /* no instruction follows in this unit */
	bool stored;                   /* the instruction may have stored to what follows */
	bool post;                     /* a redirected store wants its POST */
	bool shadow;                   /* no interrupt comes before the next instruction */
	uint16_t lookups[MAX_LOOKUPS]; /* rel32 of calls to an out-of-line lookup */
	unsigned n_lookups;
	struct known known;
};

/* A cell of struct vcpu. */
#define VCPU(field) mem_host(R15, (int32_t)offsetof(struct vcpu, field))
static inline struct memop vcpu_selector(unsigned s)
{
	return mem_host(R15, (int32_t)(offsetof(struct vcpu, seg) + s * sizeof(struct segment) +
	                               offsetof(struct segment, selector)));
}
static inline struct memop vcpu_base(unsigned s)
{
	return mem_host(R15, (int32_t)(offsetof(struct vcpu, seg) + s * sizeof(struct segment) +
	                               offsetof(struct segment, base)));
}

/* The host register of a guest general register. */
static inline uint8_t host_gpr(unsigned g)
{
	return g == ESP ? R12 : (uint8_t)g;
}

/* --- shared.c --- */
void xl_pc(struct xlate *x, enum tu_undo undo);
/* A callout; r10 holds its operand.  Code after it runs when it resumes; r8 is lost, r9 is
 * what it gives, r10 and r11 survive.  The unit ends if the callout's row says so: who emits it
 * on one of two paths has to take that back. */
void xl_callout(struct xlate *x, enum callout c, unsigned size, unsigned seg, unsigned arg);
void xl_trap(struct xlate *x, enum vector v, bool error);
/* The last bytes emitted are a constant that moves with EIP. */
void xl_reloc(struct xlate *x, enum tu_reloc_kind kind);
/* r8d = an EIP. */
void xl_mov_eip(struct xlate *x, uint32_t eip);
/* One rel32 at the end of what has been emitted is a direct exit. */
void xl_exit_rel32(struct xlate *x, uint32_t target);
void xl_exit_jmp(struct xlate *x, uint32_t target);
/* Indirect branch: r8d = EIP. */
void xl_lookup(struct xlate *x);
/* After a host call: checks that the return is to eip. */
void xl_pad(struct xlate *x, uint32_t eip);
/* Leaves if something is pending, with eip = next. */
void xl_pending(struct xlate *x, bool shadow);
/* Does the instruction by a callout if v->native.look says so; no more than the unit's end may follow
 * what is emitted behind it. */
void xl_look(struct xlate *x, enum callout c, unsigned size, unsigned arg);
/* Through v->native.stub[]: a jump or a call. */
void xl_jump_stub(struct xlate *x, enum stub s, bool call);
/* The callout alone, for what happens at eip. */
void xl_callout_at(struct xlate *x, uint32_t eip, uint32_t packed);
/* The code of a lookup, r8d = EIP. */
void xl_lookup_code(struct xlate *x);

/* --- self.c --- */
/* Leaves unless the guest's bytes [from, to) of the unit, but for live ones, are what they were. */
void xl_self_check(struct xlate *x, unsigned from, unsigned to);
/* Is the immediate one that keeps changing, so that the unit is to load it as it runs? */
bool xl_imm_is_live(struct xlate *x);
/* r (not r9) = that immediate, zero-extended, or sign-extended from a byte.  Uses r9. */
void xl_load_imm(struct xlate *x, uint8_t r, bool sign);

/* --- x_stack.c --- */
/* r11d = FLAGS as PUSHF stores it.  Uses r10. */
void xl_flags_image(struct xlate *x);
/* What changes of the virtual flags in FLAGS, r11d: ZF if nothing.  Uses r9; the flags are lost. */
void xl_flags_compare(struct xlate *x, unsigned size);
/* FLAGS = r11d, where nothing else than native flags and IF is other there.  Uses r9. */
void xl_flags_load(struct xlate *x);

/* --- address.c --- */
/* The offset of an explicit memory operand whose address has 32 bits, as a host address expression;
 * esp_bias is added where ESP is the base. */
struct memop xl_ea32(const struct insn *i, int32_t esp_bias);

/* --- operand.c --- */
/* The segment of the explicit memory operand. */
enum sreg xl_seg(const struct xlate *x);
/* The offset of the explicit memory operand as a host address expression (uses r8 with
 * 16-bit addressing); esp_bias is added where ESP is the base. */
struct memop xl_ea(struct xlate *x, int32_t esp_bias);
/* r10d = that offset. */
void xl_ea_r10(struct xlate *x);
/* Faults, behind the ruler (cpu/vcpu.h), unless the segment permits the access; the operand's
 * offset afterwards.  One that wraps at 4 GiB may fault in vain: a callout decides then.  Uses r8
 * to r10. */
struct memop xl_check(struct xlate *x, struct memop ea, enum sreg seg, unsigned size, bool store);
/* The operand itself, ready to be accessed: segment, limits, sites. Uses r8 to r10. */
struct memop xl_mem(struct xlate *x, struct memop ea, enum sreg seg, unsigned size, char access);
struct memop xl_operand(struct xlate *x);
/* To be called after the instruction that uses a memory operand. */
void xl_post(struct xlate *x);
/* Emits enc, borrowing a legacy register if AH..BH meet REX. */
void xl_emit(struct xlate *x, struct enc *enc, bool byte_reg);
/* r = zero-extended word from the r/m operand. */
void xl_load_rm16(struct xlate *x, uint8_t r);
/* r = the r/m operand of the operand size. */
void xl_load_rm(struct xlate *x, uint8_t r);

/* Does a load of a segment register change its selector and base alone, here?  Not where
 * instructions run alone: the monitor then looks at what they did. */
bool xl_loads_inline(const struct xlate *x);
/* That load, of what is in r10w.  Uses r8. */
void xl_segment_load(struct xlate *x, enum sreg s);

/* A stack slot at base + off (base: R12 or RBP). Uses r8 to r10. */
struct memop xl_stack(struct xlate *x, uint8_t base, int32_t off, unsigned size, char access);
/* ESP += by (SP with a 16-bit stack). */
void xl_stack_adjust(struct xlate *x, int32_t by);
/* Pushes a host register (not r8 to r10). */
void xl_push(struct xlate *x, uint8_t src, unsigned size);
void xl_push_imm(struct xlate *x, uint32_t imm, unsigned size);
/* The same of an EIP or IP. */
void xl_push_eip(struct xlate *x, uint32_t eip, unsigned size);
/* dst = a slot of 4 bytes, or of 2, zero-extended. */
void xl_load_slot(struct emit *e, uint8_t dst, struct memop m, unsigned size);

/* --- known.c --- */
void known_forget(struct xlate *x);
/* ESP += by, of a stack of 32 bits. */
void known_esp_moves(struct xlate *x, int32_t by);
/* Is it an operand on the stack whose limit may be known? */
bool known_is_frame(struct xlate *x, const struct memop *ea, enum sreg seg);
/* Of such an operand: is it known to lie in SS?  It has been looked at, with FRAME_BELOW. */
bool known_reached(struct xlate *x, const struct memop *ea, unsigned size);
void known_reach(struct xlate *x, const struct memop *ea, unsigned size);
/* Is it one whose reach may be known?  By ESP, and where an instruction loops, it is not. */
bool known_is_sum(const struct xlate *x, const struct memop *ea, enum sreg seg);
/* What covers such an operand; NULL: nothing is known to. */
struct reached *known_sum(struct xlate *x, const struct memop *ea, enum sreg seg, unsigned size,
                          bool store);
/* It has been looked at, or will be: so far, and as far as the instructions behind it reach. */
struct reached *known_reach_sum(struct xlate *x, const struct memop *ea, enum sreg seg,
                                unsigned size, bool store);
/* r8d is another value now. */
void known_r8(struct xlate *x);
/* The guest's instruction has been translated. */
void known_after(struct xlate *x);

/* --- x_fpu.c --- */
/* The trap that an x87, MMX or SSE instruction raises by CR0 and CR4, if any: true. */
bool xl_fpu_trap(struct xlate *x);

typedef void xl_handler(struct xlate *x);
#define H(name) xl_handler x_##name;
HANDLERS(H)
#undef H

#endif
