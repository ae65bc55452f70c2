; MOVS reads before it looks at where it writes: here beyond the limit of ES.
; initial: es=73
; expect: trap=0e eip=+a error=0004 cr2=20050000 esi=20050000 edi=00000100 flags=rf
%include "test.inc"
	mov esi, HOLE
	mov edi, 0x100
	movsd
