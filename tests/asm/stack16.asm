; A 16-bit stack segment: SP wraps, the upper half of ESP stays.
; expect: eax=a0a0002b ecx=77777ff8 edx=11111111 ebp=2001ff00 edi=20000024 flags=pf|zf
; expect: m00000=77770000,7777fffc,77770004,20040037,77777ff4,77774444,77778000,20040062
; expect: m00020=77777ff8 m10000=11111111
; expect: m17fe0=20000010,20001000,2001ff00,77778000,b3b3b3b3,20040062,00000002,00000001
; expect: m1fffc=22222222
%include "test.inc"
	mov ebp, esp
	mov ax, SEL_STACK16
	mov ss, ax
	mov esp, 0x77770004
	push dword 0x11111111
	mov ecx, esp
	keep ecx
	push dword 0x22222222       ; at FFFC
	mov ecx, esp
	keep ecx
	pop edx
	pop edx
	mov ecx, esp
	keep ecx
	mov sp, 0x8000
	call sub
	pushad
	popad
	enter 8, 0
	mov ecx, esp
	keep ecx
	leave
	push word 0x4444
	pop cx
	keep ecx
	push esp
	pop ecx
	keep ecx
	pushfd
	popfd
	push 1
	push 2
	call sub
	mov ecx, esp
	keep ecx
	mov ax, 0x2b
	mov ss, ax
	mov esp, 0x2001ff00
	jmp end
sub:
	mov ecx, esp
	movzx ecx, cx
	mov ecx, [ss:ecx]
	keep ecx
	ret
end:
	cmp eax, eax
