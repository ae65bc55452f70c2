; Resets by CF9h: of the processor alone, and of all. Starts three times.
%include "rt.inc"
magic	equ 600h		; not of rt.inc: outlives the resets
MAGIC	equ 52433946h
life	equ 40h			; of CMOS, which outlives them in any case
main:
	mov al, life
	out 70h, al
	in al, 71h
	mov bl, al
	cmp dword [magic], MAGIC
	je .again
	xor bl, bl
.again:	mov al, life
	out 70h, al
	mov al, bl
	inc al
	out 71h, al
	mov dword [magic], MAGIC
	mov eax, cr0
	and eax, 80000001h
	is "paging and protection off", eax, 0
	faults "limit back", 13, mov al, [dword 10000h]
	test bl, bl
	jz .soft
	; the hard one alone resets devices
	in al, 21h
	xor ah, ah
	cmp bl, 1
	je .first
	movzx ax, bl
	is16 "lives", ax, 2
	ret
.first:	is16 "soft keeps the interrupt mask", ax, 5ah
	cmp word [failed], 0
	jne .end
	mov dx, 0cf9h
	mov al, 2		; SDM, PIIX3: the kind first, then the edge of bit 2
	out dx, al
	mov al, 6
	out dx, al
	jmp $
.soft:	mov al, 5ah
	out 21h, al
	mov dx, 0cf9h
	xor al, al
	out dx, al
	mov al, 4
	out dx, al
	jmp $
.end:	ret
	end_rom
