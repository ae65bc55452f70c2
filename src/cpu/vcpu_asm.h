/* Offsets in struct vcpu for assembly, and flags; checked against C's in vcpu_asm.c. */
#ifndef UNRING_CPU_VCPU_ASM_H
#define UNRING_CPU_VCPU_ASM_H

#define V_GPR 0
#define V_FLAGS 36
#define V_PENDING 48
#define V_STUB 64
#define V_SCRATCH 96
#define V_HOST_RSP 160
#define V_RET_SP 168
#define V_TABLE 184
#define V_TAG 200
#define V_FAR_KEY 1184
#define V_RET_TOP 1192
#define V_FAR_SLOT 1200
#define V_CS_SELECTOR 540
#define V_CS_BASE 528

/* Flags: those of the guest's that are the host's too, the host's own, and AC. */
#define F_NATIVE 0xcd5
#define F_HOST 0x202
#define F_AC_BIT 18
#define F_DF 0x400
#define F_OF_BIT 11 /* the highest of those of the guest's */

#endif
