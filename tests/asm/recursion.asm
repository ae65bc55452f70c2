; A recursion deeper than any return stack, and returns past their callers.
; expect: eax=00001a6d ecx=00000000 flags=pf|zf m00000=00013ad8,00001a6d,2001ff00 m01000=2001ff00
%include "test.inc"
	mov ecx, 400
	xor eax, eax
	call down
	keep eax
	mov ecx, 20
	call fibonacci
	keep eax
	mov [esi], esp
	mov ecx, 500
	call unwind
	db 0x0f, 0x0b
down:
	add eax, ecx
	dec ecx
	jz bottom
	call down
bottom:
	inc eax
	ret
fibonacci:
	cmp ecx, 2
	jae more
	mov eax, ecx
	ret
more:
	push ecx
	dec ecx
	call fibonacci
	mov ecx, [esp]
	mov [esp], eax
	sub ecx, 2
	call fibonacci
	pop ecx
	add eax, ecx
	ret
unwind:                             ; as longjmp does
	dec ecx
	jz out
	call unwind
	db 0x0f, 0x0b
out:
	mov esp, [esi]
	keep esp
	mov ecx, 0x1000             ; leave no trace of the depth
	mov edi, esp
restore:
	sub edi, 4
	mov [edi], edi
	sub ecx, 4
	jnz restore
	mov edi, AREA
	cmp eax, eax
