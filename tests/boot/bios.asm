; Asks the BIOS for what DOS and boot loaders ask it for: interrupts 10h, 13h, 15h, 16h, 1Ah, and its
; services for protected mode.
%include "rt.inc"
BUFFER	equ 0a000h
SPARE	equ 1000		; a sector that is written
main:	; INT 12h, 11h
	int 12h
	cmp ax, 600
	need a, "memory below 640K"
	int 11h
	test al, 1
	need nz, "a floppy drive is there"

	; INT 13h: parameters, read, write, verify, status
	mov ah, 8
	mov dl, [drive]
	push es
	int 13h
	pop es
	need nc, "13h: parameters"
	cmp ch, 4fh
	need e, "13h: tracks"
	cmp dh, 1
	need e, "13h: heads"
	mov ax, 0
	mov cx, 0201h
	mov bx, BUFFER
	call disk
	need nc, "13h: read"
	cmp word [BUFFER + 510], 0aa55h
	need e, "13h: what is read"
	mov di, BUFFER
	mov cx, 512
	mov ax, 5a00h
.fill:	stosw
	inc al
	loop .fill
	mov ax, SPARE
	mov cx, 0302h
	mov bx, BUFFER
	call disk
	need nc, "13h: write"
	mov ax, SPARE
	mov cx, 0402h
	mov bx, BUFFER
	call disk
	need nc, "13h: verify"
	mov di, BUFFER + 1024
	mov cx, 512
	xor ax, ax
	rep stosw
	mov ax, SPARE
	mov cx, 0202h
	mov bx, BUFFER + 1024
	call disk
	need nc, "13h: read again"
	mov si, BUFFER
	mov di, BUFFER + 1024
	mov cx, 512
	repe cmpsw
	need e, "13h: what was written"
	mov ax, SPARE - 20	; two tracks and a cylinder on
	mov cx, 0216h
	mov bx, BUFFER + 2048
	call disk
	need nc, "13h: read over tracks"
	mov si, BUFFER
	mov di, BUFFER + 2048 + 20 * 512
	mov cx, 512
	repe cmpsw
	need e, "13h: what is read over tracks"
	mov ax, 0201h
	mov cx, 4f30h		; sector 48 of 9
	mov dh, 0
	mov dl, [drive]
	mov bx, BUFFER
	int 13h
	need c, "13h: no such sector"
	cmp ah, 0
	need ne, "13h: says so"
	mov ah, 0
	mov dl, [drive]
	int 13h
	need nc, "13h: reset"
	mov ax, 0201h		; DMA does not cross 64 KiB
	mov cx, 1
	mov dx, 0
	mov bx, 1000h
	mov es, bx
	mov bx, 0ff00h
	int 13h
	xor bx, bx
	mov es, bx

	; INT 15h: E820, 88h, E801, 87h
	xor ebx, ebx
	xor bp, bp
	mov di, BUFFER
.map:	mov eax, 0e820h
	mov ecx, 20
	mov edx, 534d4150h
	int 15h
	jc .mapped
	cmp eax, 534d4150h
	need e, "15h e820: its sign"
	inc bp
	test ebx, ebx
	jnz .map
.mapped:
	cmp bp, 4
	need ae, "15h e820: entries"
	mov ah, 88h
	int 15h
	need nc, "15h 88h"
	cmp ax, 14 * 1024
	need a, "15h 88h: 14 MiB or more"
	mov ax, 0e801h
	int 15h
	cmp ax, 15 * 1024
	need be, "15h e801"
	mov si, move
	mov word [BUFFER], 1234h
	mov cx, 256
	mov ah, 87h
	int 15h
	need nc, "15h 87h: there"
	mov word [BUFFER], 0
	mov si, back
	mov cx, 256
	mov ah, 87h
	int 15h
	need nc, "15h 87h: back"
	cmp word [BUFFER], 1234h
	need e, "15h 87h: what was moved"
	mov ax, 2401h
	int 15h
	need nc, "15h 2401h: A20"

	; INT 10h
	mov ax, 3
	int 10h
	mov ah, 0fh
	int 10h
	cmp ax, 5003h
	need e, "10h: mode"
	mov dx, 0305h
	mov bh, 0
	mov ah, 2
	int 10h
	mov ax, 0941h
	mov bx, 1eh
	mov cx, 2
	int 10h
	mov ah, 8
	mov bh, 0
	int 10h
	cmp ax, 1e41h
	need e, "10h: character"
	mov bx, 0b800h
	mov es, bx
	cmp dword [es:(3 * 80 + 5) * 2], 1e411e41h
	need e, "10h: in the screen's memory"
	xor bx, bx
	mov es, bx
	mov ax, 0e0ah
	int 10h
	mov ah, 3
	mov bh, 0
	int 10h
	cmp dx, 0405h
	need e, "10h: cursor behind a line's end"

	; INT 16h: a key by the controller's own command
	mov al, 0d2h
	out 64h, al
.busy:	in al, 64h
	test al, 2
	jnz .busy
	mov al, 1eh
	out 60h, al
	mov cx, 1000
.key:	push cx
	mov ah, 1
	int 16h
	pop cx
	jnz .typed
	hlt
	loop .key
