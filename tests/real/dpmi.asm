; What extenders do: a V86 task asks its monitor for a switch of CR3, GDTR, IDTR, LDTR and TR at
; once, as VCPI does it; the client has 16-bit and 32-bit code on one stack that expands down, at
; CPL 3, with virtual interrupts for protected mode (PVI).
%include "rt.inc"
gdt_a	equ 1000h
gdt_b	equ 1100h
idt_a	equ 1400h
idt_b	equ 1800h
ldt_a	equ 1c00h
ldt_b	equ 1c10h
tss_a	equ 1d00h
tss_b	equ 1e00h
V86	equ 3000h		; a segment
ROUNDS	equ 200
R	equ VARS
save	equ R + 60
back_to	equ R + 64
%macro system 1			; a or b: the whole context
	mov eax, %1_root
	mov cr3, eax
	o32 lgdt [cs:%1_gdtr]
	o32 lidt [cs:%1_idtr]
	mov ax, LDT
	lldt ax
	mov byte [gdt_%1 + TSS + 5], 89h
	mov ax, TSS
	ltr ax
%endmacro
main:
	mask_all
	mov di, R
	mov cx, 80
	xor ax, ax
	rep stosb
	mov di, tss_a
	mov cx, 100h
	rep stosw
	mov cx, gdt_end - gdt
	mov si, gdt
	mov di, gdt_a
	cs rep movsb
	mov cx, gdt_end - gdt
	mov si, gdt
	mov di, gdt_b
	cs rep movsb
	mov word [gdt_b + LDT + 2], ldt_b
	mov word [gdt_b + TSS + 2], tss_b
	mov cx, 16
	mov si, ldt
	mov di, ldt_a
	cs rep movsb
	mov byte [ldt_b + 4], 5
	mov di, ldt_b
	mov si, ldt
	mov cx, 8
	cs rep movsb
	mov byte [ldt_b + 4], 5
	mov word [tss_a + 4], STACK - 400h
	mov word [tss_a + 8], DATA
	mov word [tss_a + 66h], 68h
	mov word [tss_b + 4], STACK - 600h
	mov word [tss_b + 8], FLAT
	mov word [tss_b + 66h], 68h
	; pages, alike but for linear 20000h
	mov ax, a_root / 16
	mov es, ax
	mov dword [es:0], a_root + 1007h
	mov dword [es:2000h], a_root + 3007h
	mov eax, 7
	mov di, 1000h
.page:	mov [es:di], eax
	mov [es:di + 2000h], eax
	add eax, 1000h
	add di, 4
	cmp di, 2000h
	jb .page
	mov dword [es:3000h + 20h * 4], 21007h
	mov ax, 2000h
	mov es, ax
	mov dword [es:0], "AAAA"
	mov dword [es:1000h], "BBBB"
	mov ax, 4000h
	mov es, ax
	mov dword [es:0], "aaaa"
	mov ax, 5000h
	mov es, ax
	mov dword [es:0], "bbbb"
	; gates
%macro gate 4			; table, vector, code, handler
	mov word [%1 + %2 * 8], %4
	mov word [%1 + %2 * 8 + 2], %3
	mov dword [%1 + %2 * 8 + 4], 0ee00h
%endmacro
	xor ax, ax
	mov es, ax
	mov di, idt_a
	mov cx, 400h
	rep stosw
	gate idt_a, 3, CODE, v86_done
	gate idt_a, 13, CODE, monitor
	gate idt_a, 40h, CODE, on_40_a
	gate idt_b, 12, CODE32, on_ss
	gate idt_b, 13, CODE32, on_gp
	gate idt_b, 40h, CODE32, on_40_b
	gate idt_b, 41h, CODE32, on_41
	gate idt_b, 42h, CODE32, on_42
	mov ax, V86
	mov es, ax
	xor di, di
	mov si, v86_code
	mov cx, v86_end - v86_code
	cs rep movsb
	mov [R], sp
	mov eax, cr4
	or al, 2		; PVI
	mov cr4, eax
	mov eax, a_root
	mov cr3, eax
	o32 lgdt [cs:a_gdtr]
	mov eax, cr0
	or eax, 80000001h
	mov cr0, eax
	jmp CODE:.on
.on:	mov ax, DATA
	mov ds, ax
	mov ss, ax
	system a
	push dword 0
	push dword 0
	push dword V86
	push dword V86
	push dword V86
	push dword 0fff0h
	push dword 20002h
	push dword V86
	push dword 0
	o32 iret
v86_code:
	mov cx, ROUNDS
	xor bx, bx
.next:	int 67h
	add bx, ax
	loop .next
	int3
v86_end:
v86_done:
	mov ax, DATA
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov ss, ax
	mov [R + 4], ebx
	mov eax, cr0
	and eax, 7ffffffeh
	mov cr0, eax
	jmp 0f000h:.real
