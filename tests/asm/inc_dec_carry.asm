; INC and DEC keep CF; a chain of ADC and SBB runs through it.
; expect: eax=1000100d ecx=00000000 edx=00000004 ebx=00000000 edi=2000000c flags=pf|zf
; expect: m00000=00000055,00000094,00000045 m01000=10001000,10001005,10001009,1000100d
; expect: m1fef8=00000000,00000000
%include "test.inc"
	stc
	mov eax, 0xffffffff
	inc eax
	keep_flags ALL
	clc
	dec eax
	keep_flags ALL
	; a 128-bit sum with the loop counter in between
	mov ecx, 4
	xor edx, edx
next:
	mov eax, [esi + edx * 4]
	adc eax, 0xf0000000
	mov [esi + edx * 4], eax
	inc edx
	dec ecx
	jnz next
	keep_flags ALL
	clean
	mov ebx, 0
	cmp ebx, ebx
