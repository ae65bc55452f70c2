; PUSH and POP in every form, those of ESP above all. SDM vol. 2, POP: an ESP
; base is the one after the increment; PUSH ESP stores the one before.
; expect: eax=20001222 ecx=c1c1fe89 edx=fe8989ab ebp=2001fef8 edi=20000008 flags=af
; expect: m00000=00000000,20001230
; expect: m01214=10001000,fe892000,fe8989ab,fffe89ab,89abcdef,1234fffe,fffffffb
; expect: m01400=10001000,20002000 m01410=0000006b m01420=2000006b m1fefc=00000000 m1ff04=2001ff00
%include "test.inc"
	push esp
	pop eax
	sub eax, esp
	keep eax
	push esp
	pop dword [esp + 4]         ; the address counts from the new ESP
	push 0x20001230
	pop esp                     ; ESP = the value
	keep esp
	push byte -5
	push word 0x1234
	push word -2
	push dword 0x89abcdef
	push dword [esp + 2]
	push word [esp + 1]
	push dword [esp]
	push esi
	push word si
	pop dword [esi + 0x400]
	pop word [esi + 0x404]
	pop cx
	pop edx
	pop word [esp - 6]
	mov eax, esp
	mov esp, 0x2001ff00
	sub esp, 8
	pop dword [esp]             ; over the next one
	pop ebp
	push fs
	pop word [esi + 0x410]
	pop word [esi + 0x412]
	db 0x66
	push fs
	pop word [esi + 0x420]
	push ds
	pop es
	push gs
	pop gs
	mov word [esi + 0x412], 0   ; what PUSH of a selector writes above it differs by maker
	mov dword [esp - 4], 0
