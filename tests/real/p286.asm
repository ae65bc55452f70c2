; Protected mode of the 286: 16-bit code at two levels, call gates with parameters, interrupt gates,
; TSSs of 16 bits; and virtual-8086 mode below a monitor, at IOPL 0 and 3, with VME.
%include "rt.inc"
BASE	equ 0f0000h
results	equ VARS		; words
tss_a	equ 1000h
tss_b	equ 1100h
tss32	equ 1200h		; with a bitmap of ports
idt_at	equ 1800h
gdt_at	equ 2000h
V86	equ 3000h		; a segment
R	equ results
main:
	mov cx, (gdt_end - gdt) / 2
	mov si, gdt
	mov di, gdt_at
	cs rep movsw
	mov di, tss_a
	mov cx, 400h
	xor ax, ax
	rep stosw
	mov di, results
	mov cx, 40
	rep stosw
	; vectors 0 to 31 and 60h by gates of 16 bits
	mov di, idt_at
	mov cx, 61h
.gate:	mov ax, bad
	stosw
	mov ax, CODE0
	stosw
	mov ax, 0e600h
	stosw
	xor ax, ax
	stosw
	loop .gate
	mov word [idt_at + 3 * 8], on_int3
	mov word [idt_at + 60h * 8], on_60
	mov word [idt_at + 13 * 8], on_gp
	mov word [idt_at + 13 * 8 + 4], 8600h
	lgdt [cs:gdtr]
	lidt [cs:idtr]
	mov [R], sp
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp CODE0:.protected
.protected:
	mov ax, DATA0
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, STACK - 200h
	mov word [tss_a + 2], STACK - 400h	; SP0, SS0
	mov word [tss_a + 4], DATA0
	mov ax, TSS_A
	ltr ax
	; to level 3
	push word DATA3
	push word STACK - 600h
	push word CODE3
	push word level3
	retf
level3:	; through a call gate with two words
	mov ax, DATA3
	mov ds, ax
	mov bx, sp
	push word 1111h
	push word 2222h
	call GATE:0
	mov [R + 8], sp
	sub [R + 8], bx
	int 60h
	; CLI is not ours
	mov word [R + 20], .after_cli
.cli:	cli
.after_cli:
	int 3			; ends
	hlt
in_gate:
	mov bp, sp
	mov ax, [bp + 4]
	mov [R + 2], ax		; 2222h
	mov ax, [bp + 6]
	mov [R + 4], ax		; 1111h
	mov ax, cs
	mov [R + 6], ax
	mov ax, [bp + 10]
	mov [R + 10], ax	; SS of the outer level
	retf 4
on_60:	mov ax, cs
	mov [R + 12], ax
	mov bp, sp
	mov ax, [bp + 2]
	mov [R + 14], ax	; CS of level 3
	iret
on_gp:	push bp
	mov bp, sp
	push ax
	push ds
	mov ax, DATA0
	mov ds, ax
	mov ax, [bp + 2]
	mov [R + 16], ax	; error code
	mov ax, [bp + 4]
	mov [R + 18], ax	; IP
	mov ax, [R + 20]
	mov [bp + 4], ax
	pop ds
	pop ax
	pop bp
	add sp, 2
	iret
bad:	mov al, '!'
	out 0e9h, al
	mov al, 11h
	out 0f4h, al
	jmp $
on_int3:
	mov ax, DATA0
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, STACK - 200h
	; a task of 16 bits: called, and its IRET
	mov word [tss_b + 0eh], task_b
	mov word [tss_b + 10h], 2
	mov word [tss_b + 1ah], STACK - 800h
	mov word [tss_b + 22h], DATA0
	mov word [tss_b + 24h], CODE0
	mov word [tss_b + 26h], DATA0
	mov word [tss_b + 28h], DATA0
	mov word [tss_b + 12h], 0abcdh		; AX
	mov ax, 1357h
	call TSS_B:0
	mov [R + 22], ax
	pushf
	pop word [R + 24]
	and word [R + 24], 4000h
	call TSS_B:0				; goes on behind its IRET
	str [R + 32]
	; virtual-8086 mode under a TSS of 32 bits
	mov dword [tss32 + 4], STACK - 400h
	mov word [tss32 + 8], DATA0
	mov word [tss32 + 66h], 68h + 20h	; behind the 32 bytes of VME
	mov byte [tss32 + 88h + 1fffh / 8 + 1], 0ffh
	mov ax, TSS_C
	ltr ax
	mov si, v86_code
	mov di, V86 * 16 & 0ffffh
	mov ax, FLAT
	mov fs, ax
	mov cx, v86_end - v86_code
