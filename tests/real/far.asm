; Far jumps, calls and returns: CS and its base, what is on the stack, one place by many selectors,
; and that the ways from one segment to another are right after protected mode, too.
%include "rt.inc"
MANY	equ 300h
bad	equ VARS
turns	equ VARS + 2
main:
	; direct, each way often enough to be known
	mov word [turns], 100
.direct:
	mov bx, sp
	call 0f000h:leaf
.pushed:
	mov cx, sp
	mov si, [bx - 4]
	mov di, [bx - 2]
	is16 "cs there", ax, 0f000h
	is16 "sp back", cx, bx
	is16 "ip pushed", si, .pushed
	is16 "cs pushed", di, 0f000h
	call 0effeh:leaf + 20h
	is16 "cs elsewhere", ax, 0effeh
	jmp 0effch:.there + 40h
.there:	mov cx, cs
	jmp 0f000h:.back
.back:	mov dx, cs
	is16 "cs after jmp", cx, 0effch
	is16 "cs after jmp back", dx, 0f000h
	mov word [turns + 4], .through
	mov word [turns + 6], 0f000h
	jmp far [turns + 4]
	fails "jmp far by memory"
.through:
	mov cx, cs
	is16 "cs after jmp by memory", cx, 0f000h
	push word 1111h
	push word 2222h
	call 0f000h:leaf_of_two
	mov cx, sp
	is16 "sp back by retf n", cx, bx
	is16 "argument", ax, 1111h
	dec word [turns]
	jnz .direct

	; the same code by more selectors than there are ways kept; the loads by CS tell the base
	mov word [bad], 0
	mov word [turns], 3
.round:	mov bx, 0f000h
	mov di, where
.next:	call by_retf
	cmp ax, bx
	je .same
	inc word [bad]
.same:	cmp dx, 5aa5h
	je .found
	inc word [bad]
.found:	dec bx
	add di, 10h
	cmp bx, 0f000h - MANY
	jne .next
	dec word [turns]
	jnz .round
	is16 "by many selectors", [bad], 0

	; two places that have one IP
	mov word [turns], 50
.two:	call 0f000h:one_ip
	is16 "first at the ip", ax, 1
	call 0f001h:one_ip
	is16 "second at the ip", ax, 2
	dec word [turns]
	jnz .two

	; with protected mode in between
	mov word [turns], 20
.modes:	call 0effeh:leaf + 20h
	is16 "before protected mode", ax, 0effeh
	lgdt [cs:table]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp 8:.protected
.protected:
	call 8:leaf
	mov cx, ax
	mov eax, cr0
	and al, 0feh
	mov cr0, eax
	jmp 0f000h:.real
.real:	is16 "in protected mode", cx, 8
	call 0f000h:leaf
	is16 "after protected mode", ax, 0f000h
	call 0effeh:leaf + 20h
	is16 "elsewhere after it", ax, 0effeh
	dec word [turns]
	jnz .modes

	; the code of a segment in RAM, changed between calls
	mov ax, AWAY
	mov es, ax
	mov word [es:0], 0b8h | 7 << 8	; mov ax, 7
	mov word [es:2], 0cb00h		; retf
	mov cx, 40
.ram:	call AWAY:0
	mov bx, ax
	mov dl, [es:1]
	mov dh, 0
	is16 "as the code says", bx, dx
	inc byte [es:1]
	loop .ram

	; SP wraps
	mov bx, sp
	mov ax, AWAY
	mov ss, ax
	add ax, 1000h
	mov es, ax
	mov word [es:0], 0f000h		; QEMU pops CS from there
	mov sp, 2
	call 0f000h:leaf
.wrapped:
	mov cx, sp
	mov si, [ss:0]
	mov di, [ss:0fffeh]
	xor ax, ax
	mov ss, ax
	mov sp, bx
	is16 "sp after a wrap", cx, 2
	is16 "cs at 0", si, 0f000h
	is16 "ip at fffe", di, .wrapped
	ret

leaf:	mov ax, cs
	retf
leaf_of_two:
	push bp
	mov bp, sp
	mov ax, [bp + 8]
	pop bp
	retf 4

; To bx:di, and back from there.
by_retf:
	push cs
	push word .back
	push bx
	push di
	retf
.back:	ret

	align 16
; AX = CS, DX = what is here by CS
where:	mov ax, cs
	call .here
.here:	pop bp
	mov dx, [cs:bp + .data - .here]
	retf
.data	dw 5aa5h

	align 16
table:	dw 15
	dd 0f0000h + entries - 8
entries: dw 0ffffh, 0, 9b0fh, 0

	align 16
one_ip:	mov ax, 1
	retf
	align 16
	mov ax, 2
	retf
	times MANY * 16 nop
	end_rom
