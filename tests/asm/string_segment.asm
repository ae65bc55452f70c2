; The source of a string operation takes an override, the destination does not;
; 16-bit addresses wrap at 64 KiB and leave the upper halves alone.
; expect: eax=9999002b ecx=ffff0000 esi=abcd000c edi=12340004
; expect: m00000=99999999,2000010c,20007f20,abcd000c,12348010,56780000,12340004
; expect: m00100=20001000,20001004,20001008 m08000=2000fffc,0000100c,2000010c,20007f20
; expect: m0fffc=9999fffc
%include "test.inc"
	mov edi, AREA + 0x100
	mov esi, 0x1000
	fs movsd
	mov ecx, 2
	fs rep movsd
	mov [AREA], esi
	mov [AREA + 4], edi
	mov esi, 0x20
	gs lodsd
	mov [AREA + 8], eax
	mov ax, SEL_BASED
	mov es, ax
	mov ds, ax
	mov esi, 0xabcdfffc
	mov edi, 0x12348000
	mov ecx, 0x56780004
	db 0x67
	rep movsd                   ; FFFC, then 0
	mov [12], esi
	mov [16], edi
	mov [20], ecx
	mov eax, 0x99999999
	mov edi, 0x1234fffe
	mov cx, 3
	db 0x67
	rep stosw
	mov [24], edi
	mov ecx, 0xffff0000         ; CX = 0: nothing
	db 0x67
	rep stosb
	mov ax, 0x2b
	mov es, ax
	mov ds, ax
