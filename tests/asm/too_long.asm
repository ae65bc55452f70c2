; An instruction of 15 bytes runs; one of 16 is #GP(0).
; expect: trap=0d eip=+f error=0000 flags=rf m00000=11223344
%include "test.inc"
	times 9 db 0x3e
	db 0xc7, 0x07
	dd 0x11223344
	times 10 db 0x3e
	db 0xc7, 0x07
	dd 0x55667788
