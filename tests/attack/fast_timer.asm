; A timer whose period no machine can serve: what runs beside it gets on.
%include "boot.inc"
_start:
	mov esp, stack_top
	mov eax, 1
	call setup
	sti
.loop:
	inc ecx
	test ecx, 0xffff
	jnz .loop
	SAY '.'
	jmp .loop
