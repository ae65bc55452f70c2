; REPE CMPS: the fault leaves the flags as the last complete comparison.
; expect: trap=0e eip=+1c error=0004 cr2=20061000 ecx=00000003 esi=20061000 edi=20001008
; expect: flags=pf|zf|rf m01000=20060ff8,20060ffc
%include "test.inc"
	mov esi, READONLY + 0xff8
	mov edi, AREA + 0x1000
	mov dword [edi], READONLY + 0xff8
	mov dword [edi + 4], READONLY + 0xffc
	mov ecx, 5
	repe cmpsd
