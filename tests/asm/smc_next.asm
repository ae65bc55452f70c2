; An instruction that rewrites the very next one.
; expect: eax=a0a0a002 ecx=00000000 edx=00000001 edi=2000000c flags=sf
; expect: m00000=00000003,00000002,00000001
%include "test.inc"
	mov ecx, 3
again:
	mov byte [patch + 1], cl
	db 0x90
patch:
	mov al, 0x55
	movzx edx, al
	keep edx
	loop again
	mov byte [later], 0x90
later:
	db 0xcc
	inc eax