.copy:	mov al, [cs:si]
	movzx edi, di
	mov [fs:edi + (V86 * 16 - (V86 * 16 & 0ffffh))], al
	inc si
	inc di
	loop .copy
	mov word [idt_at + 13 * 8], monitor
	mov word [idt_at + 13 * 8 + 4], 8e00h	; a gate of 32 bits to 16-bit code
	mov word [idt_at + 3 * 8], v86_done
	mov word [idt_at + 3 * 8 + 4], 0ee00h
	mov word [R + 40], 0
	mov edx, 20002h
	call enter_v86
	mov ax, [R + 40]
	mov [R + 26], ax			; traps at IOPL 0
	mov word [R + 40], 0
	mov edx, 23002h
	call enter_v86
	mov ax, [R + 40]
	mov [R + 28], ax
	mov bx, FLAT
	mov fs, bx
	mov ax, [fs:dword V86 * 16 + 100h]
	mov [R + 30], ax
	; back
	mov ax, DATA0
	mov ss, ax
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov eax, cr0
	and al, 0feh
	mov cr0, eax
	jmp 0f000h:.real
.real:	xor ax, ax
	mov ss, ax
	mov ds, ax
	mov es, ax
	mov sp, [R]
	lidt [cs:ivt]
	is16 "gate: first", [R + 2], 2222h
	is16 "gate: second", [R + 4], 1111h
	is16 "gate: code", [R + 6], CODE0
	is16 "gate: outer ss", [R + 10], DATA3
	is16 "gate: released", [R + 8], 0
	is16 "int: code", [R + 12], CODE0
	is16 "int: from", [R + 14], CODE3
	is16 "cli: error code", [R + 16], 0
	is16 "cli: at", [R + 18], level3.cli
	is16 "task: ax kept", [R + 22], 1357h
	is16 "task: nt clear", [R + 24], 0
	is16 "task: its ax", [R + 34], 0abcdh
	is16 "task: went on", [R + 36], 2
	is16 "task: back link", [tss_b], TSS_A
	is16 "task: nested", [R + 38], 4002h
	is16 "task: tr", [R + 32], TSS_A
	is16 "v86: traps at iopl 0", [R + 26], 6	; CLI STI PUSHF INT POPF HLT
	is16 "v86: traps at iopl 3", [R + 28], 2	; INT HLT
	is16 "v86: flags at iopl 3", [R + 30], 3202h
	ret
task_b:	mov [R + 34], ax
	pushf
	pop word [R + 38]
.loop:	inc word [R + 36]
	iret
	jmp .loop

; Runs the code at V86:0 with the flags EDX until it stops by INT3.
enter_v86:
	mov [R + 44], sp
	push dword 0		; GS FS DS ES
	push dword 0
	push dword V86
	push dword V86
	push dword V86
	push dword 0fffeh
	push edx
	push dword V86
	push dword 0
	o32 iret
v86_done:
	mov ax, DATA0
	mov ss, ax
	mov ds, ax
	mov sp, [R + 44]
	ret
; #GP of virtual-8086 mode: counts and skips one byte, two for INT and IN.
monitor:
	push eax
	push ebx
	mov ax, DATA0
	mov ds, ax
	mov ax, FLAT
	mov es, ax
	inc word [R + 40]
	mov bx, sp
	movzx eax, word [ss:bx + 16]	; CS
	shl eax, 4
	movzx ebx, word [ss:bx + 12]	; EIP
	add ebx, eax
	mov al, [es:ebx]
	mov bx, sp
	inc dword [ss:bx + 12]
	cmp al, 0cdh
	je .two
	cmp al, 0e4h
	jne .one
.two:	inc dword [ss:bx + 12]
.one:	pop ebx
	pop eax
	add esp, 4
	o32 iret
v86_code:
	cli
	sti
	db 0e4h, 80h		; in al, 80h: the bitmap permits it
	pushf
	pop ax
	int 61h			; #GP by IOPL at 0; at 3 by the IDT's limit
	push ax
	popf
	mov [100h], ax
	hlt
	int3
v86_end:
idtr:	dw 61h * 8 - 1
	dd idt_at
gdtr:	dw gdt_end - gdt - 1
	dd gdt_at
ivt:	dw 3ffh
	dd 0
CODE0	equ 8
DATA0	equ 10h
CODE3	equ 1bh
DATA3	equ 23h
GATE	equ 28h
TSS_A	equ 30h
TSS_B	equ 38h
TSS_C	equ 40h
FLAT	equ 48h
	align 8
gdt:	dq 0
	dq 00009b0f0000ffffh
	dq 000093000000ffffh
	dq 0000fb0f0000ffffh
	dq 0000f3000000ffffh
	dw in_gate, CODE0, 0e402h, 0
	dq 81000000002bh | tss_a << 16
	dq 81000000002bh | tss_b << 16
	dq 890000000500h | tss32 << 16
	dq 0cf93000000ffffh
gdt_end:
	end_rom
