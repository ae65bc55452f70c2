; Says what the clock in the CMOS shows, as YYYYMMDDhhmmss and a line's end at port E9h, and ends by
; port F4h with status 7: a floppy of 160K by INT 1Ah (-d FLOPPY), a Multiboot kernel by the
; registers.
%macro end_run 0
	mov al, 3
	out 0f4h, al
	jmp $
%endmacro

%ifdef FLOPPY
BITS 16
	org 7c00h
	jmp 0:start
start:
	xor ax, ax
	mov ss, ax
	mov sp, 7c00h
	mov ah, 4
	int 1ah
	jc start
	push dx
	mov ax, cx
	call word_out
	pop ax
	call word_out
.again:
	mov ah, 2
	int 1ah
	jc .again
	push dx
	mov ax, cx
	call word_out
	pop ax
	mov al, ah
	call byte_out
	mov al, 10
	out 0e9h, al
	end_run
word_out:
	push ax
	mov al, ah
	call byte_out
	pop ax
%else
BITS 32
section .text
global _start
	align 4
	dd 0x1badb002, 0, -0x1badb002
_start:
	mov esp, 0x80000
.wait:				; no update in the next 244 us
	mov al, 0ah
	out 70h, al
	in al, 71h
	test al, 80h
	jnz .wait
	mov esi, registers
.next:
	lodsb
	out 70h, al
	in al, 71h
	call byte_out
	cmp byte [esi], 0ffh
	jne .next
	mov al, 10
	out 0e9h, al
	end_run
registers db 32h, 9, 8, 7, 4, 2, 0, 0ffh
%endif
byte_out:
	push ax
	shr al, 4
	call .digit
	pop ax
	and al, 15
.digit:
	add al, '0'
	out 0e9h, al
	ret
%ifdef FLOPPY
	times 510 - ($ - $$) db 0
	dw 0aa55h
	times 160 * 1024 - ($ - $$) db 0
%endif
