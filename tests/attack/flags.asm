; PUSHF all the time, in a loop that is left by RET alone: most ticks come while an image
; of the flags is on the VMM's return stack.
%include "boot.inc"
_start:
	mov esp, stack_top
	mov eax, 2000
	call setup
%ifdef USER
	push dword USER_DATA
	push dword user_stack
	push dword 0x202
	push dword USER_CODE
	push dword loop
	iret
%else
	sti
%endif
loop:
	call flags
	jmp loop
flags:
%rep 30
	pushfd
	pop eax
%endrep
	ret
