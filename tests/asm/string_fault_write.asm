; A REP STOS into a read-only page: what lies before it is done.
; expect: trap=0e eip=+f error=0007 cr2=20060000 eax=5a5a5a5a ecx=00000005 edi=20060000 flags=rf
%include "test.inc"
	mov eax, 0x5a5a5a5a
	mov edi, READONLY
	mov ecx, 5
	rep stosd
