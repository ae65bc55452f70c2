; Redundant and meaningless prefixes; the last segment override counts.
; expect: eax=40002000 ecx=00000000 esi=20001004 edi=20000100 flags=pf
; expect: m00000=a0a01234,20001000,20001000,40002000,20001000
%include "test.inc"
	db 0x66, 0x66, 0xb8, 0x34, 0x12         ; mov ax, 1234h
	keep eax
	db 0x65, 0x64, 0x8b, 0x0d
	dd 0x1000                               ; mov ecx, fs:[1000h]
	keep ecx
	db 0xf3, 0x89, 0xc8                     ; rep mov eax, ecx
	keep eax
	db 0xf2, 0x01, 0xc8                     ; repne add eax, ecx
	keep eax
	db 0x2e, 0x90
	db 0x3e, 0x74, 0x00                     ; a branch hint
	db 0xf3, 0x90                           ; pause
	mov ecx, 2
	db 0x66, 0xf3, 0xa5                     ; the order does not matter
	mov edi, AREA + 0x100
