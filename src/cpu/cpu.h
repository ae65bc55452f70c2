/* Architectural operations on a vCPU: what the monitor's callouts are made of.
 *
 * Every operation either completes, or returns false with *t filled and leaves
 * the vCPU's registers as they were (what the manual lets a faulting task
 * switch commit is the one exception).  v->eip is the address of the current
 * instruction on entry; operations that transfer control set it, others leave
 * it for the caller to advance.  Nothing here calls libc or touches the FPU. */
#ifndef UNRING_CPU_CPU_H
#define UNRING_CPU_CPU_H

#include "cpu/trap.h"
#include "cpu/vcpu.h"

/* DR6 and DR7.  SDM vol. 3, 17.2. */
enum {
	DR6_B0 = 1 << 0, /* B1 to B3 follow */
	DR6_BD = 1 << 13,
	DR6_BS = 1 << 14,
	DR6_BT = 1 << 15,
	DR6_FIXED = (int)0xffff0ff0,
	DR7_L0 = 1 << 0,   /* G0, L1, G1, ... follow */
	DR7_LOCAL = 0x155, /* L0 to L3 and LE: off after a task switch */
	DR7_ENABLE = 0xff, /* L0 to G3 */
	DR7_GD = 1 << 13,
	DR7_FIXED = 1 << 10,
};

/* Power-up values with this model.  SDM vol. 3, table 9-1. */
void cpu_reset(struct vcpu *v, const struct cpu_model *m);

/* Protected mode, flat 32-bit segments, paging off, interrupts off: what boot
 * protocols hand over.  Selectors CS 10h, the others 18h; a GDT is the guest's affair. */
void cpu_set_flat32(struct vcpu *v, uint32_t eip);

/* MOV/POP/LDS to a data segment or SS register (ES, SS, DS, FS, GS).
 * SDM vol. 2, MOV; sets the accessed bit. */
bool cpu_seg_load(struct vcpu *v, enum sreg s, uint16_t sel, struct trap *t);
/* The same for POP: the selector has been read, ESP is moved. */
bool cpu_seg_pop(struct vcpu *v, enum sreg s, uint16_t sel, unsigned opsize, struct trap *t);
bool cpu_lldt(struct vcpu *v, uint16_t sel, struct trap *t);
bool cpu_ltr(struct vcpu *v, uint16_t sel, struct trap *t);

/* LAR, LSL, VERR, VERW: true when the selector is visible (ZF = 1), with *out
 * for LAR and LSL; *faulted when a descriptor read page-faulted. */
bool cpu_lar(struct vcpu *v, uint16_t sel, uint32_t *out, bool *faulted, struct trap *t);
bool cpu_lsl(struct vcpu *v, uint16_t sel, uint32_t *out, bool *faulted, struct trap *t);
bool cpu_verr(struct vcpu *v, uint16_t sel, bool *faulted, struct trap *t);
bool cpu_verw(struct vcpu *v, uint16_t sel, bool *faulted, struct trap *t);

/* Far transfers.  opsize is 2 or 4; next is the EIP after the instruction. */
bool cpu_far_jump(struct vcpu *v, uint16_t sel, uint32_t off, unsigned opsize, uint32_t next,
                  struct trap *t);
bool cpu_far_call(struct vcpu *v, uint16_t sel, uint32_t off, unsigned opsize, uint32_t next,
                  struct trap *t);
bool cpu_far_return(struct vcpu *v, unsigned opsize, unsigned pop_bytes, struct trap *t);
bool cpu_iret(struct vcpu *v, unsigned opsize, uint32_t next, struct trap *t);

enum intr_kind {
	INTR_EXTERNAL,  /* INTR or NMI: EXT = 1 */
	INTR_SOFTWARE,  /* INT3, INTO: gate DPL is checked */
	INTR_INT_N,     /* INT n, which virtual-8086 mode treats apart */
	INTR_EXCEPTION, /* a fault or trap of the processor's: EXT = 1 */
};

/* One delivery through the IDT; v->eip is the address to return to.  A fault of the
 * delivery is *t; error codes get EXT unless the interrupt is a software one. */
bool cpu_interrupt(struct vcpu *v, enum intr_kind kind, uint8_t vector, bool has_error,
                   uint32_t error, struct trap *t);

/* Delivers an exception with the double-fault rules of SDM vol. 3, 6.15, table 6-5.
 * Sets CR2 for #PF; DR6 for #DB, and clears DR7.GD.  False on a triple fault (shutdown).
 * A guest may let each delivery raise another, for ever: then v->delivering is set after
 * some of them, and v->exception is to be delivered before anything else happens. */
bool cpu_exception(struct vcpu *v, const struct trap *t);
/* The same for external interrupts and software ones (of either kind); false on a triple fault.
 * Software: eip is at the instruction for faults, next is what is pushed. */
bool cpu_external(struct vcpu *v, uint8_t vector);
bool cpu_software(struct vcpu *v, enum intr_kind kind, uint8_t vector, uint32_t next);

bool cpu_sysenter(struct vcpu *v, struct trap *t);
bool cpu_sysexit(struct vcpu *v, struct trap *t);

