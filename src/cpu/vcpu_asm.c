#include "cpu/vcpu_asm.h"

#include "cpu/vcpu.h"

#define SAME(constant, field)                                                                      \
	_Static_assert(constant == offsetof(struct vcpu, field), #field " moved: mend vcpu_asm.h")
SAME(V_GPR, gpr);
SAME(V_FLAGS, flags);
SAME(V_PENDING, native.pending);
SAME(V_STUB, native.stub);
SAME(V_SCRATCH, native.scratch);
SAME(V_HOST_RSP, native.host_rsp);
SAME(V_RET_SP, native.ret_sp);
SAME(V_TAG, native.tag);
SAME(V_TABLE, native.table);
SAME(V_FAR_KEY, far.key);
SAME(V_RET_TOP, far.ret_top);
SAME(V_FAR_SLOT, far.slot);
SAME(V_CS_SELECTOR, seg[SREG_CS].selector);
SAME(V_CS_BASE, seg[SREG_CS].base);

_Static_assert(F_NATIVE == FLAGS_NATIVE && F_HOST == (FLAG_IF | FLAG_1) && 1 << F_AC_BIT == FLAG_AC,
               "mend vcpu_asm.h");
