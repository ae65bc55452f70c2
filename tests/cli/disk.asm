; A disk's first sector, which tells at port E9h its LETTER, and of the BIOS's disks 80h and up: how each
; is counted (INT 13h, AH=08h: "C/H/S "), and whether its last sector by that is read.  It ends by
; port F4h with status 7.
BITS 16
	org 7c00h
	jmp 0:start
start:
	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 7c00h
	mov al, [letter]
	call say
	mov byte [drive], 80h
.next:
	mov ah, 8
	mov dl, [drive]
	xor di, di
	int 13h
	jc .end
	mov [last], cx
	mov [head], dh
	mov bl, dl		; how many there are
	push bx
	mov al, ' '
	call say
	mov ax, cx		; CH: the cylinder's lower bits; CL: its upper two, and the sector
	xchg al, ah
	shr ah, 6
	inc ax
	call number
	mov al, '/'
	call say
	movzx ax, byte [head]
	inc ax
	call number
	mov al, '/'
	call say
	mov ax, [last]
	and ax, 3fh
	call number
	mov ax, 0201h
	mov bx, 8000h
	mov cx, [last]
	mov dh, [head]
	mov dl, [drive]
	int 13h
	mov al, '+'
	jnc .read
	mov al, '-'
.read:
	call say
	inc byte [drive]
	pop bx
	dec bl
	js .end
	mov al, [drive]
	sub al, 81h
	cmp al, bl
	jbe .next
.end:
	mov al, 3
	out 0f4h, al
	jmp $

say:
	out 0e9h, al
	ret

number:				; AX, decimal
	xor dx, dx
	mov cx, 10
	div cx
	push dx
	test ax, ax
	jz .digit
	call number
.digit:
	pop ax
	add al, '0'
	jmp say

drive	db 0
head	db 0
last	dw 0
letter	db LETTER
	times 446 - ($ - $$) db 0
	times 510 - ($ - $$) db 0
	dw 0aa55h
