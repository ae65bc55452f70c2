; Each delivery of #AC raises #AC: gates to a ring 3 segment, at ring 3, on a stack that
; is misaligned where alignment is checked.
%include "boot.inc"
_start:
	mov esp, stack_top
	mov eax, 0
	call setup
	GATE 6, USER_CODE, $, 0xee00
	GATE 17, USER_CODE, $, 0xee00
	mov eax, cr0
	or eax, 0x40000
	mov cr0, eax
	SAY '.'
	push dword USER_DATA
	push dword user_stack + 1
	push dword 0x40002
	push dword USER_CODE
	push dword .user
	iret
.user:
	ud2
