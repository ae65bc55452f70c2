; A read through the null selector: #GP(0).
; expect: trap=0d eip=+4 error=0000 eax=00000000 flags=pf|zf|rf es=0000
%include "test.inc"
	xor eax, eax
	mov es, ax
	mov eax, [es:esi]
