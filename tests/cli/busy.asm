; A multiboot kernel that says "up" to the UART and to port E9h, and then computes
; for ever with interrupts off: it has no timer, and never leaves by itself.
BITS 32
section .text
global _start
	align 4
	dd 0x1badb002, 0, -0x1badb002
_start:
	mov esi, text
	mov dx, 0x3f8
.next:
	lodsb
	test al, al
	jz .spin
	out dx, al
	out 0xe9, al
	jmp .next
.spin:
	inc eax
	jmp .spin
text:
	db "up", 10, 0
