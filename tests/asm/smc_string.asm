; REP STOS over code that has run, up to and past the instruction itself.
; expect: trap=0e eip=+3b error=0004 cr2=400302b3 eax=40030303 ecx=00000002 ebx=20000004
; expect: esp=2001fef8 edi=20040041 flags=pf|rf m00000=a0a0a0a0 m1fef8=2004000d,00000002
%include "test.inc"
	mov ebx, edi
	mov ecx, 3
again:
	push ecx
	call filled
	mov [ebx], eax
	add ebx, 4
	pop ecx
	push ecx
	mov eax, ecx
	imul eax, eax, 0x01010101
	and eax, 0x00ffffff
	or eax, 0x40000000          ; the fourth byte: INC EAX
	mov edi, filled
	mov al, 0xb0                ; mov al, n
	mov ecx, 2
	rep stosd
	pop ecx
	loop again
	jmp end
filled:
	times 8 nop
	ret
end:
	mov edi, AREA
	mov dword [esp - 4], 0
	mov dword [esp - 8], 0
	cmp eax, eax
