; AC set and cleared again; aligned accesses and bytes pass while it is set.
; expect: eax=04200010 ecx=20002000 edx=20040019 m1fefc=00000202
%include "test.inc"
	pushfd
	or dword [esp], 0x40000
	popfd
	mov eax, [esi]
	mov ax, [esi + 2]
	add [esi + 3], al
	push eax
	pop ecx
	call next
next:
	pop edx
	pushfd
	and dword [esp], ~0x40000
	popfd
	mov eax, [esi + 1]
