; CD 03: #BP, EIP after it.
; expect: eip=+2
%include "test.inc"
	db 0xcd, 0x03
