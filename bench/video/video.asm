; Stores to the display's memory as programs make them, ROUNDS times; TEST says which:
; 0 none: what a boot takes    1 planar fill, REP STOSB          2 planar copy, write mode 1, REP MOVSB
; 3 planar dots: bit mask, read, write     4 mode X: sprites byte by byte     5 mode 13h: fill, REP STOSW
; 6 mode 13h: dots             7 frame buffer: fill, REP STOSD    8 frame buffer: scroll, REP MOVSD
; 9 VBE by banks: fill         10 mode X: sprites, REP MOVSB for each line of a plane
%include "rt.inc"
%ifndef ROUNDS
  %define ROUNDS 1
%endif
VBE_MODE equ 118h		; 1024x768, 24 or 32 bits
main:
	mov dword [left], ROUNDS
%if TEST
	call prepare
.round:	call test_%[TEST]
	dec dword [left]
	jnz .round
%endif
	mov ax, 3
	int 10h
	jmp verdict
align 4
left	dd 0
frames	dd 0

; AL at index AH.
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

prepare:
%if TEST >= 1 && TEST <= 3
	mov ax, 12h
	int 10h
%elif TEST >= 4 && TEST <= 6 || TEST == 10
	mov ax, 13h
	int 10h
%else
	mov ax, 4f01h
	mov cx, VBE_MODE
	mov di, 9000h
	int 10h
	mov eax, [9028h]
	mov [frames], eax
	mov ax, 4f02h
	mov bx, VBE_MODE
  %if TEST < 9
	or bx, 4000h
  %endif
	int 10h
%endif
%if TEST == 4 || TEST == 10
	sequencer 4, 6
%endif
%if TEST == 7 || TEST == 8
	cli
	lgdt [gdtr]
	mov eax, cr0
	inc ax
	mov cr0, eax
	mov bx, 8
	mov es, bx
	mov fs, bx
	dec ax
	mov cr0, eax
	xor ax, ax
	mov fs, ax
%endif
	mov ax, 0a000h
%if TEST == 7 || TEST == 8
	xor ax, ax
%endif
	mov es, ax
	ret
gdtr	dw 15
	dd gdt
gdt	dq 0
	dw 0ffffh, 0
	db 0, 92h, 0cfh, 0

%if TEST == 1
test_1:	graphics 1, 0fh
	mov ax, [left]
	and al, 15
	mov ah, al
	mov al, 0
	mov dx, 3ceh
	out dx, ax
	xor di, di
	mov cx, 38400
	rep stosb
	ret
%elif TEST == 2
test_2:	graphics 5, 1
	push ds
	push es
	pop ds
	mov si, 80
	xor di, di
	mov cx, 38400 - 80
	rep movsb
	pop ds
	ret
%elif TEST == 3
test_3:	graphics 5, 2
	mov dx, 3ceh
	mov al, 8
	out dx, al
	inc dx
	mov cx, 640
	mov si, [left]
	and si, 127
	imul si, si, 80
.dot:	mov bx, cx
	dec bx
	mov ah, cl
	and ah, 7
	xchg ah, cl
	mov al, 1
	rol al, cl
	xchg ah, cl
	out dx, al
	shr bx, 3
	mov al, [es:bx + si]
	mov byte [es:bx + si], 5
	loop .dot
	ret
%elif TEST == 4
test_4:	mov bp, 1
.plane:	mov ax, bp
	mov ah, al
	mov al, 2
	mov dx, 3c4h
	out dx, ax
	mov bx, 64
	mov si, 7c00h
	mov di, [left]
	and di, 1023
.row:	mov cx, 16
.byte:	lodsb
	test al, al
	jz .clear
	mov [es:di], al
.clear:	inc di
	loop .byte
	add di, 80 - 16
	dec bx
	jnz .row
	shl bp, 1
	cmp bp, 16
	jb .plane
	ret
%elif TEST == 10
test_10:mov bp, 1
.plane:	mov ax, bp
	mov ah, al
	mov al, 2
	mov dx, 3c4h
	out dx, ax
	mov bx, 64
	mov si, 7c00h
	mov di, [left]
	and di, 1023
.row:	mov cx, 16
	rep movsb
	add di, 80 - 16
	dec bx
	jnz .row
	shl bp, 1
	cmp bp, 16
	jb .plane
	ret
%elif TEST == 5
test_5:	xor di, di
	mov cx, 32000
	mov ax, [left]
	rep stosw
	ret
%elif TEST == 6
test_6:	mov bx, 64000
.dot:	mov [es:bx - 1], bl
	dec bx
	jnz .dot
	ret
%elif TEST == 7
test_7:	mov edi, [frames]
	mov ecx, 1024 * 768
	mov eax, [left]
	a32 rep stosd
	ret
%elif TEST == 8
test_8:	mov edi, [frames]
	lea esi, [edi + 4096]
	mov ecx, 1024 * 767
	push ds
	mov ax, 8
	mov dx, es
	mov ds, dx
	a32 es rep movsd
	pop ds
	ret
%elif TEST == 9
test_9:	xor bp, bp
.bank:	mov ax, 4f05h
	xor bx, bx
	mov dx, bp
	int 10h
	xor di, di
	mov cx, 16384
	mov eax, [left]
	rep stosd
	inc bp
	cmp bp, 36
	jb .bank
	ret
%endif
end_floppy
