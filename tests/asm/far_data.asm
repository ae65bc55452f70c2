; A far jump to a data segment: #GP(selector).
; expect: trap=0d eip=+0 error=0068 flags=rf
%include "test.inc"
	jmp SEL_BASED:0
