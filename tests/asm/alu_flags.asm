; Every ALU operation on corner operands, with its flags. SDM vol. 2.
; expect: eax=00000001 ecx=00000001 ebx=00000000 edi=20000168
; expect: m00000=00000000,00000044,80000000,00000894,80000001,00000080,fffffffe,00000091
; expect: m00020=00000010,00000010,00000000,00000044,7fffffff,00000004,80000001,00000080
; expect: m00040=ffffffff,00000084,0000000f,00000004,00000001,00000000,80000001,00000890
; expect: m00060=80000002,00000080,ffffffff,00000095,00000011,00000014,ffffffff,00000095
; expect: m00080=7ffffffd,00000000,7ffffffe,00000810,ffffffff,00000095,0000000d,00000000
; expect: m000a0=00000000,00000044,00000001,00000000,00000000,00000044,ffffffff,00000084
; expect: m000c0=00000001,00000000,00000000,00000044,7ffffffe,00000000,7fffffff,00000814
; expect: m000e0=00000000,00000044,0000000e,00000000,00000000,00000044,7ffffffe,00000000
; expect: m00100=80000001,00000080,00000000,00000044,0000000e,00000000,00000000,00000044
; expect: m00120=7fffffff,00000000,80000000,00000814,ffffffff,00000044,0000000f,00000000
; expect: m00140=00000000,00000044,7fffffff,00000000,80000000,00000044,ffffffff,00000084
; expect: m00160=0000000f,00000000 m1fef8=00000000,00000000
%include "test.inc"
%macro alu 4 ; operation, left, right, defined flags
	mov eax, %2
	mov ecx, %3
	stc
	%1 eax, ecx
	keep eax
	keep_flags %4
%endmacro
%macro pairs 2
	alu %1, 0, 0, %2
	alu %1, 0x7fffffff, 1, %2
	alu %1, 0x80000000, 1, %2
	alu %1, 0xffffffff, 0xffffffff, %2
	alu %1, 0x0000000f, 0x00000001, %2
%endmacro
	pairs add, ALL
	pairs or, ALL & ~AF
	pairs adc, ALL
	pairs sbb, ALL
	pairs and, ALL & ~AF
	pairs sub, ALL
	pairs xor, ALL & ~AF
	pairs cmp, ALL
	pairs test, ALL & ~AF
	clean
	xor eax, eax
	add eax, 1
