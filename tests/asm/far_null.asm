; A far jump to the null selector: #GP(0).
; expect: trap=0d eip=+0 error=0000 flags=rf
%include "test.inc"
	jmp 0:CODE
