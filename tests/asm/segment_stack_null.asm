; SS = 0: #GP(0).
; expect: trap=0d eip=+2 error=0000 eax=00000000 flags=pf|zf|rf
%include "test.inc"
	xor eax, eax
	mov ss, ax
