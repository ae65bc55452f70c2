/* Entry to translated code, and the stubs that leave it.
 * Register conventions: src/translator/translator.h. */
#include "cpu/vcpu_asm.h"
#include "monitor/entry.h"

	.intel_syntax noprefix
	.text
	.globl monitor_enter, entry_window, entry_last, entry_window_end, entry_abort
	.globl stub_exit, stub_lookup, stub_lookup_end, stub_miss, stub_callout
	.globl stub_far, stub_ret_miss, stub_fault, stubs_end
	.type monitor_enter, @function

/* unsigned monitor_enter(struct vcpu *v, uint64_t host, uint32_t mask, uint32_t ac)
 *
 * The host predicts a RET by the calls before it. So that a callout is one call and one return to it,
 * who comes here has jumped (entry.h), goes on to host by RET, and is left by a jump. */
monitor_enter:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov r15, rdi
	mov r8, rsi
	mov [r15 + V_SCRATCH + 8 * CELL_MASK], rdx
	mov [r15 + V_SCRATCH + 8 * CELL_AC], rcx
	mov [r15 + V_HOST_RSP], rsp
enter:
	mov r14, [r15 + V_TAG]
	mov r13, [r15 + V_TABLE]
	mov rsp, [r15 + V_RET_SP]
/* A signal between the check and the jump goes to entry_abort: nothing of the
 * guest has changed. */
entry_window:
	test [r15 + V_PENDING], edx
	jnz entry_abort
	mov r9d, [r15 + V_FLAGS]
	lea r10d, [r9 + rcx]
	test r10d, ~(F_NATIVE & ~F_DF) /* of the others C has none */
	jz 1f
	lea r9d, [r10 + F_HOST]
	push r9
	popfq
	jmp 2f
/* POPF takes 20 cycles, this takes 5: 7Fh + OF overflows where OF is 1, and SAHF has the rest. */
1:	mov eax, r9d
	shl eax, 8
	shr r9d, F_OF_BIT
	add r9b, 0x7f
	sahf
2:	mov r9, [r15 + V_SCRATCH + 8 * CELL_R9]
	mov r10, [r15 + V_SCRATCH + 8 * CELL_R10]
	mov r11, [r15 + V_SCRATCH + 8 * CELL_R11]
	mov eax, [r15 + V_GPR]
	mov ecx, [r15 + V_GPR + 4]
	mov edx, [r15 + V_GPR + 8]
	mov ebx, [r15 + V_GPR + 12]
	mov r12d, [r15 + V_GPR + 16]
	mov ebp, [r15 + V_GPR + 20]
	mov esi, [r15 + V_GPR + 24]
	mov edi, [r15 + V_GPR + 28]
	push r8
entry_last:
	ret
entry_window_end:

entry_abort:
	mov eax, EXIT_PENDING
	mov r9d, 1 << F_AC_BIT /* it may have been loaded */
	jmp end_ac

/* r8d = EIP, r10w = CS: outside of protected mode, where its base follows.  Return predictions belong
 * to one space. */
stub_far:
	mov r11, rcx
	movzx r10d, r10w
	movzx r9d, r10b
	lea r9, [r9 + r9]
	mov rcx, [r15 + r9 * 8 + V_FAR_SLOT]
	lea rcx, [rcx + r10]
	mov r14, [r15 + V_FAR_KEY]
	lea rcx, [rcx + r14]
	jrcxz 1f
	mov ecx, r11d
	mov r11d, EXIT_FAR
	jmp save
1:	mov ecx, r11d
	mov r14, [r15 + r9 * 8 + V_FAR_SLOT + 8]
	mov [r15 + V_TAG], r14
	mov [r15 + V_CS_SELECTOR], r10w
	mov r9d, 4
	shlx r10d, r10d, r9d
	mov [r15 + V_CS_BASE], r10d
	mov rsp, [r15 + V_RET_TOP]
	jmp stub_lookup
/* The return stack ran out: its last word stays where it is. */
stub_ret_miss:
	lea rsp, [rsp - 8]
/* r8d = EIP; see shared.c for the branch table. */
stub_lookup:
	movzx r9d, r8w
	lea r9, [r9 + r9]
	mov r11, rcx
	mov rcx, [r13 + r9 * 8]
	lea r10, [r14 + r8]
	lea rcx, [rcx + r10]
	jrcxz 1f
	mov ecx, r11d
	jmp stub_miss
1:	mov ecx, r11d
	jmp [r13 + r9 * 8 + 8]
stub_lookup_end:

stub_callout:
	pop qword ptr [r15 + V_SCRATCH + 8 * CELL_RESUME]
	mov [r15 + V_SCRATCH + 8 * CELL_R11], r11
	mov r11d, EXIT_CALLOUT
	jmp save
stub_fault:
	mov r11d, EXIT_FAULT
	jmp save
stub_exit:
	mov r11d, EXIT_DIRECT
	jmp save
stub_miss:
	mov r11d, EXIT_MISS
save:
	mov [r15 + V_SCRATCH + 8 * CELL_R9], r9
	mov [r15 + V_SCRATCH + 8 * CELL_R10], r10
	mov [r15 + V_SCRATCH + 8 * CELL_R8], r8
	mov [r15 + V_GPR], eax
	mov [r15 + V_GPR + 4], ecx
	mov [r15 + V_GPR + 8], edx
	mov [r15 + V_GPR + 12], ebx
	mov [r15 + V_GPR + 16], r12d
	mov [r15 + V_GPR + 20], ebp
	mov [r15 + V_GPR + 24], esi
	mov [r15 + V_GPR + 28], edi
	pushfq
	pop r9
	mov eax, r9d
	and eax, F_NATIVE
	mov [r15 + V_FLAGS], eax
	mov [r15 + V_RET_SP], rsp
	mov eax, r11d
end_ac: /* C code need not be aligned. */
	bt r9d, F_AC_BIT
	jnc leave_to_c
	push F_HOST
	popfq
leave_to_c:
	mov rsp, [r15 + V_HOST_RSP]
	cld
	cmp eax, EXIT_CALLOUT
	jne to_dispatcher
	mov rdi, [r15 + V_SCRATCH + 8 * CELL_MONITOR]
	lea rsp, [rsp - 8] /* aligned, as C has it */
	call leaf_run
	lea rsp, [rsp + 8]
	test eax, eax
	jnz to_dispatcher
	mov r8, [r15 + V_SCRATCH + 8 * CELL_RESUME]
	mov rdx, [r15 + V_SCRATCH + 8 * CELL_MASK]
	mov rcx, [r15 + V_SCRATCH + 8 * CELL_AC]
	jmp enter
to_dispatcher:
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	pop rcx
	jmp rcx
stubs_end:
	.size monitor_enter, . - monitor_enter
	.section .note.GNU-stack, "", @progbits
