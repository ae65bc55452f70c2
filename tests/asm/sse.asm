; SSE: moves of every form, arithmetic, comparison, logic, shuffles, conversions.
; expect: eax=00000000 ecx=00000003 edx=00000003 ebx=00000000 edi=20000008 flags=pf|zf
; expect: mxcsr=00001fa1 r0=ffff0000000300000001 r1=ffff00000000ffffff9c
; expect: xmm0=3ea2a020c04800004041055000000000 xmm1=3ea2a020c04800004041055000000000
; expect: xmm2=404105503eaaaaab3f800000c2c80000 xmm3=0000000000000000000000003eaaaaab
; expect: xmm4=3ea2a020c0480000404105503f800000 xmm5=404105503f800000000000003eaaaaab
; expect: xmm6=00000000000000004e0000414e000040 m00000=00000001,00000040,0040490f,abc2c800,203eaaaa
; expect: m00020=c2c80000,3eaaaaab,c2c80000,3eaaaaab,3faaaaab,40490fd8,c2c80000,3eaaaaab
; expect: m00040=3f800000,40490fd8,c2c80000,3eaaaaab,3f800000,40410550,c0480000,3ea2a020
; expect: m00060=c2c80000,3f800000,3eaaaaab,40410550 m00078=00000001,00000003,ffffff9c,00000000
; expect: m01000=3f800000,40490fdb,c2c80000,3eaaaaab m1fef8=00000000,00000000
%include "test.inc"
	mov dword [esi], 0x3f800000
	mov dword [esi + 4], 0x40490fdb
	mov dword [esi + 8], 0xc2c80000
	mov dword [esi + 12], 0x3eaaaaab
	movaps xmm0, [esi]
	movups xmm1, [esi + 1]
	movups [edi + 3], xmm0
	movlps xmm1, [esi + 8]
	movhps xmm1, [esi]
	movlps [edi + 0x20], xmm1
	movhps [edi + 0x28], xmm0
	movhlps xmm2, xmm0
	movlhps xmm2, xmm0
	movss xmm3, [esi + 12]
	movss xmm4, xmm0
	addps xmm2, xmm0
	subps xmm2, [esi]
	mulps xmm2, xmm0
	divps xmm2, xmm1
	addss xmm2, xmm3
	movaps [edi + 0x30], xmm2
	sqrtps xmm5, xmm0
	sqrtss xmm5, [esi + 4]
	maxps xmm5, xmm2
	minps xmm5, xmm0
	maxss xmm5, xmm3
	movaps [edi + 0x40], xmm5
	cmpltps xmm0, xmm5
	cmpneqss xmm1, xmm0
	movmskps eax, xmm0
	andps xmm0, xmm5
	andnps xmm1, xmm5
	orps xmm0, xmm1
	xorps xmm4, xmm0
	movaps [edi + 0x50], xmm4
	shufps xmm5, xmm2, 0x93
	unpcklps xmm5, xmm0
	unpckhps xmm2, xmm5
	movntps [edi + 0x60], xmm2
	comiss xmm5, [esi]
	keep_flags ALL
	ucomiss xmm3, xmm3
	keep_flags ALL
	cvtsi2ss xmm6, esi
	cvttss2si ecx, [esi + 4]
	cvtss2si edx, [esi + 4]
	cvtpi2ps xmm6, [esi + 0x20]
	cvttps2pi mm0, [esi]
	cvtps2pi mm1, [esi + 8]
	movq [edi + 0x70], mm0
	movq [edi + 0x78], mm1
	emms
	prefetchnta [esi]
	prefetcht0 [HOLE]
	sfence
	clean
	mov ebx, 0
	cmp ebx, ebx
	xorps xmm7, xmm7
