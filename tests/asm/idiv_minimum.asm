; -80000000h / -1: #DE; the operand is in memory.
; undefined: cf|pf|af|zf|sf|of
; expect: trap=00 eip=+c eax=80000000 edx=ffffffff flags=rf m01000=ffffffff
%include "test.inc"
	mov eax, 0x80000000
	cdq
	mov dword [esi], -1
	idiv dword [esi]
