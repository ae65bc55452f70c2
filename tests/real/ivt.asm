; Interrupts by the IVT, IRET of both sizes, exceptions of real mode, TF.
%include "rt.inc"
main:
	mask_all
	vector 60h, simple
	mov dword [VARS], 0
	mov eax, 0fedc0000h
	stc
	sti
.at:	int 60h
.after:	pushf
	pop bx
	cli
	and bx, 201h
	is16 "flags after iret", bx, 201h
	is16 "if inside", [VARS], 1		; CF, not IF
	is16 "ip", [VARS + 2], .after
	is16 "cs", [VARS + 4], 0f000h
	is16 "sp", [VARS + 6], STACK - 2 - 6

	; IRET of 32 bits
	push dword 2
	push dword 0f000h
	push dword .wide
	o32 iret
	fails "iretd fell through"
.wide:	; its upper halves: of EIP looked at, of CS not
	push dword 2
	push dword 0abcdf000h
	push dword .wide2
	o32 iret
.wide2:
	; IOPL, NT and the upper flags by it
	pushfd
	or word [esp], 7000h
	push dword 0f000h
	push dword .iopl
	o32 iret
.iopl:	pushf
	pop ax
	and ax, 7000h
	is16 "iopl and nt by iret", ax, 7000h
	push word 2
	popf
	pushf
	pop ax
	is16 "flags cleared", ax, 2

	; where exceptions point
	xor cx, cx
	faults "#de", 0, div cx
	faults "#de of aam", 0, aam 0
	faults "#ud", 6, ud2
	faults "#ud of lldt", 6, lldt ax
	faults "#ud of ltr", 6, ltr ax
	faults "#ud of sldt", 6, sldt ax
	faults "#ud of str", 6, str ax
	faults "#ud of lar", 6, lar ax, ax
	faults "#ud of verr", 6, verr ax
	faults "#ud of arpl", 6, {arpl ax, ax}
	faults "#ud of lock", 6, {db 0f0h, 90h}
	faults "#ud of mov cs", 6, {db 8eh, 0c8h}
	mov ax, 5
	mov dword [VARS], 00040001h
	faults "#br", 5, bound ax, [VARS]
	mov ax, 3
	passes "bound", bound ax, [VARS]
	mov word [resume], .bp
.int3:	int3
.bp:	is16 "#bp", [t_vec], 3
	is16 "#bp behind", [t_ip], .int3 + 1
	mov al, 7fh
	add al, 1
	mov word [resume], .of
.into:	into
.of:	is16 "#of", [t_vec], 4
	is16 "#of behind", [t_ip], .into + 1
	xor al, al
	passes "no into", into
	faults "15 bytes are the most", 13, {db 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 3eh, 90h}
	; no FPU there to ask
	mov eax, cr0
	or al, 4
	mov cr0, eax
	faults "#nm", 7, fninit
	and al, 0fbh
	mov cr0, eax

	; TF: a trap behind each instruction, none behind MOV SS
	vector 1, traced
	mov word [VARS], 0
	push word 102h
	popf
	nop
.one:	nop
	mov ax, ss
	mov ss, ax
	nop
	push word 2
	popf
	; traps behind: nop nop mov, (mov ss) nop, push, popf
	is16 "traps", [VARS], 6
	; INT is not traced into
	mov word [VARS], 0
	vector 61h, counted
	push word 102h
	popf
	int 61h
	nop
	push word 2
	popf
	is16 "traps around int", [VARS], 3
	is16 "tf inside", [VARS + 2], 0
	mov word [1 * 4], stubs + 4

	; a shorter IVT
	lidt [cs:shorter]
	mov word [resume], .beyond
.int:	int 60h
	fails "beyond the ivt"
.beyond:
	lidt [cs:whole]
	is16 "beyond the ivt", [t_vec], 13
	is16 "beyond the ivt, at", [t_ip], .int
	; one that is elsewhere
	cld
	mov ax, AWAY
	mov es, ax
	xor si, si
	xor di, di
	mov cx, 200h
	rep movsw
	mov word [es:62h * 4], elsewhere
	mov word [es:62h * 4 + 2], cs
	lidt [cs:moved]
	xor ax, ax
	int 62h
	lidt [cs:whole]
	is16 "ivt elsewhere", ax, 1234h
	sidt [VARS]
	is16 "limit of the ivt", [VARS], 3ffh
	is "base of the ivt", [VARS + 2], 0

	; a handler with a 32-bit return, and the flags that an interrupt keeps
	push dword 3202h
	popfd
	vector 63h, keeps
	int 63h
	push word 2
	popf
	is16 "nt and iopl inside", ax, 3002h
	ret
simple:
	push bp
	mov bp, sp
	pushf
	pop word [VARS]
	and word [VARS], 201h
	push word [bp + 2]
	pop word [VARS + 2]
	push word [bp + 4]
	pop word [VARS + 4]
	lea bp, [bp + 2]
	mov [VARS + 6], bp
	pop bp
	iret
traced:
	inc word [VARS]
	iret
counted:
	pushf
	pop word [VARS + 2]
	and word [VARS + 2], 100h
	iret
elsewhere:
	mov ax, 1234h
	iret
keeps:	pushf
	pop ax
	iret
shorter: dw 60h * 4 + 2
	dd 0
whole:	dw 3ffh
	dd 0
moved:	dw 3ffh
	dd AWAY * 16
	end_rom
