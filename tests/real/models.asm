; What tells processors apart, by the signature that DX has after reset.
%include "rt.inc"
sig	equ VARS
word_at	equ VARS + 4
has_ac	equ VARS + 8		; expected: 0 or 1
has_id	equ VARS + 10
has_fpu	equ VARS + 12
main:
	mov [sig], dx
	mov dword [has_ac], 0
	mov word [has_fpu], 0
	cmp dh, 4
	jb .known
	inc word [has_ac]
	cmp dx, 423h
	je .known
	inc word [has_id]
	inc word [has_fpu]
.known:
%macro settable 3		; "name", flag, expected
	pushfd
	pop eax
	mov ecx, eax
	xor eax, %2
	push eax
	popfd
	pushfd
	pop eax
	push ecx
	popfd
	xor eax, ecx
	and eax, %2
	setnz al
	movzx ax, al
	is16 %1, ax, [%3]
%endmacro
	settable "ac", 40000h, has_ac
	settable "id", 200000h, has_id
	; the same by IRETD
	pushfd
	or dword [esp], 240000h
	push dword 0f000h
	push dword .iret
	o32 iret
.iret:	pushfd
	pop eax
	push dword 2
	popfd
	shr eax, 18
	mov cx, ax
	and cx, 1
	is16 "ac by iretd", cx, [has_ac]
	shr ax, 3
	and ax, 1
	is16 "id by iretd", ax, [has_id]

	; of the 286 and the first 386 alone
	faults "loadall", 6, db 0fh, 05h
	faults "loadall of 32 bits", 6, db 0fh, 07h
	cmp word [has_ac], 0
	jne .i486
	faults "bswap", 6, bswap eax
	faults "xadd", 6, xadd ax, bx
	faults "cmpxchg", 6, cmpxchg bx, ax
	faults "invlpg", 6, invlpg [bx]
	faults "wbinvd", 6, wbinvd
	mov eax, cr0
	or eax, 10000h
	mov cr0, eax
	mov eax, cr0
	shr eax, 16
	is16 "cr0.wp", ax, 0
	jmp .cpuid
.i486:	passes "bswap", bswap eax
	passes "invlpg", invlpg [bx]
.cpuid:	cmp word [has_id], 0
	jne .fpu
	faults "cpuid", 6, cpuid
	faults "cr4", 6, {mov eax, cr4}
.fpu:
	mov word [word_at], 5a5ah
	fninit
	fnstsw [word_at]
	mov ax, 5a5ah
	cmp word [has_fpu], 0
	je .sw
	xor ax, ax
.sw:	is16 "status word", [word_at], ax
	mov word [word_at], 5a5ah
	fnstcw [word_at]
	mov ax, 5a5ah
	cmp word [has_fpu], 0
	je .cw
	mov ax, 37fh
.cw:	is16 "control word", [word_at], ax
	cmp word [has_fpu], 0
	je .wait
	; no 287: its infinities are equal, whatever RC's neighbour says
	fninit
	fld1
	fldz
	fdivp
	fnstsw [word_at]
	is16 "divide by zero", [word_at], 3804h
	mov word [word_at], 27fh	; projective
	fldcw [word_at]
	fld st0
	fchs
	fcompp
	fnstsw ax
	and ah, 45h
	is16 "-infinity below infinity", ax, 104h
	fninit
.wait:
	passes "wait", wait
	mov eax, cr0
	mov ebx, eax
	or al, 4
	mov cr0, eax
	faults "esc with em", 7, fninit
	passes "wait with em", wait
	mov eax, ebx
	or al, 0ah
	mov cr0, eax
	faults "esc with ts", 7, fnstsw [word_at]
	faults "wait with mp and ts", 7, wait
	mov cr0, ebx
	ret
	end_rom
