; LOCK on an instruction that only reads: #UD.
; expect: trap=06 eip=+0 flags=rf
%include "test.inc"
	db 0xf0, 0x3b, 0x06
