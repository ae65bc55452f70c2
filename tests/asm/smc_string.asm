; REP STOS over code that has run, up to and past the instruction itself.
; expect: eax=409001b0 ecx=00000000 ebx=2000000c flags=pf|zf m00000=a0a0a0a0,40900304,40900203
; expect: m1fef8=00000000,00000000
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
	mov eax, 0x409000b0         ; mov al, n; nop; inc eax
	mov ah, cl
	mov edi, filled
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
