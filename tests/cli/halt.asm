; A Multiboot kernel that says "up" to the UART and halts with interrupts off, by the last letter
; of its command line:
;   h  for good
;   r  the same, but first it pulls the reset line, unless it has done so (CMOS byte 40h)
;   t  the same by a triple fault
;   f  it ends itself by a triple fault each time
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
	mov esi, text
	mov dx, 0x3f8
.next:
	lodsb
	test al, al
	jz .said
	out dx, al
	jmp .next
.said:
	cmp bl, 'f'
	je .triple
	cmp bl, 'h'
	je .halt
	mov al, 0x40
	out 0x70, al
	in al, 0x71
	cmp al, 0x5a
	je .halt
	mov al, 0x40
	out 0x70, al
	mov al, 0x5a
	out 0x71, al
	cmp bl, 't'
	je .triple
	mov al, 0xfe
	out 0x64, al
.halt:
	cli
	hlt
	jmp .halt
.triple:
	lidt [none]
	int3
none:
	dw 0
	dd 0
text:
	db "up", 10, 0
