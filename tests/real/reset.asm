; Resets of the processor as programs of the 286 use them: memory and CMOS stay. Starts four times.
%include "rt.inc"
magic	equ 600h		; not of rt.inc: outlives the reset
phase	equ 604h
bad	equ 606h		; failures of earlier lives
MAGIC	equ 52455345h
main:
	cmp dword [magic], MAGIC
	je .again
	mov dword [magic], MAGIC
	mov dword [phase], 0
.again:
	mov bx, [phase]
	inc word [phase]
	; what a reset leaves
	mov eax, cr0
	and eax, 80000001h
	is "paging and protection off", eax, 0
	pushf
	pop ax
	and ax, 7702h
	is16 "flags", ax, 2
	faults "limit back", 13, mov al, [dword 10000h]
	mov ax, [failed]
	add [bad], ax
	test bx, bx
	jz .no_cmos
	mov al, 0fh
	out 70h, al
	in al, 71h
	movzx ax, al
	is16 "cmos kept", ax, 0ah
	mov ax, [failed]
	add [bad], ax
.no_cmos:
	mov al, 0fh
	out 70h, al
	mov al, 0ah
	out 71h, al
	cmp bx, 3
	je .end
	; unreal, so that limits must come back
	lgdt [cs:gdtr]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov cx, 8
	mov ds, cx
	and al, 0feh
	mov cr0, eax
	cmp bx, 1
	jb .by_8042
	je .by_92
	lidt [cs:none]
	int 3			; triple fault
.by_8042:
	in al, 64h
	test al, 2
	jnz .by_8042
	mov al, 0feh
	out 64h, al
	jmp $
.by_92:	in al, 92h
	and al, 0feh
	out 92h, al
	or al, 1
	out 92h, al
	jmp $
.end:	mov ax, [bad]
	mov [failed], ax
	is16 "lives", [phase], 4
	ret
none:	dw 0
	dd 0
	align 8
gdt:	dq 0, 0cf93000000ffffh
gdtr:	dw 15
	dd 0f0000h + gdt
	end_rom
