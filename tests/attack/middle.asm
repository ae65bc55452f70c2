; After each tick: a delay of random length, an access that the VMM looks at first, and
; a loop that only the next tick leaves.
%define AFTER_TICK again
%include "boot.inc"
_start:
	mov esp, stack_top
	mov eax, 119
	call setup
	mov ax, SHORT_DATA
	mov fs, ax
again:
	mov esp, stack_top
	sti
	imul eax, [seed], 1103515245
	add eax, 12345
	mov [seed], eax
	shr eax, 14
	inc eax
.delay:
	dec eax
	jnz .delay
	mov eax, [fs:0]
	jmp $
section .data
seed:	dd 1
