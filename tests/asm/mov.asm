; A first sign of life: registers, memory, stack.
; expect: eax=12345678 ecx=20001004 edx=12345678 m00000=12345678 m1fefc=12345678
%include "test.inc"
	mov eax, 0x12345678
	mov [edi], eax
	push eax
	pop edx
	mov ecx, [esi + 4]
