; 8- and 16-bit arithmetic leaves the rest of the register alone.
; expect: eax=12340000 ecx=1234ff7f edx=00fffeff ebx=00000000 edi=20000048 flags=pf|zf
; expect: m00000=12345680,00000890,12348000,00000894,12340000,00000054,12340080,00000881
; expect: m00020=12340080,00000044,1234ff7f,00000044,00ffffff,00000095,00fffeff,00000081
; expect: m00040=00000045,00000095 m01000=20000000,ff001004 m1fef8=00000000,00000000
%include "test.inc"
	mov eax, 0x1234567f
	add al, 1
	keep eax
	keep_flags ALL
	mov eax, 0x12347fff
	add ax, 1
	keep eax
	keep_flags ALL
	mov eax, 0x1234ff00
	inc ah
	keep eax
	keep_flags ALL
	mov ecx, 0x12340080
	neg cl
	keep ecx
	keep_flags ALL
	neg ch
	keep ecx
	keep_flags ALL
	not cx
	keep ecx
	keep_flags ALL
	mov edx, 0x00ff0000
	stc
	sbb dx, 0
	keep edx
	keep_flags ALL
	dec dh
	keep edx
	keep_flags ALL
	add word [esi], 0xf000
	keep_flags ALL
	sub byte [esi + 7], 0x21
	keep_flags ALL
	clean
	cmp al, al
	mov ebx, 0
