; Offsets: an operand across FFFFh faults under a 64 KiB limit; IP, SP, SI and DI wrap.
%include "rt.inc"
zero	equ 51ch
main:
	mov word [zero], 0
	mov ax, AWAY
	mov es, ax
	mov ds, ax
	mov bx, 0ffffh
	faults "word at ffff", 13, mov ax, [bx]
	faults "word stored at ffff", 13, mov [bx], ax
	faults "word added at ffff", 13, add [bx], ax
	faults "dword at fffd", 13, mov eax, [bx - 2]
	faults "dword at ffff by 32 bits", 13, mov eax, [dword 0ffffh]
	faults "byte at 10000 by 32 bits", 13, mov al, [dword 10000h]
	passes "byte at ffff", mov al, [bx]
	passes "word at fffe", mov ax, [bx - 1]
	passes "dword at fffc", mov eax, [bx - 3]
	faults "les at fffd", 13, les ax, [bx - 2]
	faults "bound at fffd", 13, bound ax, [bx - 2]
	faults "lgdt at fffb", 13, lgdt [bx - 4]
	faults "sgdt at fffb", 13, sgdt [bx - 4]
	faults "jmp by ffff", 13, jmp [bx]
	faults "call far by fffd", 13, call far [bx - 2]
	faults "fs at ffff", 13, mov ax, [fs:bx]
	mov bp, 0ffffh
	faults "ss by bp at ffff", 12, mov ax, [bp]
	faults "ss by bp stored", 12, mov [bp], ax
	passes "ss byte at ffff", mov al, [bp]
	faults "cs word at ffff", 13, mov ax, [cs:bx]

	; what faults is not carried out
	mov eax, 11223344h
	faults "xchg at ffff", 13, xchg ax, [bx]
	is "xchg left", eax, 11223344h

	; the effective address wraps
	mov byte [5], 77h
	mov bx, 0fff0h
	mov si, 15h
	mov al, [bx + si]
	is16 "bx + si wraps", ax, 3377h
	mov al, [bx + 15h]
	is16 "bx + disp wraps", ax, 3377h

	; strings: SI and DI wrap, the upper halves stay
	mov byte [0ffffh], 0aah
	mov byte [0], 0bbh
	mov word [100h], 0
	mov esi, 1234ffffh
	mov edi, 56780100h
	mov ecx, 9abc0002h
	rep movsb
	is "esi after", esi, 12340001h
	is "edi after", edi, 56780102h
	is "ecx after", ecx, 9abc0000h
	is16 "moved over the end", [100h], 0bbaah
	mov edi, 0aaaafffeh
	mov ax, 0102h
	stosw
	is "stosw to the end", edi, 0aaaa0000h
	mov edi, 0aaaa0000h
	std
	stosb
	cld
	is "stosb down", edi, 0aaaaffffh

	; elements before the fault are done, registers at the one that faults
	mov esi, 0fffbh
	mov edi, 200h
	mov ecx, 70000005h
	faults "rep movsw over the end", 13, rep movsw
	is "esi there", esi, 0ffffh
	is "edi there", edi, 204h
	is "ecx there", ecx, 70000003h
	mov edi, 0fffeh - 8
	mov ecx, 8
	mov eax, 0deadbeefh
	inc di
	faults "rep stosd over the end", 13, rep stosd
	is "edi there", edi, 0ffffh
	is "ecx there", ecx, 6
	mov di, 0ffffh
	mov cx, 1
	faults "scasw", 13, repne scasw
	mov si, 0ffffh
	mov di, 0
	faults "cmpsw", 13, repe cmpsw
	faults "lodsw", 13, lodsw
	mov cx, 0
	passes "nothing at the end", rep lodsw
	mov ecx, 0fff00000h
	mov edi, 300h
	rep stosb
	is "nothing counted by cx", edi, 300h
	; long runs
	mov ecx, 0ffffh
	xor edi, edi
	mov al, 5ah
	rep stosb
	is "64 KiB filled", edi, 0ffffh
	mov edi, 1
	mov ecx, 0ffffh
	repe scasb
	is "64 KiB scanned", ecx, 0
	is "edi wrapped", edi, 0
	mov byte [0ffffh], 5ah
	mov edi, 10h
	mov ecx, 0ffffh
	mov al, 1
	repne scasb
	is "scanned over the end", edi, 0fh
	mov byte [7], 1
	mov ecx, 12340000h | 0ffffh
	mov edi, 0fff0h
	repne scasb
	is "found over the end", edi, 8
	is "so many", ecx, 1234ffe7h
	mov edi, 0ffeeh
	mov esi, 0fff0h
	mov ecx, 20h
	repe cmpsb
	is "compared over the end", ecx, 08h
	is "esi", esi, 8
	mov edi, 4
	mov esi, 2
	mov ecx, 5
	std
	rep movsb
	cld
	is "down over the end", edi, 0ffffh
	is "down over the end", esi, 0fffdh

	; the stack
	xor ax, ax
	mov ds, ax
	push dword 2
	push dword 0f000h
	push dword 10000h
	faults "iretd beyond the limit", 13, o32 iret
	add sp, 12
	push dword 0f000h
	push dword 10000h
	faults "retfd beyond the limit", 13, o32 retf
	add sp, 8
	push dword 10000h
	faults "retd beyond the limit", 13, o32 ret
	add sp, 4
	mov dword [VARS], 10000h
	mov dword [VARS + 4], 0f000h
	faults "jmp far beyond the limit", 13, jmp far dword [VARS]
	faults "call far beyond the limit", 13, call far dword [VARS]
	faults "jmp beyond the limit", 13, jmp dword [VARS]
	faults "call beyond the limit", 13, call dword [VARS]
	mov bx, sp
	mov ax, AWAY
	mov ss, ax
	xor sp, sp
	push word 1234h
	mov cx, sp
	xor ax, ax
	mov ss, ax
	mov sp, bx
	is16 "push at 0", cx, 0fffeh
	mov ax, AWAY
	mov es, ax
	is16 "pushed there", [es:0fffeh], 1234h

	; IRET: no flag is lost before all of the frame is there
	mov bx, sp
%assign at 0fffbh
%rep 2
	mov sp, at
	xor ax, ax
	stc
	faults "iret across ffff", 12, iret
	is16 "flags before it", [ss:t_flags], 47h
%assign at at + 2
%endrep
	mov sp, bx
	ret
	end_rom
