; 66 with a near branch cuts EIP to 16 bits.
; expect: trap=0e eip=0000123a error=0004 cr2=0000123a flags=cf|rf
%include "test.inc"
	stc
	db 0x66, 0x0f, 0x82, 0x34, 0x12
