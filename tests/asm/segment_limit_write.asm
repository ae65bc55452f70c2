; A write across the limit leaves nothing behind: #GP(0).
; expect: trap=0d eip=+5 error=0000 ebx=000000fe flags=rf
%include "test.inc"
	mov ebx, 0xfe
	add [gs:ebx], eax
