; LEA of a register: #UD.
; expect: trap=06 eip=+0 flags=rf
%include "test.inc"
	db 0x8d, 0xc1