.typed:	need nz, "16h: a key is there"
	mov ah, 0
	int 16h
	cmp ax, 1e61h
	need e, "16h: the key"
	mov ah, 1
	int 16h
	need z, "16h: no other"

	; INT 1Ah: ticks pass, the clock is there; PCI BIOS
	mov ah, 0
	int 1ah
	mov bx, dx
	mov cx, 4
.tick:	hlt
	loop .tick
	mov ah, 0
	int 1ah
	cmp dx, bx
	need ne, "1ah: ticks"
	mov ah, 4
	int 1ah
	need nc, "1ah: date"
	cmp ch, 20h
	need e, "1ah: century"
	mov ax, 0b101h
	int 1ah
	need nc, "pci: there"
	cmp edx, 20494350h
	need e, "pci: its sign"
	mov ax, 0b102h
	mov cx, 1237h
	mov dx, 8086h
	xor si, si
	int 1ah
	need nc, "pci: the host bridge"
	cmp bx, 0
	need e, "pci: where it is"
	mov ax, 0b10ah
	xor di, di
	int 1ah
	cmp ecx, 12378086h
	need e, "pci: configuration"

	; APM in real mode, and its entry for 32 bits
	mov ax, 5300h
	xor bx, bx
	int 15h
	need nc, "apm: there"
	cmp bx, 504dh
	need e, "apm: its sign"
	mov ax, 5303h
	xor bx, bx
	int 15h
	need nc, "apm: connected"
	mov [apm_offset], ebx
	movzx eax, ax
	shl eax, 4
	or [apm_code + 2], eax

	; the headers in the BIOS's segment
	mov bx, 0f000h
	mov es, bx
	mov eax, "_32_"
	call find
	need e, "bios32: its header"
	mov eax, [es:di + 4]
	mov [bios32], eax
	mov eax, "$PnP"
	call find
	need e, "pnp: its header"
	mov ax, [es:di + 0dh]
	mov [pnp_real], ax
	mov ax, [es:di + 0fh]
	mov [pnp_real + 2], ax
	xor bx, bx
	mov es, bx
	; PnP, function 0: how many nodes there are
	push word 0f000h
	push word 0
	push word PNP_SIZE
	push word 0
	push word PNP_NUMBER
	push word 0
	call far [pnp_real]
	add sp, 12
	cmp ax, 82h		; or not supported
	need be, "pnp: answers"

	; flat protected mode
	cli
	lgdt [gdtr]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp CODE32:protected
	bits 32
protected:
	mov ax, DATA32
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, 7c00h
	mov eax, "$PCI"
	xor ebx, ebx
	push cs
	call dword [bios32]
	mov [found], al
	cmp al, 0
	jne .none
	lea esi, [ebx + edx]
	mov eax, 0b101h
	push cs
	call esi
	mov [pci_sign], edx
	mov eax, 0b109h
	mov ebx, 8
	mov edi, 0ah
	push cs
	call esi
	mov [pci_class], cx
.none:	; APM: the driver's version
	mov eax, 530eh
	xor ebx, ebx
	mov ecx, 102h
	call far [apm_offset]
	setc [apm_failed]
	mov [apm_version], ax
	jmp CODE16:.sixteen
	bits 16
.sixteen:
	mov ax, DATA16
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov eax, cr0
	and al, 0feh
	mov cr0, eax
	jmp 0:.real
.real:	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 7c00h
	sti
	cmp byte [found], 0
	need e, "bios32: the PCI service"
	cmp dword [pci_sign], 20494350h
	need e, "bios32: PCI's sign"
	cmp word [pci_class], 0601h
	need e, "bios32: a class of a function"
	cmp byte [apm_failed], 0
	need e, "apm: called by 32 bits"
	cmp word [apm_version], 102h
	need e, "apm: its version"

	jmp verdict
; EAX: four bytes on a paragraph of ES. ZF, ES:DI.
find:	xor di, di
.next:	cmp [es:di], eax
	je .end
	add di, 16
	jnz .next
	inc di			; NZ
.end:	ret
	align 4
bios32	dd 0
	dw CODE32
apm_offset dd 0
	dw APM32
pnp_real dd 0
found	db 0ffh
apm_failed db 1
apm_version dw 0
pci_sign dd 0
pci_class dw 0
PNP_SIZE equ 0b800h
PNP_NUMBER equ 0b804h
	align 8
move:	dq 0, 0
	dq 000093000000ffffh | BUFFER << 16
	dq 000093000000ffffh | 200000h << 16
	dq 0, 0
back:	dq 0, 0
	dq 000093000000ffffh | 200000h << 16
	dq 000093000000ffffh | BUFFER << 16
	dq 0, 0
CODE32	equ 8
DATA32	equ 10h
CODE16	equ 18h
DATA16	equ 20h
APM32	equ 28h
	align 8
gdt:	dq 0
	dq 00cf9b000000ffffh, 00cf93000000ffffh
	dq 00009b000000ffffh, 000093000000ffffh
apm_code dq 00409b000000ffffh, 00009b000000ffffh, 004093000000ffffh
gdtr:	dw $ - gdt - 1
	dd gdt
	end_floppy
