; A 16-bit address through the flat DS lies in the first 64 KiB.
; expect: trap=0e eip=+5 error=0004 cr2=00005688 ebx=12345678 flags=rf
%include "test.inc"
	mov ebx, 0x12345678
	mov eax, [bx + 0x10]
