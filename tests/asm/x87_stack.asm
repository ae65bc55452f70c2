; Stack overflow and underflow, masked: the indefinite, C1 and SF; FFREE, FINCSTP,
; FDECSTP, FXCH with an empty register.
; expect: fsw=1000 ftw=7d r0=3fff8000000000000000 r1=ffffc000000000000000 r2=3fff8000000000000000
; expect: r3=3fff8000000000000000 r4=3fff8000000000000000 r5=3fff8000000000000000
; expect: r6=3fff8000000000000000 r7=ffffc000000000000000
; expect: m00000=20000041,00000000,fff80000,20003a41,00000000,c0000000,2000ffff,08410800
; expect: m00020=00000000,c0000000,2000ffff,00000001,20001000
%include "test.inc"
	fadd st1                    ; both empty
	fnstsw [edi]
	fnclex
	fst qword [edi + 4]
	fninit
	times 8 fld1
	fldpi                       ; a ninth
	fnstsw [edi + 12]
	fnclex
	fstp tword [edi + 16]
	ffree st2
	fincstp
	fincstp
	fdecstp
	fnstsw [edi + 28]
	fxch st1                    ; empty
	fnstsw [edi + 30]
	fnclex
	fstp tword [edi + 32]
	fist dword [edi + 44]
	fnstsw [edi + 48]
	fnclex
