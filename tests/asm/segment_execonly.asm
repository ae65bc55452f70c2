; An execute-only segment cannot be loaded into a data segment register.
; expect: trap=0d eip=+4 error=003c eax=a0a0003f flags=rf
%include "test.inc"
	mov ax, SEL_EXECONLY
	mov es, ax
