; MUL, IMUL in all forms; DIV, IDIV with signs; CF and OF of the products.
; expect: eax=000000e1 ecx=000010fd edx=ffff1fff ebx=00000000 edi=20000058 flags=pf|zf
; expect: m00000=00000002,fffffffd,00000801,12347f80,12340080,00000801,ffff0000,ffffffff
; expect: m00020=00000801,00000000,00000801,00030000,00034000,00000801,12492492,51451440
; expect: m00040=fffffffd,ffffffff,12340029,1234000f,ffff1fff,000000e1 m1fef8=00000000,00000000
%include "test.inc"
	mov eax, 0xffffffff
	mov edx, 0xfffffffe
	mul edx
	keep eax
	keep edx
	keep_flags CF | OF
	mov eax, 0x12340080
	mov cl, 0xff
	mul cl
	keep eax
	imul cl
	keep eax
	keep_flags CF | OF
	mov eax, 0xffff8000
	mov dx, 2
	imul dx
	keep eax
	keep edx
	keep_flags CF | OF
	mov ecx, 0x10000
	imul ecx, ecx
	keep ecx
	keep_flags CF | OF
	imul ecx, eax, -3
	keep ecx
	imul cx, [esi], 0x1234
	keep ecx
	keep_flags CF | OF
	mov edx, 0x12345678
	mov eax, 0x9abcdef0
	mov ecx, 0xfedcba98
	div ecx
	keep eax
	keep edx
	mov eax, -7
	cdq
	mov ecx, 2
	idiv ecx
	keep eax
	keep edx
	mov eax, 0x1234ff85
	mov cl, -3
	idiv cl
	keep eax
	mov ax, 0xffff
	mov dx, 0x0001
	div word [esi + 2]
	keep eax
	keep edx
	mov eax, 0x00000e10
	mov ch, 0x10
	div ch
	keep eax
	clean
	mov ebx, 0
	cmp ebx, ebx
