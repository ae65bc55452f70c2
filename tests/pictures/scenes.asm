; Pictures in each family of modes, one after the other at a key: says "SCENE name" at port E9h when it
; is drawn. pictures.py computes the same. A dot's colour is x + 5y + salt, its lowest bits.
%include "rt.inc"
main:	mov si, scenes
.next:	lodsw
	test ax, ax
	jz verdict
	push si
	push ax
	mov word [salt], 0
	mov word [origin], 0
	call ax
	pop bx
	mov si, said
	call print
	lea si, [bx - 8]		; its name is before it
	call print
	mov al, 10
	out 0e9h, al
	mov ah, 0
	int 16h
	pop si
	jmp .next
said	db "SCENE ", 0
scenes	dw cga4, cga6, ega0d, ega10, vga12, vga13, modex, split, blink, vbe101, vbe102, vbe111, vbe115, moved, 0
%macro scene 1
	align 8
	%strlen %%n %1
	db %1
	times 8 - %%n db 0
%endmacro

salt	dw 0
origin	dw 0
pitch	dw 0
cols	dw 0			; bytes of a line in each plane
lines	dw 0
y	dw 0
x	dw 0
plane	db 0
frames	dd 0
bytes	dw 0			; of a pixel

%macro sequencer 2
	mov dx, 3c4h
	mov ax, (%2) << 8 | (%1)
	out dx, ax
%endmacro
%macro graphics 2
	mov dx, 3ceh
	mov ax, (%2) << 8 | (%1)
	out dx, ax
%endmacro
%macro crtc 2
	mov dx, 3d4h
	mov ax, (%2) << 8 | (%1)
	out dx, ax
%endmacro
%macro attribute 2
	mov dx, 3dah
	in al, dx
	mov dx, 3c0h
	mov al, %1
	out dx, al
	mov al, %2
	out dx, al
	mov al, 20h
	out dx, al
%endmacro

; AX: the mode. Its palette becomes the identity, its colours our own.
set_mode:
	int 10h
colours:
	mov dx, 3dah
	in al, dx
	mov dx, 3c0h
	xor ax, ax
.index:	out dx, al
	out dx, al
	inc al
	cmp al, 16
	jb .index
	mov al, 20h
	out dx, al
	mov dx, 3c8h
	mov al, 0
	out dx, al
	inc dx
	xor bx, bx
.colour:mov al, bl
	out dx, al
	mov al, bl
	mov cl, 3
	mul cl
	out dx, al
	mov al, bl
	mov cl, 7
	mul cl
	out dx, al
	inc bl
	jnz .colour
	ret

; AL: x + 5y + salt.
dot:	mov ax, [y]
	lea eax, [eax * 5]
	add ax, [x]
	add ax, [salt]
	ret

; Lines of bytes of n-bit dots in DI, from x = 0 on. CL: bits.
packed_line:
	mov word [x], 0
.byte:	mov ch, 0
	mov bl, 0
.dot:	call dot
	mov ah, 1
	shl ah, cl
	dec ah
	and al, ah
	shl bl, cl
	or bl, al
	inc word [x]
	add ch, cl
	cmp ch, 8
	jb .dot
	mov [es:di], bl
	inc di
	dec bp
	jnz .byte
	ret

cga:	mov ax, 0b800h
	mov es, ax
	mov word [y], 0
.line:	mov di, [y]
	shr di, 1
	imul di, di, 80
	test byte [y], 1
	jz .even
	add di, 2000h
.even:	mov bp, 80
	call packed_line
	inc word [y]
	cmp word [y], 200
	jb .line
	ret

	scene "cga4"
cga4:	mov ax, 4
	call set_mode
	mov cl, 2
	jmp cga
	scene "cga6"
cga6:	mov ax, 6
	call set_mode
	mov cl, 1
	jmp cga

; By planes, each with the mask for it.
planar:	mov ax, 0a000h
	mov es, ax
	mov word [y], 0
.line:	mov byte [plane], 0
.plane:	mov cl, [plane]
	mov ah, 1
	shl ah, cl
	mov al, 2
	mov dx, 3c4h
	out dx, ax
	mov di, [y]
	imul di, [pitch]
	add di, [origin]
	mov word [x], 0
	mov bp, [cols]
