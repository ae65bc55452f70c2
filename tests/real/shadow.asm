; Shadow RAM of the BIOS's segment in its four states: a BIOS copies itself onto itself, while loads find the
; ROM and stores the RAM behind it; then all finds RAM. 82441FX data sheet, PAM registers.
%include "rt.inc"
CLOSED	equ 00h			; loads and stores on the bus: the ROM
LOADS	equ 10h			; which reach RAM
STORES	equ 20h
ACROSS	equ 1ffeh		; a dword in two pages
%macro pam 1
	mov eax, 80000058h
	mov dx, 0cf8h
	out dx, eax
	mov dx, 0cfdh
	mov al, %1
	out dx, al
%endmacro
main:
	mov ax, cs
	mov ds, ax
	mov es, ax
	pam STORES
	xor si, si
	xor di, di
	mov cx, 8000h
	rep movsw
	mov word [stored], 1234h
	is16 "a load finds the rom", [stored], 0aaaah
	inc word [added]
	is16 "and after both", [added], 5555h
	mov dword [ACROSS], 11223344h
	is "across pages", [ACROSS], 0
	mov di, filled
	mov ax, 7777h
	mov cx, 8
	rep stosw
	is16 "behind a string", [filled], 0

	pam LOADS
	is16 "stored", [stored], 1234h
	is16 "added", [added], 5556h
	is "stored across pages", [ACROSS], 11223344h
	is16 "filled", [filled], 7777h
	is16 "filled to the end", [filled + 14], 7777h
	is16 "and no more", [filled + 16], 0
	mov word [stored], 0
	is16 "a store is lost", [stored], 1234h
	call answer
	is16 "code of ram", ax, 1

	; code that has run in RAM, and is stored to while the ROM's runs
	pam STORES
	mov word [answer + 1], 2
	call answer
	is16 "code of the rom", ax, 1
	pam LOADS
	call answer
	is16 "code that was stored", ax, 2
	pam LOADS | STORES
	mov word [answer + 1], 3
	call answer
	is16 "code of open ram", ax, 3
	pam CLOSED
	call answer
	is16 "the rom again", ax, 1
	mov word [stored], 0
	is16 "a rom stays", [stored], 0aaaah
	pam LOADS
	is16 "and the ram behind it", [stored], 1234h
	pam CLOSED
	xor ax, ax
	mov ds, ax
	mov es, ax
	ret
answer:	mov ax, 1
	ret
	align 16
stored	dw 0aaaah
added	dw 5555h
filled	times 16 dw 0
	end_rom
