; The tables that a BIOS leaves below 1 MiB for whoever looks for them: what the machine is (SMBIOS), and
; where the interrupts of PCI lead.
%include "rt.inc"
main:	mov ax, 0f000h
	mov es, ax

	; SMBIOS 2.4, 2.1: the anchor, on 16 bytes
	mov eax, "_SM_"
	call find
	need e, "smbios: there"
	jne .routes
	movzx cx, byte [es:di + 5]
	call sum
	need z, "smbios: adds up"
	cmp dword [es:di + 16], "_DMI"
	need e, "smbios: dmi"
	mov si, di
	add di, 16
	mov cx, 15
	call sum
	need z, "smbios: dmi adds up"
	mov eax, [es:si + 24]	; the tables
	movzx ecx, word [es:si + 28]
	mov [structures], cx
	cmp eax, 0f0000h
	need ae, "structures: in the BIOS"
	sub eax, 0f0000h
	movzx edi, ax
	movzx ebx, word [es:si + 22]
	add ebx, edi		; their end
	xor bp, bp
.next:	mov al, [es:di]
	cmp al, 0
	jne .not_bios
	mov si, seabios
	call text
	need e, "maker: of the bios"
.not_bios:
	cmp al, 1
	jne .not_system
	mov si, unring
	call text
	need e, "maker: of the machine"
	mov word [system], 1
.not_system:
	inc bp
	mov al, [es:di]
	movzx cx, byte [es:di + 1]
	add di, cx
.texts:	inc di			; they end with an empty one
	cmp word [es:di - 1], 0
	jne .texts
	inc di
	cmp al, 127
	je .end
	cmp di, bx
	jb .next
.end:	cmp al, 127
	need e, "structures: end"
	cmp di, bx
	need e, "structures: how long"
	cmp bp, [structures]
	need e, "structures: how many"
	cmp word [system], 1
	need e, "structures: of the machine"

	; PCI IRQ Routing Table Specification 1.0
.routes:
	mov eax, "$PIR"
	call find
	need e, "routes: there"
	jne verdict
	mov cx, [es:di + 6]
	call sum
	need z, "routes: add up"
	cmp word [es:di + 8], 0800h
	need e, "routes: of the ISA bridge"
	jmp verdict

; ES:DI: where this is, on 16 bytes; not zero: nowhere.
find:	xor di, di
.look:	cmp [es:di], eax
	je .end
	add di, 16
	jnz .look
	test sp, sp
.end:	ret
; Of CX bytes at ES:DI; zero: it is 0.
sum:	push di
	mov al, 0
.add:	add al, [es:di]
	inc di
	loop .add
	pop di
	test al, al
	ret
; Zero: the first text of the structure at ES:DI is that at SI.
text:	push di
	push ax
	movzx cx, byte [es:di + 1]
	add di, cx
.same:	lodsb
	scasb
	jne .end
	test al, al
	jnz .same
.end:	pop ax
	pop di
	ret

structures dw 0
system	dw 0
unring	db "unring", 0
seabios	db "SeaBIOS", 0
	end_floppy
