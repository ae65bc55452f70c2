; A function rewritten between its calls; a caller whose next instruction changes
; during the call; code copied across a page's end, run, changed and run again.
; expect: eax=00770066 ecx=00000000 edx=2004001d esi=2004007a edi=2000010c flags=pf|zf
; expect: m00000=00000010,00000013,00000016,00000019,0000001c,00000099
; expect: m00100=0000001f,0077001f,00770066 m1fefc=00000000
%include "test.inc"
	mov ecx, 5
again:
	call body
	keep eax
	add byte [body + 1], 3
	loop again
	; its caller's next instruction, changed from within the call
	call changer
	mov eax, 1
	keep eax
	; copied code
	mov esi, body
	lea edi, [CODE + 0x2ffd]    ; across a page
	mov ecx, body_end - body
	rep movsb
	call CODE + 0x2ffd
	mov edi, AREA + 0x100
	keep eax
	mov byte [CODE + 0x3000], 0x77
	call CODE + 0x2ffd
	keep eax
	mov byte [CODE + 0x2ffe], 0x66
	call CODE + 0x2ffd
	keep eax
	jmp end
changer:
	mov edx, [esp]
	mov byte [edx + 1], 0x99
	ret
body:
	mov eax, strict dword 0x10
	ret
body_end:
end:
	mov dword [esp - 4], 0
	cmp eax, eax
