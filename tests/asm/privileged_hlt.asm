; HLT in ring 3: #GP(0).
; expect: trap=0d eip=+0 error=0000 flags=rf
%include "test.inc"
	hlt
