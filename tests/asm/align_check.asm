; AC with CR0.AM: a misaligned access is #AC(0).
; expect: trap=11 eip=+e error=0000 eax=20001010 flags=rf|ac m1fefc=00040202
%include "test.inc"
	pushfd
	or dword [esp], 0x40000
	popfd
	mov eax, [esi]
	mov al, [esi + 1]
	mov eax, [esi + 1]
