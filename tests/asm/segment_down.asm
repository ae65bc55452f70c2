; Expand-down: offsets above the limit are good, up to 4 GiB with B set.
; expect: eax=2001fffc ebx=0001fffc es=0017 m00000=20008000
%include "test.inc"
	mov ax, SEL_DOWN
	mov es, ax
	mov eax, [es:0x8000]
	mov [edi], eax
	mov ebx, 0x1fffc
	mov eax, [es:ebx]
