; A read from a hole: SDM vol. 3, 6.15, "Interrupt 14".
; expect: trap=0e eip=+1 error=0004 cr2=20050010 eax=a0a0a0a1 flags=sf|rf
%include "test.inc"
	inc eax
	mov ecx, [HOLE + 0x10]
