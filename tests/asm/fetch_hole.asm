; A jump into a hole: the fault is at the target.
; expect: trap=0e eip=20050123 error=0004 cr2=20050123 eax=20050123 flags=rf
%include "test.inc"
	mov eax, HOLE + 0x123
	jmp eax
