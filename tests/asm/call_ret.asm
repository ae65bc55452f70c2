; Near calls and returns in every form; returns to where no call came from.
; expect: eax=200400a4 ecx=2004005c edi=20000024 flags=pf|zf
; expect: m00000=00000001,00000002,00000003,00000004,00000005,00000007,2001ff00,2004003b
; expect: m00020=2001ff00 m01000=20040066 m01008=20040085 m1fef4=20040031,20040096,200400b8
%include "test.inc"
	call one
	mov ecx, two
	call ecx
	mov dword [esi], three
	call [esi]
	push four
	call [esp]                  ; read before the push
	pop eax
	push five
	ret                         ; a jump
six:
	mov dword [esi + 8], seven
	push dword 0x55
	push dword 0x66
	call [esi + 8]              ; pops both
	keep esp
	call here
here:
	pop eax
	keep eax
	call skip
	db 0x0f, 0x0b               ; not reached
back:
	push 0
	push eight
	ret 4
one:
	mov dword [edi], 1
	add edi, 4
	ret
two:
	mov dword [edi], 2
	add edi, 4
	ret
three:
	mov dword [edi], 3
	add edi, 4
	ret
four:
	mov dword [edi], 4
	add edi, 4
	ret
five:
	mov dword [edi], 5
	add edi, 4
	jmp six
seven:
	mov dword [edi], 7
	add edi, 4
	ret 8
skip:
	add dword [esp], 2          ; return past the UD2
	ret
eight:
	keep esp
	mov eax, nine
	jmp eax
	db 0x0f, 0x0b
nine:
	push ten
	jmp [esp]
	db 0x0f, 0x0b
ten:
	mov [esp], dword eleven
	ret
	db 0x0f, 0x0b
eleven:
	cmp eax, eax
