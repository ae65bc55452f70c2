; A data segment of ring 0 cannot be loaded: #GP(selector).
; expect: trap=0d eip=+4 error=0018 eax=a0a00018 flags=rf
%include "test.inc"
	mov ax, 0x18
	mov ds, ax
