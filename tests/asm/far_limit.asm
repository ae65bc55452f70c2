; A far jump beyond the limit of its segment: #GP(0), nothing has changed.
; expect: trap=0d eip=+0 error=0000 flags=rf
%include "test.inc"
	jmp SEL_CODE32:0x10000
