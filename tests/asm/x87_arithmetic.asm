; Every arithmetic form: memory of all sizes, register forms with and without
; pop, reversed ones (the assembler's DC/DE forms), by all precisions.
; expect: eax=a0a00000 edi=20000118 flags=pf
; expect: m00000=5a22168c,401921fb,10b46000,c90fdad1,00004001,d0000000,be7777a5,00000000
; expect: m00020=bbbd2e80,0000bfe7,d0000000,3e7777a5,00000000,bbbd2e80,00003fe7,f4000000
; expect: m00040=c035fdbb,00000000,afeddfa0,0000c003,a4aeacc4,400e8ec8,7566226e,f4764525
; expect: m00060=00204000,e4950c70,3c4616dd,a8637e98,b0b6ef24,00203fc4,ff771c40,3c589bff
; expect: m00080=b8e200af,c4dffffb,00203fc5,0f5b2e78,3fc1ec55,d973c08c,8f62a87a,38203ffc
; expect: m000a0=8faaf7d2,3f9413d7,57be8c31,a09ebc7d,00203ff9,2a1c5a2b,bf99e8df,e2d156a0
; expect: m000c0=cf46f950,0020bff9,91b4ef6b,3ffc5bf8,a77b553d,e2dfc48d,00203fff,00000000
; expect: m000e0=40080000,00000000,c0000000,00204000,60000000,3fd45f30,00000000,a2f98300
; expect: m00100=00203ffd,6dc9c883,3fd45f30,4e441800,a2f9836e,00203ffd m01000=40490fdb
; expect: m01008=54442d18,400921fb,fffffff9,2000000c,fffffffe,12345678,2000027f
%include "test.inc"
%macro result 0
	fst qword [edi]
	fstp tword [edi + 8]
	fnstsw [edi + 18]
	fnclex
	add edi, 20
%endmacro
	mov dword [esi], 0x40490fdb             ; 3.14159274 single
	mov dword [esi + 8], 0x54442d18
	mov dword [esi + 12], 0x400921fb        ; pi
	mov dword [esi + 16], -7
	mov word [esi + 20], 12
	mov dword [esi + 24], 0xfffffffe
	mov dword [esi + 28], 0x12345678        ; a 64-bit integer
	fld dword [esi]
	fadd qword [esi + 8]
	result
	fld qword [esi + 8]
	fsub dword [esi]
	result
	fld qword [esi + 8]
	fsubr dword [esi]
	result
	fild dword [esi + 16]
	fmul dword [esi]
	result
	fild word [esi + 20]
	fdiv qword [esi + 8]
	result
	fild qword [esi + 24]
	fdivr qword [esi + 8]
	result
	fild qword [esi + 24]
	fiadd dword [esi + 16]
	fisub word [esi + 20]
	fisubr dword [esi + 16]
	fimul word [esi + 20]
	fidiv dword [esi + 16]
	fidivr word [esi + 20]
	result
	fld1
	fldpi
	fadd st0, st1
	fadd st1, st0
	fsub st0, st1
	fsub st1, st0
	fsubr st0, st1
	fsubr st1, st0
	fmul st0, st1
	fdiv st1, st0
	fdivr st0, st1
	fdivr st1, st0
	fxch
	result
	result
	fld1
	fldpi
	faddp
	fldpi
	fmulp
	fldl2e
	fsubp
	fldl2t
	fsubrp
	fldln2
	fdivp
	fldlg2
	fdivrp
	result
	fldpi
	fsqrt
	fchs
	fabs
	result
	fldpi
	frndint
	result
	mov word [esi + 32], 0x007f             ; single precision
	fldcw [esi + 32]
	fldpi
	fld1
	fdivrp
	result
	mov word [esi + 32], 0x027f             ; double
	fldcw [esi + 32]
	fldpi
	fld1
	fdivrp
	result
	fninit
	times 8 fldz
	fninit
	mov ax, 0
