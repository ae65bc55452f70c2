; A write through CS: #GP(0).
; expect: trap=0d eip=+3 error=0000 eax=20001000 flags=rf
%include "test.inc"
	mov eax, [cs:esi]
	mov [cs:esi], ecx
