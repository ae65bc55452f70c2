; A call chain of 8000 frames: 32,000 bytes of return addresses.
; expect: eax=01e876e0 ecx=00000000 edi=20018200 flags=pf|zf m00000=01e876e0
%include "test.inc"
	mov ecx, 8000
	xor eax, eax
	call down
	keep eax
	mov edi, esp
	mov ecx, 8000
restore:
	sub edi, 4
	mov [edi], edi
	loop restore
	jmp end
down:
	add eax, ecx
	dec ecx
	jz bottom
	call down
bottom:
	inc eax
	ret
end:
	cmp ecx, ecx
