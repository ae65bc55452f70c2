; MMX registers are the x87 ones: the same bits, exponent all ones, TOP to 0.
; expect: r3=ffffc90fdaa22168c235 r6=4000c90fdaa22168c235 r7=3fff8000000000000000
; expect: m00000=2168c235,c90fdaa2,20000000,00000000,00000000,20000000,00000000,80000000
; expect: m00020=20003fff
%include "test.inc"
	fld1
	fldpi
	movq mm3, mm6               ; pi's significand
	movq [edi], mm3
	fnstsw [edi + 8]
	fstp tword [edi + 12]
	emms
	fld1
	fstp tword [edi + 24]
