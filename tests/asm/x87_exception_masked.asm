; FNCLEX takes a pending exception away; FNINIT too.
; expect: m01000=2000037b
%include "test.inc"
	mov word [esi], 0x037b
	fldcw [esi]
	fld1
	fldz
	fdivp
	fnclex
	wait
	fldz
	fdivp
	fninit
	wait
	times 8 fldz
	fninit
