; FCOM, FUCOM, FTST, FXAM, FCOMI and their popping forms: less, equal, greater, unordered.
; expect: eax=00000000 ebx=00000000 edi=20000078 flags=pf|zf
; expect: m00000=01000100,40004000,00000001,00000001,00000000,3ff00000,40004000,00004000
; expect: m00020=00400400,00400000,2d180000,21fb5444,40004009,00000000,04000000,00000000*4
; expect: m0004c=45004000,45004500,00450100,00450000,00000000,00000000,40003ff0,00000000*4
; expect: m00078=41000078 m01000=7fc00000 m1fef8=00000000,00000000
%include "test.inc"
%macro status 0
	fnstsw ax
	and ax, 0x4700              ; C3 C2 C1 C0: C1 is 0 here
	mov [edi], ax
	add edi, 2
%endmacro
%macro compares 0
	fcom st1
	status
	fucom st1
	status
	ftst
	status
	fxam
	fnstsw ax
	and ax, 0x4700
	mov [edi], ax
	add edi, 2
	fcomi st0, st1
	keep_flags ALL
	fucomi st0, st1
	keep_flags ALL
	fcmovb st0, st1
	fcmove st0, st1
	fcmovbe st0, st1
	fcmovu st0, st1
	fcmovnb st0, st1
	fcmovne st0, st1
	fcmovnbe st0, st1
	fcmovnu st0, st1
	fstp qword [edi]
	add edi, 8
	fcomp st0
	status
%endmacro
	fld1
	fldz
	compares
	fldpi
	fldpi
	compares
	fldz
	fldpi
	compares
	mov dword [esi], 0x7fc00000
	fld1
	fld dword [esi]
	compares
	fld1
	fldpi
	fcompp
	status
	fld1
	fldpi
	fucompp
	status
	fld1
	fldpi
	fcomip st1
	keep_flags ALL
	fldpi
	fucomip st1
	keep_flags ALL
	fcomp dword [esi]
	fnstsw [edi]                ; invalid and unordered
	fnclex
	fild dword [esi]
	ficom word [esi + 4]
	status
	ficomp dword [esi + 4]
	status
	fxam                        ; empty
	fnstsw ax
	and ax, 0x4500
	mov [edi + 2], ax
	fninit
	times 8 fldz
	fninit
	clean
	cmp eax, eax
	mov eax, 0
	mov ebx, 0
