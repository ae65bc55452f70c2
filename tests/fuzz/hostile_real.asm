; A guest that means harm in real mode: a ROM that fills a page with random bytes, sets random
; segments, with limits of 64 KiB or 4 GiB, and jumps there. An exception, an interrupt or the timer
; ends a try. Every 16th is traced, to count instructions. hostile.sh writes the seed into the ROM.
	cpu 686
	bits 16
	org 0
HOME	equ 9000h		; a segment: stack and what follows
random	equ 0ff00h
tries	equ 0ff04h		; words
sampled	equ 0ff06h
several	equ 0ff08h
steps	equ 0ff0ah
traced	equ 0ff0ch
start:	call home
	mov eax, [cs:seed]
	imul eax, eax, 2654435761
	add eax, 9e3779b9h
	mov [random], eax
	xor eax, eax
	mov [tries], eax
	mov [several], eax
	mov [traced], ax
again:	; another one
	call home
	cmp word [traced], 0
	je .untraced
	inc word [sampled]
	cmp word [steps], 2
	jb .untraced
	inc word [several]
.untraced:
	xor ax, ax
	mov es, ax
	xor di, di
	mov cx, 256
.vector:
	mov ax, trap
	stosw
	mov ax, cs
	stosw
	loop .vector
	mov word [es:4], step
	mov si, words
.word:	cs lodsw
	test ah, ah
	jz .code
	movzx dx, ah
	out dx, al
	jmp .word
.code:	mov ax, 2000h
	mov es, ax
	xor di, di
	mov cx, 400h
.byte:	call any
	test ah, 7
	jnz .put
	shr eax, 16
	and ax, 15
	mov bx, ax
	mov al, [cs:prefixes + bx]
.put:	stosb
	loop .byte
	call any
	test al, 3		; 4 GiB in DS and ES, at times
	jnz .limited
	o32 lgdt [cs:gdtr]
	mov ebx, cr0
	or bl, 1
	mov cr0, ebx
	mov cx, 8
	mov ds, cx
	mov es, cx
	dec bx
	mov cr0, ebx
.limited:
	mov ax, HOME
	mov ds, ax
	mov word [steps], 0
	inc word [tries]
	mov al, '.'
	out 0e9h, al
	mov word [traced], 0
	mov bp, 202h
	test byte [tries], 15
	jnz .flags
	call report
	mov word [traced], 1
	or bp, 100h
.flags:	call any
	and ax, 5fffh
	add ax, 3000h
	mov es, ax
	call any
	mov ecx, eax
	call any
	mov ebx, eax
	call any
	mov esi, eax
	call any
	movzx edi, ax
	call any
	mov edx, eax
	call any
	and ax, 3fffh
	add ax, 3000h
	mov ss, ax
	mov sp, si
	and sp, 0fffeh
	push bp
	push word 2000h
	push word 0
	call any
	mov ds, dx
	iret
trap:	jmp again
; One instruction of a traced try.
step:	push ds
	push ax
	mov ax, HOME
	mov ds, ax
	inc word [steps]
	cmp word [steps], 64
	pop ax
	pop ds
	ja again
	iret
home:	cli
	cld
	pop dx
	mov ax, HOME
	mov ss, ax
	mov sp, 0fe00h
	mov ds, ax
	jmp dx
any:	mov ax, HOME
	mov fs, ax
	mov eax, [fs:random]
	test eax, eax
	jnz .go
	inc eax
.go:	push edx
	mov edx, eax
	shl edx, 13
	xor eax, edx
	mov edx, eax
	shr edx, 17
	xor eax, edx
	mov edx, eax
	shl edx, 5
	xor eax, edx
	pop edx
	mov [fs:random], eax
	ret
report:	mov si, .text
.next:	cs lodsb
	test al, al
	jz .end
	cmp al, 8
	ja .put
	movzx bx, al
	mov ax, [tries - 2 + bx]
	mov bx, 10
	xor cx, cx
.digit:	xor dx, dx
	div bx
	push dx
	inc cx
	test ax, ax
	jnz .digit
.out:	pop ax
	add al, '0'
	out 0e9h, al
	loop .out
	jmp .next
.put:	out 0e9h, al
	jmp .next
.end:	ret
.text	db 10, "tries ", 2, " sampled ", 4, " several ", 6, 10, 0
prefixes db 66h, 67h, 0f3h, 0f2h, 2eh, 36h, 3eh, 26h, 64h, 65h, 0fh, 0fh, 0f0h, 66h, 67h, 0a5h
words	db 11h, 20h, 20h, 21h, 4, 21h, 1, 21h, 11h, 0a0h, 28h, 0a1h, 2, 0a1h, 1, 0a1h
	db 0feh, 21h, 0ffh, 0a1h, 34h, 43h, 0, 40h, 4, 40h, 2, 92h, 0, 0
	align 8
gdt:	dq 0, 0cf93000000ffffh
gdtr:	dw 15
	dd 0f0000h + gdt
	times 0ffe0h - ($ - $$) db 0
seed	dd 1
	times 0fff0h - ($ - $$) db 0
	jmp 0f000h:start
	times 10000h - ($ - $$) db 0
