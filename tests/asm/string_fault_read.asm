; A REP MOVS that runs off its source: registers stand at the element that failed.
; expect: trap=0e eip=+a error=0004 cr2=20061000 ecx=00000003 esi=20061000 edi=20000008 flags=rf
; expect: m00000=20060ff8,20060ffc
%include "test.inc"
	mov esi, READONLY + 0xff8
	mov ecx, 5
	rep movsd
