; The same for SS: #SS(selector).
; expect: trap=0c eip=+4 error=0034 eax=a0a00037 flags=rf
%include "test.inc"
	mov ax, SEL_ABSENT
	mov ss, ax
