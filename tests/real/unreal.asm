; Protected mode entered and left; hidden parts outlive it, also of CS; LGDT, LIDT, LMSW.
%include "rt.inc"
%macro protect 0
	mov eax, cr0
	or al, 1
	mov cr0, eax
%endmacro
%macro unprotect 0
	mov eax, cr0
	and al, 0feh
	mov cr0, eax
%endmacro
main:
	; 24 bits of the base by 16-bit operands, all of it by 32
	lgdt [cs:high]
	sgdt [VARS]
	is "base by 16 bits", [VARS + 2], 563412h
	is16 "limit", [VARS], 1234h
	o32 lgdt [cs:high]
	o32 sgdt [VARS]
	is "stored by 32 bits", [VARS + 2], 78563412h
	o32 lgdt [cs:table]

	; PE and back without a far jump: nothing changes
	mov ax, 1230h
	mov fs, ax
	protect
	mov bx, cs
	mov cx, fs
	unprotect
	is16 "cs stays", bx, 0f000h
	is16 "fs stays", cx, 1230h
	; LMSW sets PE, does not clear it
	smsw ax
	or al, 1
	lmsw ax
	smsw bx
	xor ax, ax
	lmsw ax
	smsw cx
	unprotect
	and bx, 1
	and cx, 1
	is16 "lmsw sets pe", bx, 1
	is16 "lmsw does not clear it", cx, 1

	; 4 GiB in DS, ES, FS, GS
	protect
	mov bx, 8
	mov ds, bx
	mov es, bx
	mov fs, bx
	mov gs, bx
	mov di, ds
	unprotect
	is16 "ds while protected", di, 8
	mov eax, 11223344h
	mov [gs:dword 200000h], eax
	is "flat store before a load", [fs:dword 200000h], 11223344h
	mov ax, AWAY
	mov ds, ax
	mov es, ax
	mov dword [dword 100000h], 55667788h
	xor ax, ax
	mov fs, ax
	is "base by a real load, limit not", [fs:dword 100000h + AWAY * 16], 55667788h
	mov bx, 0ffffh
	mov word [bx], 0a55ah
	passes "word at ffff", mov ax, [bx]
	is16 "its second byte is behind", ax, 0a55ah
	mov al, [fs:dword AWAY * 16 + 10000h]
	movzx ax, al
	is16 "there", ax, 0a5h
	passes "dword at fffd", mov eax, [bx - 2]
	; 32-bit string operations
	mov esi, 100000h
	mov edi, 100010h
	mov ecx, 1
	a32 rep movsd
	is "a32 movsd", [fs:dword 100010h + AWAY * 16], 55667788h
	is "esi", esi, 100004h
	mov edi, 300000h
	mov ecx, 20000h
	mov al, 77h
	a32 rep stosb
	is "a32 stosb", edi, 320000h
	mov al, [fs:dword 31ffffh + AWAY * 16]
	movzx ax, al
	is16 "filled", ax, 77h
	; SI and DI wrap all the same
	mov esi, 1ffffh
	lodsb
	is "si wraps", esi, 10000h
	; pop and les keep the limit
	push word AWAY
	pop es
	mov edx, [es:dword 100000h]
	is "pop es", edx, 55667788h
	mov dword [fs:VARS], AWAY << 16
	les ax, [fs:VARS]
	mov edx, [es:dword 100000h]
	is "les", edx, 55667788h
	xor ax, ax
	mov ds, ax
	mov es, ax

	; a stack of 4 GiB with a 16-bit SP
	protect
	mov bx, 10h
	mov ss, bx
	unprotect
	xor ax, ax
	mov ss, ax
	mov esp, 70000h | (STACK - 100h)
	push ax
	mov bx, sp
	is16 "sp alone moves", bx, STACK - 102h
	mov eax, esp
	shr eax, 16
	is16 "esp above", ax, 7
	mov esp, STACK - 2
	mov ebp, 200000h
	is "ss by ebp", [ebp], 11223344h

	; back to 64 KiB
	protect
	mov bx, 18h
	mov ds, bx
	mov es, bx
	mov fs, bx
	mov gs, bx
	mov ss, bx
	unprotect
	xor ax, ax
	mov ss, ax
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax

	; CS: D and the limit outlive protected mode; a far jump in real mode changes selector and base
	protect
	jmp 20h:.wide
	bits 32
.wide:	mov eax, cr0
	and al, 0feh
	mov cr0, eax
	; 32-bit code in real mode, CS 20h still
	mov eax, cs
	mov [VARS], eax
	jmp 0f000h:.still
.still:	mov eax, 12345678h	; 5 bytes: D is set
	push eax
	pop ecx
	mov edx, cs
	mov [VARS + 4], edx
	o16 push cs
	call near .leaf
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp 28h:.narrow
.leaf:	ret
	bits 16
.narrow:
	unprotect
	jmp 0f000h:.real
.real:	is16 "cs after pe", [VARS], 20h
	is16 "cs after a jump", [VARS + 4], 0f000h
	is "code of 32 bits", ecx, 12345678h
	add sp, 2

	; LIDT there: interrupts by an IDT with 16-bit gates, then the IVT again
	o32 lidt [cs:idt]
	protect
	jmp 28h:.gates
.gates:	mov bx, 18h
	mov ss, bx
	mov ds, bx
	xor ax, ax
	int 3
	mov cx, ax
	unprotect
	jmp 0f000h:.ivt
.ivt:	xor ax, ax
	mov ss, ax
	mov ds, ax
	o32 lidt [cs:ivt]
	is16 "through a gate of 16 bits", cx, 0beefh
	; null selectors do not outlive it
	protect
	xor bx, bx
	mov gs, bx
	mov fs, bx
	unprotect
	mov ax, AWAY
	mov gs, ax
	mov word [gs:10h], 4321h
	mov es, ax
	is16 "gs after null", [es:10h], 4321h
	ret
in_gate: mov ax, 0beefh
	iret
	align 8
high:	dw 1234h
	dd 78563412h
	align 8
gdt:	dq 0
	dq 0cf93000000ffffh	; 8: 4 GiB
	dq 08f93000000ffffh	; 10h: the same, B clear
	dq 000093000000ffffh	; 18h: 64 KiB
	dq 0cf9b0f0000ffffh	; 20h: code of 32 bits at F0000h
	dq 00009b0f0000ffffh	; 28h: of 16 bits
table:	dw $ - gdt - 1
	dd 0f0000h + gdt
gates:	dq 0, 0, 0
	dw in_gate, 28h, 8600h, 0
idt:	dw $ - gates - 1
	dd 0f0000h + gates
ivt:	dw 3ffh
	dd 0
	end_rom
