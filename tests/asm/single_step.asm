; TF: #DB after the instruction that follows POPF.
; expect: trap=01 eip=+a eax=a0a0a0a1 flags=sf|tf m1fefc=00000302
%include "test.inc"
	pushfd
	or dword [esp], 0x100
	popfd
	inc eax
	inc eax
