; Virtual-8086 mode under a monitor that takes each CLI, STI, PUSHF, POPF, IN, INT and IRET by #GP, as
; memory managers of DOS do at IOPL 0, ROUNDS rounds of them.
%include "bench.inc"
%ifndef ROUNDS
  %define ROUNDS 200000
%endif
%ifdef WIDE
  %error "there is no such form"
%endif
LINEAR equ 0f0000h		; of this ROM
STACK equ 20000h		; linear, of the monitor
TSS equ 21000h
IDT equ 22000h
FLAG equ 23000h			; the task's IF
main:
	mov al, 0ffh
	out 21h, al
	xor ax, ax
	mov fs, ax
	mov word [fs:60h * 4], handler
	mov word [fs:60h * 4 + 2], cs
	mov dword [8], ROUNDS
	mov dword [12], 0
	mov [10h], sp
	mov [12h], ss
	lgdt [cs:table]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword 8:LINEAR + monitor
	bits 32
monitor:
	mov ax, 10h
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, STACK
	; A TSS without an I/O bitmap: all ports trap.
	mov edi, TSS
	mov ecx, 26
	xor eax, eax
	rep stosd
	mov dword [TSS + 4], STACK
	mov dword [TSS + 8], 10h
	mov dword [TSS + 100], 104 << 16
	mov ax, 28h
	ltr [LINEAR + task]
	mov dword [IDT + 13 * 8], (8 << 16) + (fault - $$)
	mov dword [IDT + 13 * 8 + 4], LINEAR + 8e00h
	lidt [LINEAR + gates]
	xor eax, eax
	push eax		; GS
	push eax
	push dword 1000h	; DS
	push dword 1000h	; ES
	push dword 1000h	; SS
	push dword 0e000h
	push dword 20202h	; VM, IF, IOPL 0
	push dword 0f000h
	push dword v86
	iretd

fault:
	add esp, 4		; the error code, 0
	push eax
	push ebx
	push ecx
	mov ax, 10h		; they are null
	mov ds, ax
	movzx ebx, word [esp + 16]
	shl ebx, 4
	movzx eax, word [esp + 12]
	movzx ecx, byte [eax + ebx]
	inc word [esp + 12]
	movzx ebx, word [esp + 28]
	shl ebx, 4
	cmp cl, 0fah
	je .cli
	cmp cl, 0fbh
	je .sti
	cmp cl, 0ech
	je .in
	cmp cl, 9ch
	je .pushf
	cmp cl, 9dh
	je .popf
	cmp cl, 0cdh
	je .int
	cmp cl, 0cfh
	je .iret
	jmp 18h:narrow		; HLT: the end
.cli:	mov dword [FLAG], 0
	jmp .done
.sti:	mov dword [FLAG], 200h
	jmp .done
.in:	mov ecx, edx
	in al, dx
	mov [esp + 8], al
	jmp .done
.pushf:	mov eax, [esp + 20]
	and eax, 0fdffh
	or eax, [FLAG]
	sub word [esp + 24], 2
	movzx ecx, word [esp + 24]
	mov [ebx + ecx], ax
	jmp .done
.popf:	movzx ecx, word [esp + 24]
	movzx eax, word [ebx + ecx]
	add word [esp + 24], 2
.flags:	mov ecx, eax
	and ecx, 200h
	mov [FLAG], ecx
	and eax, 0dd5h
	or eax, 20202h
	mov [esp + 20], eax
	jmp .done
.int:	movzx ecx, word [esp + 12]
	inc word [esp + 12]
	movzx eax, word [esp + 16]
	shl eax, 4
	movzx ecx, byte [eax + ecx]
	sub word [esp + 24], 6
	movzx eax, word [esp + 24]
	add ebx, eax
	mov eax, [esp + 20]
	and eax, 0fdffh
	or eax, [FLAG]
	mov [ebx + 4], ax
	mov ax, [esp + 16]
	mov [ebx + 2], ax
	mov ax, [esp + 12]
	mov [ebx], ax
	movzx eax, word [ecx * 4]
	mov [esp + 12], eax
	movzx eax, word [ecx * 4 + 2]
	mov [esp + 16], eax
	mov dword [FLAG], 0
	jmp .done
.iret:	movzx eax, word [esp + 24]
	add ebx, eax
	movzx eax, word [ebx]
	mov [esp + 12], eax
	movzx eax, word [ebx + 2]
	mov [esp + 16], eax
	movzx eax, word [ebx + 4]
	add word [esp + 24], 6
	jmp .flags
.done:	pop ecx
	pop ebx
	pop eax
	iretd

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
	mov sp, [10h]
	mov ss, [12h]
	mov ax, [12]
	ret

	; The task.
v86:
	mov dx, 21h
.round:
	pushf
	cli
	in al, dx
	add [12], al
	sti
	pushf
	pop ax
	add [12], ax
	int 60h
	popf
	dec dword [8]
	jnz .round
	hlt
handler:
	inc word [12]
	iret
	align 8
entries: dq 0, 0cf9b000000ffffh, 0cf93000000ffffh, 09b0f0000ffffh, 093000000ffffh
	dq 0000890000000067h + (TSS << 16)
table:	dw 47
	dd 0f0000h + entries
gates:	dw 127
	dd IDT
task:	dw 28h
	end_rom
