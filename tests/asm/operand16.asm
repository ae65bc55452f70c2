; 66: 16-bit operands keep the upper halves; immediates are short.
; expect: eax=0000006b ecx=c1c1fedd edx=d2d2fff8 edi=20000038 flags=pf|zf
; expect: m00000=aaaa1234,aaaa0234,d2d20000,aaaa0034,00000034,c1c10010,c1c10000,c1c10034
; expect: m00020=00000034,c1c11068,c1c11069,c1c1fedd,d2d2fff8,0000006b m01000=20009000,12341004
; expect: m1fefc=0034fefc
%include "test.inc"
	mov eax, 0xaaaa5555
	mov ax, 0x1234
	keep eax
	add ax, 0xf000
	keep eax
	cwd
	keep edx
	cbw
	keep eax
	cwde
	keep eax
	mov cx, [esi + 1]
	keep ecx
	add word [esi], 0x8000
	mov word [esi + 6], 0x1234
	movzx cx, ah
	keep ecx
	movsx cx, al
	keep ecx
	xchg ax, cx
	keep eax
	lea cx, [esi + eax * 2]
	keep ecx
	inc cx
	dec dx
	keep ecx
	push ax
	pop cx
	imul cx, dx, 0x123
	keep ecx
	shl dx, 3
	keep edx
	test dx, 0x8000
	bt dx, 15
	mov ax, fs
	keep eax
	db 0x66, 0x90
	o16 nop
	cmp al, al
