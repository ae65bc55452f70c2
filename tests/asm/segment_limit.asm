; Limits by the byte: the last dword of GS can be read, the one across its end not.
; expect: trap=0d eip=+e error=0000 eax=20007ffc flags=rf m07ffc=55007ffc
%include "test.inc"
	mov eax, [gs:0xfc]
	mov byte [gs:0xff], 0x55
	mov ecx, [gs:0xfd]
