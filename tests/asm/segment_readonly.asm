; A write through a read-only segment: #GP(0); reads are good.
; expect: trap=0d eip=+c error=0000 eax=20001000 flags=rf es=002f
%include "test.inc"
	mov ax, SEL_RODATA
	mov es, ax
	mov eax, [es:0x1000]
	mov [es:0x1000], eax
