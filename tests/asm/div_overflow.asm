; A quotient that does not fit: #DE.
; undefined: cf|pf|af|zf|sf|of
; expect: trap=00 eip=+f eax=00000000 ecx=00000005 edx=00000005 flags=rf
%include "test.inc"
	mov edx, 5
	mov eax, 0
	mov ecx, 5
	div ecx
