; FNSTENV, FLDENV, FNSAVE, FRSTOR in 32- and 16-bit form, without pointers: x87_pointers.asm.
; expect: eax=00000000 flags=pf|zf m00000=ffff037f,ffff3220,ffff0fff,00000000*4
; expect: m00100=ffff037f,ffff3820,ffff3fff,00000000*5,80000000,00003fff,00000000*14,c2360000
; expect: m00164=daa22168,4000c90f m00200=3820037f,00003fff,00000000,20000000
; expect: m00300=3820037f,00003fff,00000000*3,3fff8000,00000000*15,2168c236,c90fdaa2,20004000
; expect: m00804=20000000
; expect: m01100=54442d18,400921fb,00000000,3ff00000,00000000,3ff00000,00000000,3ff00000
%include "test.inc"
	fld1
	fldpi
	fadd dword [esi]
	fnstenv [edi]
	xor eax, eax
	mov [edi + 12], eax
	mov [edi + 16], eax
	mov [edi + 20], eax
	mov [edi + 24], eax
	fninit
	fldenv [edi]
	fstp qword [esi + 0x100]
	fnsave [edi + 0x100]
	fnstsw [AREA + 0x804]
	cmp word [edi + 0x100 + 8], 0x7fff
	sete [AREA + 0x802]
	mov [edi + 0x100 + 12], eax
	mov [edi + 0x100 + 16], eax
	mov [edi + 0x100 + 20], eax
	mov [edi + 0x100 + 24], eax
	frstor [edi + 0x100]
	fst qword [esi + 0x108]
	o16 fnstenv [edi + 0x200]
	mov dword [edi + 0x206], eax
	mov dword [edi + 0x20a], eax
	o16 fldenv [edi + 0x200]
	fst qword [esi + 0x110]
	o16 fnsave [edi + 0x300]
	mov dword [edi + 0x306], eax
	mov dword [edi + 0x30a], eax
	o16 frstor [edi + 0x300]
	fst qword [esi + 0x118]
	fninit
	times 8 fldz
	fninit
	cmp eax, eax
