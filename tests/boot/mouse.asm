; The BIOS's pointing device services (INT 15h, C2h) over the PS/2 mouse, whose state is read back each
; time; and the absolute pointer's port.
%include "rt.inc"
MAGIC	equ 564d5868h
%macro pointing 2		; function and argument, "name"
	mov ax, 0c200h | (%1 >> 8)
	mov bh, %1 & 0ffh
	int 15h
	need nc, %2
	cmp ah, 0
	need e, %2
%endmacro
%macro state 4			; status, resolution, rate, "name"
	pointing 600h, %4
	and bl, 77h
	cmp bl, %1
	need e, %4
	cmp cl, %2
	need e, %4
	cmp dl, %3
	need e, %4
%endmacro
main:	int 11h
	test al, 4
	need nz, "a pointing device is there"
	pointing 503h, "initialize, packets of 3"
	state 0, 2, 100, "as it begins"
	pointing 400h, "identity"
	cmp bh, 0
	need e, "a plain mouse"
	pointing 206h, "rate 200"
	pointing 303h, "resolution 8"
	pointing 602h, "scaling 2:1"
	state 10h, 3, 200, "as it was set"
	pointing 601h, "scaling 1:1"
	pointing 200h, "rate 10"
	state 0, 3, 10, "as it was set then"
	mov ax, 0c202h
	mov bh, 7
	int 15h
	need c, "no such rate"
	cmp ah, 0
	need ne, "no such rate: says so"
	mov bx, handler
	mov ax, 0c207h
	int 15h
	need nc, "handler"
	pointing 1, "enable"
	state 20h, 3, 10, "enabled"
	pointing 0, "disable"
	state 0, 3, 10, "disabled"
	mov ax, 0c201h
	int 15h
	need nc, "reset"
	cmp bx, 00aah
	need e, "reset: self-test and identity"
	state 0, 2, 100, "as it begins again"
	cmp word [events], 0
	need e, "nothing has moved"

	; the keyboard's answers are not mixed up with the mouse's
	mov ah, 1
	int 16h
	need z, "no key"

	mov eax, MAGIC
	mov ebx, 0
	mov ecx, 10
	mov edx, 5658h
	in eax, dx
	cmp ebx, MAGIC
	need e, "the port knows the word"
	cmp eax, 0
	need ne, "a version"
	cmp eax, -1
	need ne, "a version, not nothing"
	jmp verdict
handler:
	inc word [events]
	retf
events	dw 0
	end_floppy
