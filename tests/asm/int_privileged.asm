; INT n through a gate of ring 0: #GP(8n + 2).
; expect: trap=0d eip=+0 error=0072 flags=rf
%include "test.inc"
	int 0x0e
