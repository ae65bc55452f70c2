; UD2: #UD, EIP at it.
; expect: trap=06 eip=+1 eax=a0a0a0a1 flags=sf|rf
%include "test.inc"
	inc eax
	ud2
