; A disk's first sector, which in rounds writes its second sector, flushes, and reads it: at port E9h a
; round leaves +, or -, when the drive told an error.  It ends by port F4h with status 7 after as many good
; ones as the byte at 440 says (0: never); what it wrote are bytes of the round's number.
BITS 16
	org 7c00h
	jmp 0:start
start:
	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 7c00h
	cld
.round:
	mov al, [number]
	inc al
	mov di, 8000h
	mov cx, 512
	rep stosb
	mov ax, 0301h
	mov bx, 8000h
	call transfer
	jc .bad
	call flush
	jc .bad
	mov ax, 0201h
	mov bx, 9000h
	call transfer
	jc .bad
	mov si, 8000h
	mov di, 9000h
	mov cx, 512
	repe cmpsb
	mov al, '?'
	jne .told
	inc byte [number]
	mov al, '+'
.told:
	out 0e9h, al
	mov al, [number]
	cmp al, [rounds]
	je .end
	mov ah, 86h		; for a twentieth of a second
	xor cx, cx
	mov dx, 50000
	int 15h
	jmp .round
.bad:
	mov al, '-'
	jmp .told
.end:
	mov al, 3
	out 0f4h, al
	jmp $

transfer:			; the second sector, at BX
	mov cx, 2
	mov dx, 80h
	int 13h
	ret

flush:				; carry: it failed
	mov dx, 1f6h
	mov al, 0e0h
	out dx, al
	inc dx
	mov al, 0e7h		; FLUSH CACHE: ATA/ATAPI-6, 8.15
	out dx, al
.busy:
	in al, dx
	test al, 80h
	jnz .busy
	test al, 21h		; DF, ERR
	jz .good
	stc
.good:
	ret

number	db 0
	times 440 - ($ - $$) db 0
rounds	db 0
	times 510 - ($ - $$) db 0
	dw 0aa55h
