; The same downwards, by bytes, out of the area into the hole below it.
; expect: trap=0e eip=+d error=0006 cr2=1fffffff eax=a0a0a05a ecx=00000002 edi=1fffffff flags=df|rf
; expect: m00000=205a5a5a
%include "test.inc"
	mov al, 0x5a
	mov edi, AREA + 2
	mov ecx, 5
	std
	rep stosb
