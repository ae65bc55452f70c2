; INTO with OF: #OF, EIP after it.
; expect: trap=04 eip=+8 eax=80000000 flags=pf|af|sf|of
%include "test.inc"
	mov eax, 0x7fffffff
	into
	inc eax
	into
