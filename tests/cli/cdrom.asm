; What El Torito boots, by KIND: 0, no emulation; 2, a floppy of 1.44M; 4, a hard disk.  Says its LETTER at
; port E9h, its drive, what the BIOS calls it, whether it reads what lies far behind, what comes of a
; write, and ends by port F4h with status 7.
	cpu 386
	bits 16
	org 7c00h
BUFFER	equ 8000h
	jmp 0:start
start:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 7c00h
	sti
	cld
	mov [drive], dl
	mov al, LETTER
	out 0e9h, al
	mov al, [drive]
	call hex

	; what the BIOS has made of it: El Torito 1.0, 4.2
	mov ax, 4b01h
	mov dl, [drive]
	mov si, packet
	int 13h
	mov al, '-'
	jc .told
	mov al, [packet + 1]
	and al, 0fh
	add al, '0'
.told:	out 0e9h, al

	; a sector far behind
	mov dl, [drive]
	mov bx, BUFFER
%if KIND = 0
	mov ah, 42h
	mov si, address
	int 13h
	jc no
	cmp dword [BUFFER + 1], "CD00"	; the volume descriptor
%else
 %if KIND = 2
	mov cx, 79 << 8 | 18
	mov dh, 1
 %else
	mov cx, 1 << 8 | 1
	mov dh, 0
 %endif
	mov ax, 0201h
	int 13h
	jc no
	cmp dword [BUFFER], "MARK"
%endif
	jne no
	mov al, '+'
	out 0e9h, al

	; none of it can be written
	mov ax, 0301h
	mov cx, 1
	mov dh, 0
	mov dl, [drive]
	mov bx, BUFFER
	int 13h
	mov al, ah
	call hex
	jmp end
no:	mov al, '!'
	out 0e9h, al
end:	mov al, 3
	out 0f4h, al
	jmp $
hex:	push ax
	shr al, 4
	call .digit
	pop ax
	and al, 0fh
.digit:	cmp al, 10
	sbb al, 69h
	das
	out 0e9h, al
	ret
drive	db 0
address	db 16, 0
	dw 1, BUFFER, 0
	dq 16
packet	db 13h
	times 12h db 0
%if KIND = 4
	times 446 - ($ - $$) db 0
	db 80h, 0, 1, 1, 6, 15, 63, 1	; one partition, of both cylinders
	dd 1, 2 * 16 * 63 - 1
%endif
	times 510 - ($ - $$) db 0
	dw 0aa55h
%if KIND = 2
	times (2880 - 1) * 512 - ($ - $$) db 0
	db "MARK"
	times 2880 * 512 - ($ - $$) db 0
%elif KIND = 4
	times 16 * 63 * 512 - ($ - $$) db 0
	db "MARK"
	times 2 * 16 * 63 * 512 - ($ - $$) db 0
%else
	times 2048 - ($ - $$) db 0
%endif