.byte:	mov ch, 8
.dot:	call dot
	mov cl, [plane]
	shr al, cl
	shr al, 1
	rcl bl, 1
	inc word [x]
	dec ch
	jnz .dot
	mov al, bl
	stosb
	dec bp
	jnz .byte
	inc byte [plane]
	cmp byte [plane], 4
	jb .plane
	inc word [y]
	mov ax, [y]
	cmp ax, [lines]
	jb .line
	ret

%macro size 3			; bytes of a line, from one to the next, lines
	mov word [cols], %1
	mov word [pitch], %2
	mov word [lines], %3
%endmacro

	scene "ega0d"
ega0d:	mov ax, 0dh
	call set_mode
	size 40, 40, 200
	jmp planar
	scene "ega10"
ega10:	mov ax, 10h
	call set_mode
	size 80, 80, 350
	jmp planar

; Dot by dot: write mode 2, the bit mask, latches.
	scene "vga12"
vga12:	mov ax, 12h
	call set_mode
	graphics 5, 2
	mov ax, 0a000h
	mov es, ax
	mov word [y], 0
.line:	mov word [x], 0
	mov di, [y]
	imul di, di, 80
.dot:	mov cl, [x]
	and cl, 7
	mov ah, 80h
	shr ah, cl
	mov al, 8
	mov dx, 3ceh
	out dx, ax
	mov bx, [x]
	shr bx, 3
	call dot
	mov ah, [es:bx + di]	; the latches
	mov [es:bx + di], al
	inc word [x]
	cmp word [x], 640
	jb .dot
	inc word [y]
	cmp word [y], 480
	jb .line
	ret

	scene "vga13"
vga13:	mov ax, 13h
	call set_mode
	mov ax, 0a000h
	mov es, ax
	xor di, di
	mov word [y], 0
.line:	mov cl, 8
	mov bp, 320
	call packed_line
	inc word [y]
	cmp word [y], 200
	jb .line
	ret

; 320x240 in planes, two pages, the second of which is shown. M. Abrash, Graphics Programming Black
; Book, listing 47.1.
	scene "modex"
modex:	mov ax, 13h
	call set_mode
	sequencer 4, 6
	sequencer 0, 1
	mov dx, 3c2h
	mov al, 0e3h
	out dx, al
	sequencer 0, 3
	crtc 11h, 2ch
	crtc 06h, 0dh
	crtc 07h, 3eh
	crtc 09h, 41h
	crtc 10h, 0eah
	crtc 11h, 0ach
	crtc 12h, 0dfh
	crtc 14h, 0
	crtc 15h, 0e7h
	crtc 16h, 6
	crtc 17h, 0e3h
	mov ax, 0a000h
	mov es, ax
	xor di, di
	call .page
	mov word [salt], 77
	call .page
	crtc 0ch, 19200 >> 8
	crtc 0dh, 19200 & 0ffh
	ret
.page:	mov word [y], 0
.line:	mov word [x], 0
.dot:	mov cl, [x]
	and cl, 3
	mov ah, 1
	shl ah, cl
	mov al, 2
	mov dx, 3c4h
	out dx, ax
	mov bx, [x]
	shr bx, 2
	call dot
	mov [es:bx + di], al
	inc word [x]
	cmp word [x], 320
	jb .dot
	add di, 80
	inc word [y]
	cmp word [y], 240
	jb .line
	ret

; 320x200 that looks into 400x220, at 8 * 5 + 3, 10; its lowest 60 lines are another picture, which
; panning leaves alone.
PITCH	equ 50
TOP	equ 60 * PITCH
	scene "split"
split:	mov ax, 0dh
	call set_mode
	crtc 13h, PITCH / 2
	size 40, PITCH, 60
	mov word [salt], 3
	call planar
	size PITCH, PITCH, 220
	mov word [origin], TOP
	mov word [salt], 0
	call planar
	crtc 0ch, (TOP + 10 * PITCH + 5) >> 8
	crtc 0dh, (TOP + 10 * PITCH + 5) & 0ffh
	attribute 13h, 3
	attribute 10h, 21h	; graphics, panning ends at the line compare
	crtc 18h, (280 - 1) & 0ffh
	crtc 11h, 0eh
	crtc 07h, 1fh		; its bit 8
	crtc 09h, 80h		; and 9
	ret

