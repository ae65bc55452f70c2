; LOOP, LOOPE, LOOPNE, JECXZ, JCXZ: counters in ECX and (67) CX; flags stay.
; expect: eax=00000001 ecx=ffffffff ebx=00000000 edi=20000028 flags=pf|zf
; expect: m00000=00000005,00000000,00010000,00010000,00000006,00000007,00000000,00000044
; expect: m00020=ffffffff,00000045 m1fef8=00000000,00000000
%include "test.inc"
	xor eax, eax
	mov ecx, 5
one:
	inc eax
	loop one
	keep eax
	keep ecx
	mov ecx, 0x10000            ; CX = 0: 65,536 rounds
	xor eax, eax
two:
	inc eax
	a16 loop two
	keep eax
	keep ecx
	mov ecx, 10
	xor eax, eax
three:
	inc eax
	cmp eax, 4
	loopne three
	keep ecx
	mov ecx, 10
four:
	cmp eax, eax
	dec eax
	cmp eax, 1
	loopne four
	keep ecx
	mov ecx, 3
five:
	cmp ecx, ecx
	loope five
	keep ecx
	keep_flags ALL
	jecxz six
	db 0x0f, 0x0b
six:
	mov ecx, 0x50000
	jecxz bad
	a16 jecxz seven
bad:
	db 0x0f, 0x0b
seven:
	mov ecx, 0
	stc
	loop eight
	db 0x0f, 0x0b
eight:
	keep ecx
	keep_flags ALL
	clean
	mov ebx, 0
	cmp ebx, ebx
