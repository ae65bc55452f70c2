; A far call pushes CS first: CR2 has its slot, not the frame's lowest.  SDM vol. 2, CALL.
; expect: trap=0e error=0006 cr2=2002fffc eip=+5 esp=20030000 flags=rf
%include "test.inc"
	mov esp, 0x20030000
	call 0x23:0x20040000
