; BOUND: both ends are inside; beyond is #BR, EIP at it.
; expect: trap=05 eip=+34 eax=0000000b ecx=c1c1fffe flags=rf m01000=fffffffb,0000000a,0002fffe
%include "test.inc"
	mov dword [esi], -5
	mov dword [esi + 4], 10
	mov eax, -5
	bound eax, [esi]
	mov eax, 10
	bound eax, [esi]
	mov word [esi + 8], -2
	mov word [esi + 10], 2
	mov cx, -2
	bound cx, [esi + 8]
	mov eax, 11
	bound eax, [esi]
