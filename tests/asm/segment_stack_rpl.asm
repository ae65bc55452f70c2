; SS with another RPL than CPL: #GP(selector).
; expect: trap=0d eip=+4 error=0028 eax=a0a00028 flags=rf
%include "test.inc"
	mov ax, 0x28
	mov ss, ax
