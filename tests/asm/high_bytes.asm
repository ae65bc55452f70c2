; AH, CH, DH, BH with ESP-based, indexed and displaced memory operands.
; expect: eax=112248da ecx=55662902 edx=99aa21cc ebx=ddee8800 esp=2001fec0 ebp=ffff0020 esi=00000003
; expect: edi=20000020 flags=pf|zf
; expect: m00000=000000cc,fffffffe,ffff0020,1122ccdc,1122da48,55662988,99aa21cc,ddee0200
; expect: m1fec0=bb01fe33,20017762 m1fed0=2001febc,2001feff m1fee0=2001fe01,7e01fee4
%include "test.inc"
	mov eax, 0x11223344
	mov ecx, 0x55667788
	mov edx, 0x99aabbcc
	mov ebx, 0xddeeff00
	sub esp, 64
	mov [esp], ah
	mov [esp + 5], ch
	mov [esp + 0x10], dh
	mov [esp + 0x14], bh
	add ah, [esp]
	xor ch, [esp + 5]
	sub [esp + 0x10], bh
	mov esi, 3
	mov ah, [esp + esi * 4]
	xchg [esp + esi], dh
	adc bh, [esp + esi * 8 + 1]
	movzx ebp, ah
	keep ebp
	movsx ebp, bh
	keep ebp
	movzx bp, dh
	keep ebp
	xadd [esp + 0x18], ch
	cmpxchg [esp + 0x1c], bh
	keep eax
	test [esp], ch
	setc ah
	setnz [esp + 0x20]
	shl ah, 1
	rcr byte [esp + 4], 1
	mov ah, bh
	add ch, ah
	mul ah
	keep eax
	inc dh
	neg bh
	not ch
	mov byte [esp + esi * 2 + 0x21], 0x7e
	keep ecx
	keep edx
	keep ebx
	xchg ah, al
	xchg bh, cl
	cmp ah, [esp + 0x40]
	cmp al, al
