; FXSAVE to an address that is not aligned to 16: #GP(0).
; expect: trap=0d eip=+0 error=0000 flags=rf
%include "test.inc"
	fxsave [esi + 8]
