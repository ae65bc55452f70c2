; Stack and far transfers in real mode: sizes mixed, SP at the ends of its segment, flags.
%include "rt.inc"
main:
	mask_all
	mov bx, sp
	push sp
	pop ax
	is16 "push sp", ax, bx
	push word 1234h
	pop word [VARS]
	is16 "pop to memory", [VARS], 1234h
	mov dword [VARS], 0ffffffffh
	push ds
	pop word [VARS]
	is "a segment's word", [VARS], 0ffff0000h
	push dword 0aaaabbbbh
	pop cx
	pop dx
	is16 "dword pushed, low", cx, 0bbbbh
	is16 "high", dx, 0aaaah
	o32 push fs
	mov ax, sp
	sub ax, bx
	add sp, 4
	is16 "o32 push fs", ax, 0fffch

	; calls of both sizes
	call word .near16
	is16 "near", ax, 1
	call dword .near32
	is16 "o32 near", ax, 2
	call 0f000h:.far16
	is16 "far", ax, 3
	call dword 0f000h:.far32
	is16 "o32 far", ax, 4
	mov ax, sp
	sub ax, bx
	is16 "balanced", ax, 0
	push word 7
	push word 8
	call .release
	mov ax, sp
	sub ax, bx
	is16 "ret 4", ax, 0
	push word 7
	call 0f000h:.far_release
	mov ax, sp
	sub ax, bx
	is16 "retf 2", ax, 0
	mov word [VARS], .far16
	mov word [VARS + 2], 0f000h
	xor ax, ax
	call far [VARS]
	is16 "far by memory", ax, 3
	mov dword [VARS], .far32
	mov word [VARS + 4], 0f000h
	call far dword [VARS]
	is16 "o32 far by memory", ax, 4
	mov word [VARS], .aliased
	mov word [VARS + 2], 0ef00h
	add word [VARS], 1000h
	jmp far [VARS]
.aliased:
	mov ax, cs
	jmp 0f000h:.home
.home:	is16 "another selector, another offset", ax, 0ef00h
	; IP wraps: a jump beyond FFFFh from below it (16 bits)
	jmp .frames
.near16: mov ax, 1
	ret
.near32: mov ax, 2
	o32 ret
.far16:	mov ax, 3
	retf
.far32:	mov ax, 4
	o32 retf
.release: ret 4
.far_release: retf 2
.frames:
	mov ebp, 11112222h
	mov cx, sp
	enter 10h, 0
	mov ax, cx
	sub ax, sp
	is16 "enter", ax, 12h
	mov ax, cx
	sub ax, bp
	is16 "its frame", ax, 2
	leave
	is "leave", ebp, 11112222h
	mov ax, sp
	is16 "leave, sp", ax, cx
	mov bp, sp
	push word 5555h
	mov cx, sp
	enter 4, 2
	mov ax, [bp - 2]
	is16 "enter, level 2: display", ax, 5555h
	leave
	mov ax, sp
	is16 "leave above it", ax, cx
	pop ax

	; PUSHA and POPA
	mov eax, 10101010h
	mov ecx, 20202020h
	mov esi, 30303030h
	pusha
	mov cx, [esp + 14]
	mov si, [esp + 12]
	is16 "pusha ax", cx, 1010h
	is16 "pusha cx", si, 2020h
	popa
	is "popa", ecx, 20202020h
	pushad
	xor eax, eax
	xor esi, esi
	popad
	is "popad", eax, 10101010h
	is "popad", esi, 30303030h
	; SP wraps at the segment's end
	mov dx, sp
	mov ax, AWAY
	mov ss, ax
	mov sp, 8
	mov di, 1111h
	pusha
	xor di, di
	popa
	mov si, sp
	xor ax, ax
	mov ss, ax
	mov sp, dx
	is16 "popa wraps", si, 8
	is16 "popa di", di, 1111h
	mov ax, AWAY
	mov es, ax
	mov ss, ax
	mov sp, 0
	push dword 12345678h
	mov cx, sp
	xor ax, ax
	mov ss, ax
	mov sp, dx
	is16 "push at 0", cx, 0fffch
	is "pushed there", [es:0fffch], 12345678h

	; flags
	pushf
	pop ax
	and ax, 0fd2ah
	is16 "flags", ax, 2
	push word 7fd7h & ~100h
	popf
	pushf
	pop ax
	push word 2
	popf
	is16 "all of them", ax, 7ed7h
	sti
	pushf
	pop ax
	cli
	pushf
	pop cx
	and ax, 200h
	and cx, 200h
	is16 "sti", ax, 200h
	is16 "cli", cx, 0
	pushfd
	or dword [esp], 37000h
	popfd
	pushfd
	pop eax
	push dword 2
	popfd
	and eax, 37000h
	is "iopl, nt; no vm, no rf", eax, 7000h

	; segment registers
	mov word [VARS], 1234h
	mov word [VARS + 2], AWAY
	mov word [VARS + 4], AWAY
	les ax, [VARS]
	is16 "les", ax, 1234h
	mov ax, es
	is16 "es", ax, AWAY
	lfs esi, [VARS]
	mov ax, fs
	is16 "lfs", ax, AWAY
	is "lfs of 32 bits", esi, AWAY << 16 | 1234h
	mov dx, sp
	mov word [VARS], 100h
	lss sp, [VARS]
	push word 77h
	mov cx, sp
	xor ax, ax
	mov ss, ax
	mov sp, dx
	is16 "lss", cx, 0feh
	is16 "lss, ss", [es:0feh], 77h
	push word AWAY
	pop gs
	mov ax, [gs:0feh]
	is16 "pop gs", ax, 77h
	push word 0
	pop ss
	mov sp, dx
	mov ax, [ss:VARS]
	is16 "pop ss", ax, 100h

	; counters and tables
	mov ecx, 12340002h
	xor ax, ax
.again:	inc ax
	loop .again
	is16 "loop by cx", ax, 2
	is "its upper half", ecx, 12340000h
	mov ecx, 10000h
	jcxz .zero
	fails "jcxz"
.zero:	jecxz .ecx
	jmp .xlat
.ecx:	fails "jecxz"
.xlat:	mov bx, VARS
	mov byte [VARS + 5], 99h
	mov eax, 5
	xlatb
	is "xlat", eax, 99h
	mov bx, 0fffeh
	mov byte [3], 44h
	mov al, 5
	xlatb
	is "xlat wraps", eax, 44h
	mov dword [0], 0
	mov ax, 0109h
	add al, 8
	daa
	is16 "daa", ax, 117h
	mov ax, 0207h
	aad
	is16 "aad", ax, 1bh
	aam
	is16 "aam", ax, 207h
	mov ax, 20fh
	aaa
	is16 "aaa", ax, 305h
	ret
	end_rom
