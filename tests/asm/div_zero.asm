; DIV by zero: #DE with everything as it was.
; undefined: cf|pf|af|zf|sf|of
; expect: trap=00 eip=+7 eax=00000005 ecx=00000000 flags=pf|zf|rf
%include "test.inc"
	xor ecx, ecx
	mov eax, 5
	div ecx
