; A floppy that shows at port E9h what the mouse tells it, by the BIOS:
;   M status x y		a packet of the PS/2 mouse
;   A flags x y wheel		one of the absolute pointer, while that is on
; Keys: a, absolute; r, relative; q, the end.
%include "rt.inc"
MAGIC	equ 564d5868h
%macro vmmouse 2		; call, argument
	mov eax, MAGIC
	mov ebx, %2
	mov ecx, %1
	mov edx, 5658h
	in eax, dx
%endmacro
main:	mov ax, 0c205h
	mov bh, 3
	int 15h
	mov ax, 0c207h
	mov bx, handler
	int 15h
	mov ax, 0c200h
	mov bh, 1
	int 15h
	mov si, up
	call print
next:	mov ah, 1
	int 16h
	jz .sleep
	mov ah, 0
	int 16h
	cmp al, 'a'
	je .absolute
	cmp al, 'r'
	je .relative
	cmp al, 'q'
	je verdict
.sleep:	hlt
	jmp next
.absolute:
	mov byte [places_on], 1
	vmmouse 41, 45414552h
	vmmouse 39, 1
	cmp eax, 3442554ah
	jne verdict
	vmmouse 41, 53424152h
	mov si, places
	call print
	jmp next
.relative:
	vmmouse 41, 0f5h
	mov byte [places_on], 0
	mov si, moves
	call print
	jmp next

; The BIOS calls it with status, x, y and 0 on the stack.
handler:
	push bp
	mov bp, sp
	pushad
	push ds
	xor ax, ax
	mov ds, ax
	cmp byte [places_on], 0
	jne .places
	mov al, 'M'
	call char
	movzx eax, byte [bp + 12]
	call number
	movzx eax, byte [bp + 10]
	call number
	movzx eax, byte [bp + 8]
	call number
	call line
	jmp .end
.places:
	vmmouse 40, 0
	cmp ax, 4
	jb .end
	vmmouse 39, 4
	push edx
	push ecx
	push ebx
	push eax
	mov al, 'A'
	call char
	mov cx, 4
.word:	pop eax
	call number
	loop .word
	call line
	jmp .places
.end:	pop ds
	popad
	pop bp
	retf

char:	out 0e9h, al
	ret
line:	mov al, 10
	jmp char
; EAX in hexadecimal, without zeros before it
number:	push ecx
	push ebx
	mov ebx, eax
	mov al, ' '
	call char
	mov cl, 32
.zeros:	sub cl, 4
	jz .digits
	mov eax, ebx
	shr eax, cl
	jz .zeros
.digits:
	mov eax, ebx
	shr eax, cl
	and al, 15
	cmp al, 10
	sbb al, 69h
	das
	call char
	sub cl, 4
	jnc .digits
	pop ebx
	pop ecx
	ret
up	db "up", 10, 0
places	db "places", 10, 0
moves	db "moves", 10, 0
places_on db 0
	end_floppy
