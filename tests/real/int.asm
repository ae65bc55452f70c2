; INT n and IRET of real mode, often, and what they do to the stack and to flags.
%include "rt.inc"
main:
	; the vector is read each time
	mov dword [VARS], 0
	vector 60h, first
	mov cx, 400
.loop:	cmp cx, 100
	jne .int
	vector 60h, second
.int:	int 60h
	loop .loop
	is16 "to the first", [VARS], 300
	is16 "to the second", [VARS + 2], 100

	; one by one, all vectors that may be special
	mov dword [VARS], 0
	mov bx, 16h * 4
	call counted
	int 16h
	int 16h
	mov bx, 28h * 4
	call counted
	int 28h
	mov bx, 0ffh * 4
	call counted
	int 0ffh
	is16 "of each kind", [VARS], 4

	; flags: all of them come back, and DF
	mov word [60h * 4], clears
	mov ax, 7fffh
	std
	add ax, 1			; OF, SF, AF, PF
	int 60h
	pushf
	pop bx
	cld
	is16 "flags kept", bx, 0c96h
	mov word [60h * 4], sets
	xor ax, ax
	int 60h
	pushf
	pop bx
	is16 "flags given", bx, 8d7h
	cli

	; IF is the frame's
	mov word [60h * 4], looks
	sti
	int 60h
	pushf
	pop bx
	cli
	is16 "if inside", [VARS], 0
	is16 "if outside", bx, [looked]

	; the stack wraps
	mov ax, AWAY
	mov ss, ax
	mov sp, 4
	mov dword [ss:0], 0
	mov word [ss:0fffeh], 0
	mov word [60h * 4], empty
	xor ax, ax
	stc
.wrap:	int 60h
.back:	mov bx, sp
	mov cx, [ss:2]
	mov dx, [ss:0]
	mov si, [ss:0fffeh]
	mov ax, 0
	mov ss, ax
	mov sp, STACK - 2
	is16 "sp back", bx, 4
	is16 "flags there", cx, 47h
	is16 "cs there", dx, 0f000h
	is16 "ip there", si, .back

	; NT and IOPL by IRET, and what INT keeps of them
	mov word [60h * 4], nested
	int 60h
	pushf
	pop bx
	is16 "nt and iopl", bx, 7046h
	mov word [60h * 4], looks
	int 60h
	is16 "flags inside", [looked], 7046h
	push word 2
	popf

	; AC is cleared, and does not come back by 16 bits
	mov word [60h * 4], looks32
	push dword 40002h
	popfd
	int 60h
	pushfd
	pop ebx
	is "ac inside", [looked], 2
	is "ac outside", ebx, 2

	; the stack beside the code, so that this is stored to
	mov ax, AWAY
	mov es, ax
	mov si, beside
	xor di, di
	mov cx, beside_end - beside
	cs rep movsb
	mov word [60h * 4], empty
	mov word [VARS], 0
	mov cx, 50
	call AWAY:0
	is16 "beside code", [VARS], 50

	; an interrupt that waits is taken behind the IRET that lets it
	mov al, 11h			; lines from 8 on, all but 0 masked
	out 20h, al
	mov al, 8
	out 21h, al
	mov al, 4
	out 21h, al
	mov al, 1
	out 21h, al
	mov al, 0feh
	out 21h, al
	vector 8, tick
	mov cx, 20
.tick:	mov al, 30h			; one shot, of 100 counts
	out 43h, al
	mov al, 100
	out 40h, al
	xor al, al
	out 40h, al
	mov al, 0ah			; the requests are read
	out 20h, al
.wait:	in al, 20h
	test al, 1
	jz .wait
	mov word [VARS], 0
	push word 202h
	push cs
	push word .open
	iret
.open:	cli
	is16 "taken at", [VARS], .open
	loop .tick
	mov al, 0ffh
	out 21h, al
	mov word [8 * 4], stubs + 8 * 4
	ret

counted:
	mov word [bx], first
	mov [bx + 2], cs
	ret
first:	inc word [VARS]
	iret
second:	inc word [VARS + 2]
empty:	iret
clears:	xor ax, ax
	cld
	sti
	iret
sets:	push bp
	mov bp, sp
	mov word [bp + 6], 8d7h
	pop bp
	iret
nested:	push bp
	mov bp, sp
	mov word [bp + 6], 7046h
	pop bp
	iret
looks:	push bp
	mov bp, sp
	push ax
	mov ax, [bp + 6]
	mov [looked], ax
	pushf
	pop ax
	and ax, 200h
	mov [VARS], ax
	pop ax
	pop bp
	iret
looks32:
	pushfd
	pop dword [looked]
	iret
tick:	push bp
	mov bp, sp
	push ax
	mov ax, [bp + 2]
	mov [VARS], ax
	mov al, 20h
	out 20h, al
	pop ax
	pop bp
	iret
looked	equ VARS + 8
beside:
	mov ax, ss
	mov dx, sp
	mov bx, cs
	mov ss, bx
	mov sp, 0ff0h
.again:	int 60h
	inc word [VARS]
	loop .again
	mov ss, ax
	mov sp, dx
	retf
beside_end:
	end_rom
