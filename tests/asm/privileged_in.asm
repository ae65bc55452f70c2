; IN without IOPL and bitmap: #GP(0).
; expect: trap=0d eip=+0 error=0000 flags=rf
%include "test.inc"
	in al, 0x60
