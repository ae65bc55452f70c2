; F3 0F AE /0 with a register is RDFSBASE in 64-bit mode only: #UD.
; expect: trap=06 eip=+0 flags=rf
%include "test.inc"
	db 0xf3, 0x0f, 0xae, 0xc0
