; A read through EBP beyond the limit: #SS(0), not #GP.
; expect: trap=0c eip=+e error=0000 eax=a0a00020 ebp=0000fffd flags=rf ss=0007
%include "test.inc"
	mov ax, SEL_STACK32
	mov ss, ax
	mov ebp, 0xfffd
	mov al, [ebp + 2]
	mov eax, [ebp]
