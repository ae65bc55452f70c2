; A boot sector that polls for keys in the ways that cli/idle.py asks for by one, and shows the key:
;   p  INT 16h alone              o  ... and a port between     c  ... and counts in a register
;   l  ... and a long loop        v  ... and the screen         d  INT 28h as well, which does nothing
;   k  port 64h, with interrupts off, as long as no byte comes
;   m  INT 16h, and counts in memory         e  ... in another segment
;   s  the line status of the serial port, as long as no byte comes
;   h  not at all: a halt with interrupts off
;   j  not at all: a jump to itself, with interrupts on
BITS 16
ORG 0x7c00
start:	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 0x7c00
	mov word [0x28 * 4], nothing
	mov [0x28 * 4 + 2], ax
	mov al, 'p'
answer:	mov bl, al              ; what is to be done
	mov ah, 0x0e
	mov bh, 0
	int 0x10
	cmp bl, 'k'
	je controller
	cmp bl, 's'
	je serial
	cmp bl, 'h'
	je halt
	cmp bl, 'j'
	je spin
	xor edx, edx
	xor ecx, ecx
again:	mov ah, 1
	int 0x16
	jnz key
	cmp bl, 'o'
	je port
	cmp bl, 'c'
	je count
	cmp bl, 'l'
	je compute
	cmp bl, 'v'
	je screen
	cmp bl, 'm'
	je memory
	cmp bl, 'e'
	je other
	cmp bl, 'd'
	jne again
	int 0x28
	jmp again
port:	out 0x80, al
	jmp again
count:	inc edx
	jmp again
other:	push word 0x7000
	pop es
	inc dword [es:0x7000]
	jmp again
memory:	inc dword [0x7000]
	jmp again
compute: mov ecx, 2000000
.dec:	dec ecx
	jnz .dec
	jmp again
screen:	push es
	push word 0xb800
	pop es
	mov word [es:160 * 24], 0x0721
	pop es
	jmp again
key:	mov ah, 0
	int 0x16
	jmp answer
controller:
	cli
.poll:	in al, 0x64
	test al, 1
	jz .poll
	in al, 0x60
	sti
	cmp al, 0x19            ; p
	mov al, 'p'
	je answer
	jmp controller
serial:	mov dx, 0x3fc
	mov al, 3               ; DTR, RTS: it listens
	out dx, al
	inc dx
.poll:	in al, dx
	test al, 1
	jz .poll
	mov dl, 0xf8
	in al, dx
	jmp answer
halt:	cli
	hlt
spin:	jmp spin
nothing: iret
	times 510 - ($ - $$) db 0
	dw 0xaa55
	times 1474560 - ($ - $$) db 0
