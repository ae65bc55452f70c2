; The pointers to the last x87 instruction and its operand, in FNSTENV, FNSAVE and FXSAVE. An
; exception is pending, or newer processors would not keep them. The operand is in FS, whose base is
; AREA. Selectors are left out (deprecated: CPUID.07H:EBX, bit 13), and the opcode (MISC_ENABLE).
; SDM vol. 1, 8.1.8 to 8.1.10.
; initial: fcw=035f
; expect: eax=00000000 flags=pf|zf fcw=037f r7=4000c90fdaa22168c236 m00000=01010101,00000101
%include "test.inc"
	fldpi
instruction:
	fadd dword [fs:0x1000]      ; inexact
	fnstenv [esi + 0x100]
	fldcw [AREA + 0x1100]       ; FNSTENV has masked all
	cmp dword [esi + 0x100 + 12], instruction
	sete [edi]
	cmp dword [esi + 0x100 + 20], 0x1000
	sete [edi + 1]
	fxsave [esi + 0x200]
	cmp dword [esi + 0x200 + 8], instruction
	sete [edi + 2]
	cmp dword [esi + 0x200 + 16], 0x1000
	sete [edi + 3]
	fnsave [esi + 0x100]
	cmp dword [esi + 0x100 + 12], instruction
	sete [edi + 4]
	cmp dword [esi + 0x100 + 20], 0x1000
	sete [edi + 5]
	mov word [edi + 6], 0
	mov edi, esi
	mov ecx, 0x400 / 4
restore:                            ; each dword its own address again
	mov [edi], edi
	add edi, 4
	loop restore
	mov edi, AREA
	mov ecx, 0xc1c1c1c1
	mov eax, [edi]
	xor eax, eax
	fninit