; Mode 0Dh: blinking is another bit 3; pictures.py takes the one or the other.
	scene "blink"
blink:	call ega0d
	attribute 10h, 9
	ret

; AX: a mode of VBE, as 4F02h takes it.
set_vbe:push ax
	mov cx, ax
	and cx, 1ffh
	mov ax, 4f01h
	mov di, 9000h
	push ds
	pop es
	int 10h
	mov eax, [9000h + 28h]
	mov [frames], eax
	mov ax, [9000h + 10h]
	mov [pitch], ax
	mov ax, [9000h + 12h]
	mov [cols], ax
	mov ax, [9000h + 14h]
	mov [lines], ax
	movzx ax, byte [9000h + 19h]
	shr ax, 3
	mov [bytes], ax
	pop bx
	mov ax, 4f02h
	int 10h
	cmp ax, 004fh
	jne $
	jmp colours

; BX: the bank.
bank:	pusha
	mov dx, bx
	mov ax, 4f05h
	xor bx, bx
	int 10h
	popa
	ret

; Eight bits, by banks.
by_banks:
	mov ax, 0a000h
	mov es, ax
	xor di, di
	xor bx, bx
	mov word [y], 0
.line:	call bank
	mov word [x], 0
	mov si, di
.dot:	call dot
	mov [es:di], al
	inc di
	jnz .on
	inc bx
	call bank
.on:	inc word [x]
	mov ax, [x]
	cmp ax, [cols]
	jb .dot
	add si, [pitch]
	cmp si, di
	je .same
	jae .new
	inc bx
.new:	mov di, si
.same:	inc word [y]
	mov ax, [y]
	cmp ax, [lines]
	jb .line
	ret
	scene "vbe101"
vbe101:	mov ax, 101h
	call set_vbe
	jmp by_banks
	scene "vbe102"
vbe102:	mov ax, 102h
	call set_vbe
	mov ax, [cols]
	shr ax, 3
	mov [cols], ax
	mov [pitch], ax
	jmp planar

; The frame buffer, in unreal mode.
linear:	cli
	lgdt [gdtr]
	mov eax, cr0
	inc ax
	mov cr0, eax
	mov bx, 8
	mov fs, bx
	dec ax
	mov cr0, eax
	xor ax, ax
	mov fs, ax
	sti
	mov edi, [frames]
	mov word [y], 0
.line:	mov word [x], 0
.dot:	cmp word [bytes], 2
	ja .wide
	mov ax, [y]
	shl ax, 6
	add ax, [x]
	mov [fs:edi], ax
	jmp .on
.wide:	mov ax, [x]
	mov bx, [y]
	mov [fs:edi], al
	mov [fs:edi + 1], bl
	add al, bl
	mov [fs:edi + 2], al
.on:	movzx eax, word [bytes]
	add edi, eax
	inc word [x]
	mov ax, [x]
	cmp ax, [cols]
	jb .dot
	inc word [y]
	mov ax, [y]
	cmp ax, [lines]
	jb .line
	ret
gdtr	dw 15
	dd gdt
gdt	dq 0
	dw 0ffffh, 0
	db 0, 92h, 0cfh, 0
	scene "vbe111"
vbe111:	mov ax, 4111h
	call set_vbe
	jmp linear
	scene "vbe115"
vbe115:	mov ax, 4115h
	call set_vbe
	jmp linear

; 640x480 in eight bits that looks into 1000 dots a line, at 40, 20.
	scene "moved"
moved:	mov ax, 101h
	call set_vbe
	mov ax, 4f06h
	xor bx, bx
	mov cx, 1000
	int 10h
	mov [pitch], bx
	mov word [cols], 1000
	mov word [lines], 500
	call by_banks
	mov ax, 4f07h
	xor bx, bx
	mov cx, 40
	mov dx, 20
	int 10h
	ret
end_floppy
