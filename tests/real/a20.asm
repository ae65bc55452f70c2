; Address line 20 by port 92h, the 8042's output port and its commands DDh and DFh; HLT and interrupts
; of both controllers; the clock's tick in a loop that polls.
%include "rt.inc"
PROBE	equ 600h
ticks	equ VARS
clocks	equ VARS + 2
%macro line_is 2		; "name", on?
	call state
	is16 %1, ax, %2
%endmacro
main:
	mov ax, 0ffffh
	mov es, ax
	lgdt [cs:gdtr]		; 4 GiB in FS
	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov bx, 8
	mov fs, bx
	and al, 0feh
	mov cr0, eax

	call on_92
	line_is "on by 92h", 1
	in al, 92h
	and ax, 2
	is16 "92h says on", ax, 2
	call off_92
	line_is "off by 92h", 0
	in al, 92h
	and ax, 2
	is16 "92h says off", ax, 0
	; FFFF:0010 is 0:0, and what is above 1 MiB is odd megabytes' alias
	mov dword [PROBE], 11223344h
	is "wraps at ffff:0010", [es:PROBE + 10h], 11223344h
	mov eax, [fs:dword 100000h + PROBE]
	is "odd megabyte", eax, 11223344h
	mov dword [fs:dword 300000h + PROBE], 55667788h
	mov eax, [fs:dword 200000h + PROBE]
	is "third megabyte", eax, 55667788h
	; code too
	mov byte [800h], 0cbh	; RETF
	call on_92
	mov byte [es:810h], 0f4h
	call off_92
	call 0ffffh:810h
	passes "code wraps", nop
	call on_92

	mov bl, 0ddh
	call output_port
	line_is "off by d1 dd", 0
	call read_output
	and ax, 2
	is16 "d0 says off", ax, 0
	mov bl, 0dfh
	call output_port
	line_is "on by d1 df", 1
	call read_output
	and ax, 2
	is16 "d0 says on", ax, 2
	mov al, 0ddh
	call command
	line_is "off by command dd", 0
	mov al, 0dfh
	call command
	line_is "on by command df", 1
	; the other's bit is there in both
	call off_92
	call read_output
	and ax, 2
	is16 "d0 says what 92h did", ax, 0
	mov bl, 0dfh
	call output_port
	line_is "on by the other", 1

	; HLT: interrupts of both controllers wake it
	mov ax, cs
	mov word [8 * 4], on_tick
	mov [8 * 4 + 2], ax
	mov word [70h * 4], on_clock
	mov [70h * 4 + 2], ax
	mov dword [ticks], 0
	mov si, words
.word:	cs lodsw
	test ah, ah
	jz .ready
	movzx dx, ah
	out dx, al
	jmp .word
.ready:	sti
.halt:	hlt
	cmp word [ticks], 3
	jb .halt
	cli
	mov al, 0ffh
	out 21h, al		; the first one but for the cascade
	mov al, 0fbh
	out 21h, al
	mov al, 0feh
	out 0a1h, al
	mov al, 0ah
	out 70h, al
	mov al, 2fh
	out 71h, al		; 2 Hz
	mov al, 0bh
	out 70h, al
	in al, 71h
	or al, 40h
	mov bl, al
	mov al, 0bh
	out 70h, al
	mov al, bl
	out 71h, al
	mov ax, [ticks]
	sti
.again:	hlt
	cmp word [clocks], 1
	jb .again
	cli
	sub ax, [ticks]
	is16 "a masked line wakes nobody", ax, 0
	; polled: the tick comes inside of a loop without I/O
	mov al, 0feh
	out 21h, al
	mov bx, [ticks]
	add bx, 4
	sti
.poll:	cmp [ticks], bx
	jb .poll
	cli			; there may be more of them by now, but it ends
	; STI's shadow: the interrupt comes behind the next instruction, and HLT is left by it
	mov cx, 0ffffh
.wait:	in al, 80h
	loop .wait
	mov bx, [ticks]
	sti
	hlt
	cli
	xor ax, ax
	cmp bx, [ticks]
	setne al
	is16 "sti; hlt", ax, 1
	ret
on_tick:
	push ax
	inc word [ss:ticks]
	mov al, 20h
	out 20h, al
	pop ax
	iret
on_clock:
	push ax
	inc word [ss:clocks]
	mov al, 0ch
	out 70h, al
	in al, 71h
	mov al, 20h
	out 0a0h, al
	out 20h, al
	pop ax
	iret
; AX: 1, FFFF:0610 is not 0:0600.
state:	mov word [PROBE], 1234h
	mov word [es:PROBE + 10h], 5678h
	xor ax, ax
	cmp word [PROBE], 1234h
	sete al
	ret
on_92:	in al, 92h
	and al, 0feh
	or al, 2
	out 92h, al
	ret
off_92:	in al, 92h
	and al, 0fch
	out 92h, al
	ret
command:
	push ax
.full:	in al, 64h
	test al, 2
	jnz .full
	pop ax
	out 64h, al
.busy:	in al, 64h
	test al, 2
	jnz .busy
	ret
output_port:			; BL
	mov al, 0d1h
	call command
	mov al, bl
	out 60h, al
.busy:	in al, 64h
	test al, 2
	jnz .busy
	ret
read_output:
	mov al, 0d0h
	call command
.empty:	in al, 64h
	test al, 1
	jz .empty
	in al, 60h
	xor ah, ah
	ret
; value, port: vectors 8 and 70h, the timer alone, 1 kHz
words	db 11h, 20h, 8, 21h, 4, 21h, 1, 21h, 11h, 0a0h, 70h, 0a1h, 2, 0a1h, 1, 0a1h
	db 0feh, 21h, 0ffh, 0a1h, 34h, 43h, 0a9h, 40h, 4, 40h, 0, 0
	align 8
gdt:	dq 0, 0cf93000000ffffh
gdtr:	dw 15
	dd 0f0000h + gdt
	end_rom
