; Expand-down: an offset at the limit is not good: #GP(0).
; expect: trap=0d eip=+6 error=0000 eax=a0a00017 flags=rf es=0017
%include "test.inc"
	mov ax, SEL_DOWN
	mov es, ax
	mov eax, [es:0x7ffe]
