; Round trips from real to protected mode and back, ROUNDS of them, as a boot loader makes for each
; call of the BIOS.
%include "bench.inc"
%ifndef ROUNDS
  %define ROUNDS 200000
%endif
main:
	lgdt [cs:table]
	mov dword [8], ROUNDS
.round:
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword 8:0f0000h + protected
	bits 32
protected:
	mov ax, 10h
	mov ds, ax
	mov es, ax
	mov ss, ax
	movzx esp, sp
	add esp, 10000h
	inc dword [1000ch]
	sub esp, 10000h
	jmp 18h:narrow
	bits 16
narrow:
	mov ax, 20h
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov eax, cr0
	and al, 0feh
	mov cr0, eax
	jmp 0f000h:real
real:
	mov ax, 1000h
	mov ds, ax
	mov es, ax
	mov ss, ax
	dec dword [8]
	jnz main.round
	mov ax, [12]
	ret
	align 8
entries: dq 0, 0cf9b000000ffffh, 0cf93000000ffffh, 09b0f0000ffffh, 093000000ffffh
table:	dw 39
	dd 0f0000h + entries
	end_rom
