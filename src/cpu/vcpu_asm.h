/* Offsets in struct vcpu for assembly; checked against offsetof in vcpu_asm.c. */
#ifndef UNRING_CPU_VCPU_ASM_H
#define UNRING_CPU_VCPU_ASM_H

#define V_GPR 0
#define V_EIP 32
#define V_FLAGS 36
#define V_PENDING 48
#define V_STUB 96
#define V_SCRATCH 128
#define V_HOST_RSP 192
#define V_RET_SP 200
#define V_TABLE 216
#define V_TAG 360

#endif
