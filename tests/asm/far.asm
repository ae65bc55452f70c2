; Far jumps, calls, returns and IRET at one privilege level: to the flat code
; segment, and to one with base CODE.
; expect: eax=001f00d2 ebx=00000000 edi=20000028 flags=pf|zf
; expect: m00000=20040010,00000023,2001ff00,0000001f,0000005d,0789c88c,2004002a,00004444
; expect: m00020=00000801,001f00d2 m01000=2004008e,20000023
; expect: m1feec=00000080,0000001f,000000b7,00000000,00000000
%include "test.inc"
BASED equ SEL_CODE32
	jmp 0x23:one
	db 0x0f, 0x0b
one:
	call 0x23:two
	keep esp
	jmp BASED:three - CODE
back:
	mov dword [esi], four - CODE
	mov word [esi + 4], BASED
	call far [esi]
	keep eax
	mov dword [esi], five
	mov word [esi + 4], 0x23
	jmp far [esi]
	db 0x0f, 0x0b
two:
	mov eax, [esp]
	keep eax
	mov eax, [esp + 4]
	keep eax
	retf
three:                              ; EIP counts from CODE here
	mov eax, cs
	keep eax
	call next
next:
	pop eax
	keep eax
	mov eax, [cs:three - CODE]
	keep eax
	jmp 0x23:back
four:
	push 0x77
	push cs
	push six - CODE
	retf 4                      ; drops the 77h
six:
	mov eax, [esp]
	keep eax
	mov eax, 0x4444
	retf
five:
	pushfd
	or dword [esp], CF | OF
	push cs
	push seven
	iretd
	db 0x0f, 0x0b
seven:
	keep_flags ALL
	pushfd
	push BASED
	push eight - CODE
	iretd
eight:
	push dword 0x23
	push nine
	retf
nine:
	push word 0x202             ; the 16-bit forms
	push word BASED
	push word ten - CODE
	iretw
ten:
	call word BASED:eleven - CODE
	push dword 0x23
	push twelve
	retf
eleven:
	mov eax, [esp]
	keep eax
	o16 retf
twelve:
	clean
	cmp eax, eax
	mov ebx, 0
