; 67: the 16-bit addressing forms through FS (base 20000000), with wrap at 64 KiB.
; expect: eax=00001000 ebx=ffff1000 esp=2001fec4 ebp=cccc2000 esi=eeee0010 edi=dddd0020
; expect: m00210=20000220 m01100=ffff1000
; expect: m1fec4=00001000,00002001,0000100f,2000fffc,20000000,20009010,20004444,20001000
; expect: m1fee4=20003234,2000001c,20000014,20002020,20002010,20001020,20001010
%include "test.inc"
	mov ebx, 0xffff1000
	mov esi, 0xeeee0010
	mov edi, 0xdddd0020
	mov ebp, 0xcccc2000
%macro load 1
	mov eax, [fs:%1]
	push eax
%endmacro
	load bx + si
	load bx + di
	load bp + si
	load bp + di
	load si + 4
	load di - 4
	load bp + 0x1234
	load bx
	load word 0x4444
	load bx + si - 0x8000
	load bx - 0x1000            ; wraps to 0
	load bp + di - 0x2024       ; to fffc
	mov [fs:bx + 0x100], ebx
	add word [fs:si + 0x200], si
	lea eax, [bx + si - 1]
	push eax
	lea ax, [bp + 1]
	push eax
	a16 lea eax, [bx]
	push eax
