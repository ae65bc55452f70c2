; SSE2 on doubles: moves, arithmetic, comparison, conversions.
; expect: eax=00000003 ecx=00000003 edx=ffffff9c ebx=00000000 edi=20000004 flags=pf|zf
; expect: mxcsr=00001fa1 xmm0=c0590000000000004008000000000000 xmm1=fffffffd000000000000000280000000
; expect: xmm2=4e0000414e0000414e0000414e000040 xmm3=0000000000000000ffffff9c00000003
; expect: xmm4=0000000000000000ffffff9c00000003 xmm5=41c000081200000041c0000810000000
; expect: xmm6=c059000000000000400921fb40490fdb xmm7=00000000000000004008000000000000
; expect: m00000=00000000,c0590000,00000000,c0590000,8fe6643b,405b5b2f,daa22169,c059c90f
; expect: m00020=91b4ef6a,3ffc5bf8,daa22169,c059c90f,daa22169,0000c90f,54442d18,400921fb
; expect: m00044=40490fdb,400921fb,00000000,c0590000 m01000=54442d18,400921fb,00000000,c0590000
; expect: m1fef8=00000000,00000000
%include "test.inc"
	mov dword [esi], 0x54442d18
	mov dword [esi + 4], 0x400921fb
	mov dword [esi + 8], 0x00000000
	mov dword [esi + 12], 0xc0590000
	movapd xmm0, [esi]
	movupd xmm1, [esi + 1]
	movsd xmm1, [esi + 8]
	movhpd xmm1, [esi]
	movlpd xmm2, [esi]
	movhpd [edi], xmm0
	movlpd [edi + 8], xmm1
	addpd xmm2, xmm0
	subpd xmm2, xmm1
	mulpd xmm2, [esi]
	divpd xmm2, xmm0
	addsd xmm2, [esi]
	sqrtsd xmm3, xmm0
	sqrtpd xmm4, xmm0
	maxpd xmm4, xmm2
	minsd xmm4, xmm3
	movapd [edi + 0x10], xmm2
	movapd [edi + 0x20], xmm4
	cmplepd xmm4, xmm0
	movmskpd eax, xmm4
	andpd xmm4, xmm0
	andnpd xmm3, xmm0
	orpd xmm3, xmm4
	xorpd xmm3, xmm2
	shufpd xmm3, xmm0, 1
	unpckhpd xmm2, xmm3
	unpcklpd xmm3, xmm0
	movntpd [edi + 0x30], xmm3
	comisd xmm0, xmm1
	keep_flags ALL
	cvtpd2ps xmm5, xmm0
	cvtps2pd xmm6, xmm5
	cvtsd2ss xmm6, xmm0
	cvtss2sd xmm7, xmm6
	movupd [edi + 0x40], xmm6
	cvtsd2si ecx, xmm0
	cvttsd2si edx, [esi + 8]
	cvtsi2sd xmm7, ecx
	cvtpd2dq xmm3, xmm0
	cvttpd2dq xmm4, xmm0
	cvtdq2pd xmm5, [esi + 0x20]
	cvtdq2ps xmm2, [esi + 0x20]
	cvtps2dq xmm1, xmm2
	cvttps2dq xmm1, [esi]
	cvtpd2pi mm0, xmm0
	cvttpd2pi mm1, [esi]
	cvtpi2pd xmm0, mm0
	emms
	times 8 fldz
	fninit
	clean
	mov ebx, 0
	cmp ebx, ebx
