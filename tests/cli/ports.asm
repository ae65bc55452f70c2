; A floppy that uses the serial and parallel ports by the BIOS: it says what INT 11h counts, then sends
; back, with 1 added, what comes by the first serial port, and prints and sends back what comes by the second;
; Z there is the end.
%include "rt.inc"
main:	int 11h
	mov al, ah
	shr al, 1
	and al, 7
	mov [serials], al
	add al, '0'
	out 0e9h, al		; serial ports
	shr ah, 6
	mov al, ah
	add al, '0'
	out 0e9h, al		; parallel ports
	mov al, 10
	out 0e9h, al
	mov dx, 1
.open:	mov ax, 00e3h		; 9600 8N1
	int 14h
	dec dx
	jns .open
	mov dx, 3fch		; RTS and DTR, which this BIOS leaves off
	mov al, 3
	out dx, al
	mov dx, 2fch
	out dx, al
	mov dx, 0
	mov ah, 1		; the printer starts anew
	int 17h
	and ah, 0f9h
	cmp ah, 90h		; not busy, selected, no error
	need e, "printer: its state"
next:	mov dx, 0
	call receive
	jnc .second
	inc al
	mov ah, 1
	int 14h
.second:
	cmp byte [serials], 2
	jb next
	mov dx, 1
	call receive
	jnc next
	cmp al, 'Z'
	je verdict
	mov dx, 0
	mov ah, 0
	int 17h
	test ah, 29h		; out of paper, error, time out
	need z, "printer: takes it"
	mov dx, 1
	mov ah, 1
	int 14h
	jmp next
; From port DX; CF: there is one in AL.
receive:
	mov ah, 3
	int 14h
	test ah, 1
	jz .none
	mov ah, 2
	int 14h
	stc
.none:	ret
serials	db 0
	end_floppy
