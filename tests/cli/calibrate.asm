; A floppy of 160K that calibrates a delay as programs of the 1980s do: it counts how often a loop of
; four instructions runs from one tick of the BIOS to the next, and divides that by a tick's 55 ms.
; Says eight such quotients in hexadecimal at port E9h, or "divide error" where one has more than 16
; bits, as on processors faster than theirs; ends by port F4h with status 7.
BITS 16
	org 7c00h
	jmp 0:start
start:
	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 7c00h
	mov word [0], overflow		; the divide error's vector
	mov word [2], cs
	sti
	mov di, 46ch			; the ticks
	mov bl, [di]
.wait:	cmp bl, [di]
	je .wait
	mov bp, 8
.next:	mov bl, [di]
	xor ax, ax
	xor dx, dx
.loop:	add ax, 1
	adc dx, 0
	cmp bl, [di]
	je .loop
	mov cx, 55
	div cx
	call hex
	dec bp
	jnz .next
end:	mov al, 3
	out 0f4h, al
	jmp $
overflow:
	mov si, text
.next:	cs lodsb
	out 0e9h, al
	cmp al, 10
	jne .next
	jmp end
text	db "divide error", 10
hex:	mov cx, 4
.digit:	rol ax, 4
	push ax
	and al, 15
	add al, '0'
	cmp al, '9' + 1
	jb .put
	add al, 39
.put:	out 0e9h, al
	pop ax
	loop .digit
	mov al, 10
	out 0e9h, al
	ret
	times 510 - ($ - $$) db 0
	dw 0aa55h
	times 160 * 1024 - ($ - $$) db 0
