/* Power-up state, and the state that boot protocols ask for. */
#include "cpu/descriptor.h"

/* SDM vol. 3, table 9-1.  The PAT and the MTRRs: 11.12.4 and 11.11.5. */
void cpu_reset(struct vcpu *v, const struct cpu_model *m)
{
	struct segment data = {.limit = 0xffff, .attr = SEG_P | SEG_S | SEG_WRITE | SEG_ACCESSED};

	v->model = m;
	v->flags_absent = (m->isa & ISA_486 ? 0 : FLAG_AC) | (m->isa & ISA_CPUID ? 0 : FLAG_ID);
	for (unsigned i = 0; i < 8; i++) {
		v->gpr[i] = 0;
		v->dr[i] = 0;
	}
	v->gpr[EDX] = m->signature;
	v->dr[6] = DR6_FIXED;
	v->dr[7] = DR7_FIXED;
	v->eip = 0xfff0;
	vcpu_eflags_set(v, 0);
	v->inhibit = 0;
	for (unsigned i = SREG_ES; i <= SREG_GS; i++)
		v->seg[i] = data;
	v->seg[SREG_CS].selector = 0xf000;
	v->seg[SREG_CS].base = 0xffff0000;
	v->seg[SREG_LDTR] = (struct segment){.limit = 0xffff, .attr = SEG_P | SYS_LDT};
	v->seg[SREG_TR] = (struct segment){.limit = 0xffff, .attr = SEG_P | SYS_TSS32_BUSY};
	v->cr0 = m->isa & ISA_486 ? CR0_CD | CR0_NW | CR0_ET : 0;
	v->cr2 = v->cr3 = v->cr4 = 0;
	v->efer = 0;
	v->gdtr = v->idtr = (struct table_reg){.limit = 0xffff};
	v->cpl = 0;
	v->delivering = false;
	for (unsigned i = 0; i < 4; i++)
		v->pdpte[i] = 0;

	v->sysenter_cs = v->sysenter_esp = v->sysenter_eip = 0;
	v->apic_base = m->edx1 & CPUID_APIC ? APIC_BASE_RESET : 0;
	v->pat = 0x0007040600070406;
	v->misc_enable = MISC_ENABLE_RESET;
	v->mtrr_def_type = 0;
	for (unsigned i = 0; i < sizeof(v->mtrr_fixed) / sizeof(v->mtrr_fixed[0]); i++)
		v->mtrr_fixed[i] = 0;
	for (unsigned i = 0; i < sizeof(v->mtrr_var) / sizeof(v->mtrr_var[0]); i++)
		v->mtrr_var[i] = 0;
	v->mcg_status = v->mcg_ctl = 0;
	for (unsigned i = 0; i < VCPU_MC_BANKS; i++)
		v->mc_ctl[i] = 0;
	v->bios_sign_id = 0;
	v->debugctl = 0;
}

void cpu_set_flat32(struct vcpu *v, uint32_t eip)
{
	for (unsigned i = SREG_ES; i <= SREG_GS; i++)
		v->seg[i] = (struct segment){
			.limit = 0xffffffff,
			.attr = SEG_P | SEG_S | SEG_WRITE | SEG_ACCESSED | SEG_DB | SEG_G,
			.selector = 0x18,
		};
	v->seg[SREG_CS].attr |= SEG_CODE;
	v->seg[SREG_CS].selector = 0x10;
	v->cr0 = CR0_PE | (v->model->isa & ISA_486 ? CR0_ET : 0);
	vcpu_eflags_set(v, 0);
	v->cpl = 0;
	v->eip = eip;
}
