; A push below offset 0 of a 64 KiB stack segment: #SS(0).
; expect: trap=0c eip=+13 error=0000 eax=a0a00007 esp=00000002 flags=rf ss=0007
; expect: m10000=22220000,20011111
%include "test.inc"
	mov ax, SEL_STACK32
	mov ss, ax
	mov esp, 6
	push word 0x1111
	push word 0x2222
	push dword 0x33333333
