; 16-bit code: operand and address sizes are 16 by default, 66 and 67 widen them.
; expect: eax=2001fefe ecx=0000222c edx=11111222 ebx=11110068 esp=2001fefe ebp=b5b51004 esi=2000222c
; expect: edi=20001008 flags=pf|zf gs=006b m01000=12340003 m01010=20001000
; expect: m1feec=1008feec,1004222c,0068fefe,222c1222,1222006b
%include "test.inc"
	mov eax, 0x11112222
	mov ebx, 0x99991000
	mov ecx, 0x12340003
	jmp SEL_CODE16:sixteen - CODE
BITS 16
sixteen:
	add ax, 0xf000
	mov edx, eax
	mov bp, [fs:bx + 4]
	mov edi, [fs:bx + 8]
	mov [dword esi], ecx
	mov [dword esi + ecx + 0x10 - 0x12340003], bx
	inc bx
	push ax
	push eax
	push word 7
	pop si
	pop ebx
	call .next
.next:
	pop ax
	call .leaf
	mov eax, esp
	xor cx, cx
	mov cx, 5
.again:
	dec bx
	loop .again
	jcxz .on
	ud2
.on:
	lea si, [bx + di + 7]
	movzx ecx, si
	cmp ax, ax
	jz .near
	ud2
.leaf:
	ret
.near:
	mov bx, .table - CODE
	jmp [cs:bx]
.table:
	dw .on2 - CODE
.on2:
	pusha
	popa
	push fs
	pop gs
	jmp dword 0x23:thirtytwo
BITS 32
thirtytwo:
	cmp edi, edi
