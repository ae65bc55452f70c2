/* x87 and SSE: traps before them, environments, WAIT. */
#include "translator/xlate.h"

/* FPU forms under CR0 and CR4.  SDM vol. 3, tables 2-2 and 9-2, 13.1. */
bool xl_fpu_trap(struct xlate *x)
{
	uint32_t mode = x->mode;
	switch (x->row->group) {
	case 'f':
		if (x->row->handler == H_wait) {
			if ((mode & (MODE_MP | MODE_TS)) != (MODE_MP | MODE_TS))
				return false;
		} else if (!(mode & (MODE_EM | MODE_TS))) {
			return false;
		}
		xl_trap(x, VEC_NM, false);
		return true;
	case 'm':
	case 's':
		if (mode & MODE_EM || (x->row->group == 's' && !(mode & MODE_OSFXSR))) {
			xl_trap(x, VEC_UD, false);
			return true;
		}
		if (mode & MODE_TS) {
			xl_trap(x, VEC_NM, false);
			return true;
		}
	}
	return false;
}

/* Stored environments name the guest's instruction, not ours: done in C. */
void x_x87_env(struct xlate *x)
{
	xl_ea_r10(x);
	xl_callout(x,
	           x->row->size == 'f'   ? CO_FXSAVE
	           : x->row->size == 's' ? CO_FNSAVE
	                                 : CO_FNSTENV,
	           x->i.opsize, xl_seg(x), 0);
}

void x_wait(struct xlate *x)
{
	emit8(&x->e, 0x9b);
}

/* Register forms: what the opcode map lists (SDM vol. 2, A.5). */
static bool x87_reg_exists(uint8_t op, uint8_t modrm)
{
	unsigned ext = modrm >> 3 & 7, rm = modrm & 7;
	switch (op) {
	case 0xd9:
		if (ext == 2)
			return rm == 0;
		if (ext == 4)
			return rm == 0 || rm == 1 || rm == 4 || rm == 5;
		return ext != 5 || rm != 7;
	case 0xda:
		return ext < 4 || (ext == 5 && rm == 1);
	case 0xdb:
		return ext != 4 || rm < 5;
	case 0xdd:
		return ext < 6;
	case 0xde:
		return ext != 3 || rm == 1;
	case 0xdf:
		return ext != 4 || rm == 0;
	}
	return true;
}

void x_x87_reg(struct xlate *x)
{
	uint8_t modrm = 0xc0 | x->i.reg << 3 | x->i.rm;
	if (!x87_reg_exists(x->i.opcode, modrm)) {
		xl_trap(x, VEC_UD, false);
		return;
	}
	emit8(&x->e, x->i.opcode);
	emit8(&x->e, modrm);
}
