; A Multiboot kernel that does as the last letter of its command line says, with
; interrupts off:
;   s  says "up" and ends by port F4h with status 7
;   m  the same, after a mebibyte of output
;   e  prints for ever
;   l  the same to the UART alone, and as fast as that says it takes it
;   w  says "up" and waits for ever
;   k  says which of the keys n and m go down; r resets the machine
; What it says goes to the UART and to port E9h.
BITS 32
section .text
global _start
	align 4
	dd 0x1badb002, 0, -0x1badb002
_start:
	mov esi, [ebx + 16]     ; the command line
.end:
	lodsb
	test al, al
	jnz .end
	mov bl, [esi - 2]
	mov dx, 0x3f8
	cmp bl, 'm'
	je .much
	cmp bl, 'e'
	je .ever
	cmp bl, 'l'
	je .line
	cmp bl, 'k'
	je .key
.up:
	mov esi, text
.next:
	lodsb
	test al, al
	jz .said
	out dx, al
	out 0xe9, al
	jmp .next
.said:
	cmp bl, 'w'
	je .wait
	mov al, 3
	out 0xf4, al
.much:
	mov ecx, 1 << 20
	mov al, '.'
.dot:
	out dx, al
	out 0xe9, al
	dec ecx
	jnz .dot
	jmp .up
.ever:
	mov al, '.'
	out dx, al
	out 0xe9, al
	jmp .ever
.line:
	mov dx, 0x3fd
	in al, dx
	test al, 0x20           ; THRE
	jz .line
	mov dx, 0x3f8
	mov al, '.'
	out dx, al
	jmp .line
.key:
	in al, 0x64
	test al, 1
	jz .key
	in al, 0x60
	cmp al, 0x13
	je .reset
	cmp al, 0x31
	mov ah, 'n'
	je .named
	cmp al, 0x32
	mov ah, 'm'
	jne .key
.named:
	mov al, ah
	out dx, al
	jmp .key
.reset:
	mov al, 0xfe
	out 0x64, al
	jmp .reset
.wait:
	mov al, 0xff            ; no interrupt comes
	out 0x21, al
	out 0xa1, al
	sti
	hlt
	jmp .wait
text:
	db "up", 10, 0
