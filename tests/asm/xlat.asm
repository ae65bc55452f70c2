; XLAT: [EBX + AL], with a segment override, with a 16-bit address.
; expect: eax=12345677 ebx=abcd1000 edi=2000000c m00000=12345677,12345620,12345677 m010f0=20001077
%include "test.inc"
	mov ebx, esi
	mov byte [ebx + 0xf0], 0x77
	mov eax, 0x123456f0
	xlatb
	keep eax
	mov ebx, 0x1000
	fs xlatb
	keep eax
	mov ebx, 0xabcd1000
	mov al, 0xf0
	db 0x64, 0x67, 0xd7
	keep eax
