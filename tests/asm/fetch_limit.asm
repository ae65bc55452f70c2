; Running off the limit of a code segment: #GP(0).
; expect: trap=0d eip=0000ffff error=0000 flags=rf cs=001f
%include "test.inc"
	mov byte [CODE + 0xfffe], 0x90
	mov byte [CODE + 0xffff], 0xb8      ; mov eax, ..
	jmp SEL_CODE32:0xfffe
