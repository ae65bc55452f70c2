; LOCK on a register form: #UD.
; expect: trap=06 eip=+0 flags=rf
%include "test.inc"
	db 0xf0, 0x01, 0xc8
