; A floppy of 160K that says its LETTER at port E9h, then that of the disk in drive B, then as a digit
; (T: 36) how many sectors a track of drive B has, and ends by port F4h with status 7.
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
	out 0e9h, al
.read:
	mov ax, 0201h
	mov bx, 7e00h
	mov cx, 1
	mov dx, 1
	int 13h
	jc .read
	mov al, [letter + 200h]
	out 0e9h, al
	mov ah, 8
	mov dl, 1
	int 13h
	mov al, cl
	add al, '0'
	out 0e9h, al
	mov al, 3
	out 0f4h, al
	jmp $
letter	db LETTER
	times 510 - ($ - $$) db 0
	dw 0aa55h
	times 160 * 1024 - ($ - $$) db 0
