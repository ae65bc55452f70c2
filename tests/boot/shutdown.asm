; The shutdown codes by which programs of the 286 left protected mode: memory, CMOS and devices outlive
; the reset, and the BIOS goes on through 0040:0067 with what is there. IBM PC/AT Technical Reference,
; "Shutdown". (09h is for the BIOS's own block move, which SeaBIOS does otherwise: it stops there.)
%include "rt.inc"
; Our segments and stack, wherever the BIOS had its own.
%macro revive 0
	cli
	cld
	mov bp, sp
	mov bx, ss
	mov ax, 0
	mov ds, ax
	mov ss, ax
	mov sp, 7c00h
%endmacro
PATTERN	equ 2000h		; a segment of memory that must stay
MASK	equ 0bah		; timer and cascade
FRAME	equ 6000h		; of codes 0Bh and 0Ch
main:	cli
	mov ax, PATTERN
	mov es, ax
	xor di, di
	mov cx, 8000h
.fill:	mov ax, di
	stosw
	loop .fill

	; 05h: by the keyboard controller, out of protected mode, with an interrupt in service
	call serve
	mov bx, .after_05
	mov ax, 050fh
	call arm
	lgdt [gdtr]
	mov eax, cr0
	or al, 1
	mov cr0, eax
.busy:	in al, 64h
	test al, 2
	jnz .busy
	mov al, 0feh
	out 64h, al
	jmp $
.after_05:
	revive
	call alive
	call in_service
	need z, "05h: ends the interrupt in service"

	; 0Ah: by a triple fault; nobody ends the interrupt
	call serve
	mov bx, .after_0a
	mov ax, 0a0fh
	call arm
	lidt [none]
	int 3
.after_0a:
	revive
	call alive
	call in_service
	need nz, "0ah: leaves the interrupt in service"
	mov al, 20h
	out 20h, al

	; 0Bh: IRET, from the stack there; by port 92h
	mov bx, FRAME
	mov word [bx], .after_0b
	mov word [bx + 2], cs
	mov word [bx + 4], 2 | 1
	mov ax, 0b0fh
	call arm
	jmp .by_92
.after_0b:
	revive
	need c, "0bh: flags"
	cmp bp, FRAME + 6
	need e, "0bh: the stack"
	test bx, bx
	need z, "0bh: its segment"
	call alive

	; 0Ch: RETF
	mov bx, FRAME
	mov word [bx], .after_0c
	mov word [bx + 2], cs
	mov ax, 0c0fh
	call arm
.by_92:	in al, 92h
	and al, 0feh
	out 92h, al
	or al, 1
	out 92h, al
	jmp $
.after_0c:
	revive
	cmp bp, FRAME + 4
	need e, "0ch: the stack"
	call alive

	jmp verdict

; AL: what CMOS has there.
cmos:	out 70h, al
	in al, 71h
	ret
set_cmos:
	out 70h, al
	mov al, ah
	out 71h, al
	ret
; AH: the shutdown code, BX: where 0040:0067 leads, or the stack there.
arm:	call set_cmos
	mov [467h], bx
	mov word [469h], 0
	mov al, MASK
	out 21h, al
	ret
; Takes the timer's next interrupt, which stays in service.
serve:	mov eax, [8 * 4]
	mov [tick], eax
	mov word [8 * 4], .taken
	mov word [8 * 4 + 2], cs
	sti
	hlt
	cli
	mov eax, [tick]
	mov [8 * 4], eax
	ret
.taken:	iret
; ZF: nothing is in service.
in_service:
	mov al, 0bh
	out 20h, al
	in al, 20h
	test al, al
	ret
; We are in real mode at this code, and all is there.
alive:	mov eax, cr0
	test al, 1
	need z, "in real mode"
	mov bx, cs
	test bx, bx
	need z, "its code segment"
	mov al, 0fh
	call cmos
	test al, al
	need z, "the code is gone"
	in al, 21h
	cmp al, MASK
	need e, "the interrupt mask is kept"
	mov ax, PATTERN
	mov es, ax
	xor di, di
	mov cx, 8000h
.look:	mov ax, di
	scasw
	loope .look
	need e, "memory is kept"
	ret
tick	dd 0
none:	dw 0
	dd 0
	align 8
gdt:	dq 0
gdtr:	dw 7
	dd gdt
	end_floppy
