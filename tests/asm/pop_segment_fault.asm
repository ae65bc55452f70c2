; POP of a segment register reads its whole slot: here the last two bytes are missing.
; SDM vol. 2, POP: "copy a doubleword".
; expect: trap=0e error=0004 cr2=20020000 eip=+5 esp=2001fffe flags=rf
%include "test.inc"
	mov esp, 0x2001fffe
	pop fs
