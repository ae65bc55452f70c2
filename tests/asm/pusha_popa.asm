; PUSHA stores the ESP before it; POPA throws that one away. Both widths.
; expect: eax=11111111 ecx=00020002 edx=00030003 ebx=00040004 edi=20000004 flags=pf m00000=2001ff00
; expect: m1fed0=11110000,fee0b6c6,00030004,00010002,20000000,20001000,b5b5b5b5,2001ff00
; expect: m1fef0=00040004,00030003,00020002,11111111
%include "test.inc"
	mov eax, 0x10001
	mov ecx, 0x20002
	mov edx, 0x30003
	mov ebx, 0x40004
	pushad
	pushaw
	add dword [esp + 2], 0x1110111
	popaw
	keep esp
	add dword [esp + 28], 0x11101110
	popad
	keep esp