/* MOV to CR0, CR2, CR3, CR4; LMSW; CLTS.  Privilege (CPL 0) is checked here. */
bool cpu_cr_write(struct vcpu *v, unsigned n, uint32_t value, struct trap *t);
bool cpu_cr_read(struct vcpu *v, unsigned n, uint32_t *value, struct trap *t);
bool cpu_lmsw(struct vcpu *v, uint16_t value, struct trap *t);
bool cpu_clts(struct vcpu *v, struct trap *t);
bool cpu_dr_write(struct vcpu *v, unsigned n, uint32_t value, struct trap *t);
bool cpu_dr_read(struct vcpu *v, unsigned n, uint32_t *value, struct trap *t);

/* Bits of DR6 to report for a data access of size bytes (0: no hit). */
uint32_t cpu_dr_match(const struct vcpu *v, gla_t a, unsigned size, bool write);
/* What breakpoint n is set to: false when it is off, or for ports where CR4.DE is clear. */
enum dr_kind { DR_EXECUTE, DR_STORE, DR_IO, DR_ACCESS };
bool cpu_dr_get(const struct vcpu *v, unsigned n, enum dr_kind *kind, uint32_t *at, uint32_t *len);
uint32_t cpu_dr_match_code(const struct vcpu *v, gla_t a);
uint32_t cpu_dr_match_io(const struct vcpu *v, uint16_t port, unsigned size);

/* RDMSR, WRMSR; tsc is the guest's TSC now.  A write of IA32_TIME_STAMP_COUNTER
 * adjusts v->native.tsc_minus.  #GP for an MSR that the model lacks. */
bool cpu_rdmsr(struct vcpu *v, uint32_t msr, uint64_t tsc, uint64_t *value, struct trap *t);
bool cpu_wrmsr(struct vcpu *v, uint32_t msr, uint64_t tsc, uint64_t value, struct trap *t);
/* RDPMC: the models have no performance counters, so that each index is #GP(0). */
bool cpu_rdpmc(struct vcpu *v, uint32_t index, struct trap *t);

/* CPUID by the model, with OS-dependent bits from CR4; out is EAX EBX ECX EDX. */
void cpu_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* May port..port+size-1 be accessed?  IOPL, then the TSS's bitmap; #GP(0) if not. */
bool cpu_io_check(struct vcpu *v, uint16_t port, unsigned size, struct trap *t);

/* PUSHF and POPF with their stack, CLI and STI: #GP(0) in virtual-8086 mode below IOPL 3, and of CLI
 * and STI above IOPL, but for what CR4.VME and CR4.PVI make of VIF.  SDM vol. 2, table 3-7. */
bool cpu_pushf(struct vcpu *v, unsigned opsize, struct trap *t);
bool cpu_popf(struct vcpu *v, unsigned opsize, struct trap *t);
bool cpu_cli(struct vcpu *v, struct trap *t);
bool cpu_sti(struct vcpu *v, struct trap *t);

/* Decimal arithmetic on AL or AX, and the flags; AAM raises #DE of base 0. */
void cpu_aaa(struct vcpu *v);
void cpu_aas(struct vcpu *v);
void cpu_daa(struct vcpu *v);
void cpu_das(struct vcpu *v);
bool cpu_aam(struct vcpu *v, uint8_t base, struct trap *t);
void cpu_aad(struct vcpu *v, uint8_t base);

/* BOUND: #BR unless the index, of size bytes, is within the pair at s:off. */
bool cpu_bound(struct vcpu *v, uint32_t index, enum sreg s, uint32_t off, unsigned size,
               struct trap *t);
/* ARPL, in protected mode alone (#UD): src is the register's value. */
bool cpu_arpl_register(struct vcpu *v, enum gpr dst, uint16_t src, struct trap *t);
bool cpu_arpl_memory(struct vcpu *v, enum sreg s, uint32_t off, uint16_t src, struct trap *t);
/* ENTER with a frame of so many bytes.  What a fault has pushed stays in memory below ESP. */
bool cpu_enter(struct vcpu *v, unsigned opsize, unsigned level, uint16_t bytes, struct trap *t);

/* The table registers, by the six bytes at s:off.  Privilege is the caller's to check. */
bool cpu_lgdt(struct vcpu *v, enum sreg s, uint32_t off, unsigned opsize, struct trap *t);
bool cpu_lidt(struct vcpu *v, enum sreg s, uint32_t off, unsigned opsize, struct trap *t);
bool cpu_sgdt(struct vcpu *v, enum sreg s, uint32_t off, struct trap *t);
bool cpu_sidt(struct vcpu *v, enum sreg s, uint32_t off, struct trap *t);

/* The privileged instructions that only need CPL 0: #GP(0) otherwise. */
bool cpu_need_cpl0(const struct vcpu *v, struct trap *t);

/* Does the access [off, off+size) in segment s pass type and limit?
 * #SS(0) for SS, #GP(0) for the others. */
bool cpu_seg_check(const struct vcpu *v, enum sreg s, uint32_t off, unsigned size, bool write,
                   struct trap *t);

#endif