.real:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov fs, ax
	mov gs, ax
	mov sp, [R]
	mov eax, cr4
	and al, 0fdh
	mov cr4, eax
	lidt [cs:ivt]
	is16 "rounds", [R + 4], ROUNDS
	is "page of the client", [R + 8], "BBBB"
	is "page of the server", [R + 12], "AAAA"
	is "ldt of the client", [R + 16], "bbbb"
	is "ldt of the server", [R + 20], "aaaa"
	is16 "idt of the client", [R + 24], ROUNDS
	is16 "idt of the server", [R + 26], ROUNDS
	is16 "stack faults", [R + 28], ROUNDS
	is16 "stack faults at", [R + 30], 1000h
	is16 "call of 32 bits by 16", [R + 32], 0
	is16 "call of 16 bits by 32", [R + 34], 5a5ah
	is16 "esp by 32 bits", [R + 36], 1234h
	is "vif by sti", [R + 40], 80000h
	is "vif by cli", [R + 44], 0
	is16 "vip faults", [R + 48], ROUNDS
	ret

; INT 67h of the V86 task: #GP.
monitor:
	pushad
	mov ax, DATA
	mov ds, ax
	mov bp, sp
	add word [bp + 36], 2
	mov word [bp + 28], 1	; its AX
	mov [save], esp
	system b
	jmp dword CODE32:client
	bits 32
client:	mov ax, FLAT
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, STACK - 800h
	mov eax, [20000h]
	mov [R + 8], eax
	mov ax, 4
	mov fs, ax
	mov eax, [fs:0]
	mov [R + 16], eax
	int 40h
	; to CPL 3, 16 bits, on a stack that expands down
	push dword DOWN3
	push dword 1002h
	push dword CODE3
	push dword level3
	retf
on_40_b: inc word [R + 24]
	iret
; The stack's end: counts, one byte on.
on_ss:	push eax
	mov eax, [esp + 20]
	inc word [ss:R + 28]
	mov [ss:R + 30], ax
	inc dword [esp + 8]
	mov dword [esp + 20], 2000h
	pop eax
	add esp, 4
	iret
on_gp:	inc word [ss:R + 48]
	inc dword [esp + 4]
	and dword [esp + 12], ~100000h
	add esp, 4
	iret
on_41:	or dword [esp + 8], 100000h	; VIP
	iret
on_42:	mov ax, FLAT
	mov ds, ax
	mov ss, ax
	jmp CODE:dword server
callee32:
	mov eax, esp
	push dword 12345678h
	pop ecx
	call far [cs:.sixteen]
	retf
.sixteen dd callee16
	dw CODE3
	bits 16
callee16:
	mov di, 5a5ah
	o32 retf
level3:	mov ax, FLAT3
	mov ds, ax
	push ax			; fits
	push ax			; does not
	mov bx, sp
	call dword CODE323:callee32
	mov [R + 34], di
	sub bx, sp
	mov [R + 32], bx
	; ESP whole, where B is set
	mov ax, DOWNBIG3
	mov ss, ax
	mov esp, 31238h
	push dword 0
	mov eax, esp
	sub eax, 30000h
	mov [R + 36], ax
	sti
	pushfd
	pop eax
	and eax, 80000h
	mov [R + 40], eax
	cli
	pushfd
	pop eax
	and eax, 80000h
	mov [R + 44], eax
	int 41h
	sti			; #GP: an interrupt waits
	int 42h
server:	mov ax, DATA
	mov ds, ax
	system a
	mov ax, DATA
	mov ss, ax
	mov esp, [save]
	mov ax, FLAT
	mov es, ax
	mov eax, [es:dword 20000h]
	mov [R + 12], eax
	mov ax, 4
	mov fs, ax
	mov eax, [fs:0]
	mov [R + 20], eax
	int 40h
	popad
	add esp, 4
	o32 iret
on_40_a: inc word [R + 26]
	o32 iret
a_root	equ 10000h
b_root	equ 12000h
a_gdtr	dw gdt_end - gdt - 1
	dd gdt_a
b_gdtr	dw gdt_end - gdt - 1
	dd gdt_b
a_idtr	dw 43h * 8 - 1
	dd idt_a
b_idtr	dw 43h * 8 - 1
	dd idt_b
ivt	dw 3ffh
	dd 0
	align 8
ldt	dq 000093040000ffffh, 0
CODE	equ 8
DATA	equ 10h
FLAT	equ 18h
LDT	equ 20h
TSS	equ 28h
CODE32	equ 30h
CODE3	equ 3bh
CODE323	equ 43h
FLAT3	equ 4bh
DOWN3	equ 53h
DOWNBIG3 equ 5bh
gdt:	dq 0
	dq 00009b0f0000ffffh
	dq 000093000000ffffh
	dq 00cf93000000ffffh
	dq 0000820000000000h | ldt_a << 16 | 15
	dq 0000890000000000h | tss_a << 16 | 67h
	dq 00409b0f0000ffffh
	dq 0000fb0f0000ffffh
	dq 0040fb0f0000ffffh
	dq 00cff3000000ffffh
	dq 0000f70000000fffh	; 1000h to FFFFh
	dq 0040f70000000fffh	; 1000h to FFFFFFFFh
gdt_end:
	end_rom
