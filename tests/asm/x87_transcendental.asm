; The transcendental instructions, as this processor computes them.
; expect: native
%include "test.inc"
%macro keep_st 0
	fstp tword [edi]
	add edi, 12
%endmacro
	mov dword [esi], 0x3f000000     ; 0.5
	mov dword [esi + 4], 0x41200000 ; 10
	fld dword [esi]
	fsin
	keep_st
	fld dword [esi + 4]
	fcos
	keep_st
	fld dword [esi]
	fsincos
	keep_st
	keep_st
	fld dword [esi]
	fptan
	keep_st
	keep_st
	fld dword [esi]
	fld dword [esi + 4]
	fpatan
	keep_st
	fld dword [esi]
	f2xm1
	keep_st
	fld dword [esi]
	fld dword [esi + 4]
	fyl2x
	keep_st
	fld1
	fld dword [esi]
	fyl2xp1
	keep_st
	fld dword [esi]
	fld dword [esi + 4]
	fscale
	keep_st
	fxtract
	keep_st
	keep_st
	fld dword [esi]
	fld dword [esi + 4]
	fprem
	keep_st
	fld dword [esi + 4]
	fprem1
	keep_st
	fninit
	times 8 fldz
	fninit
