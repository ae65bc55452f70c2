; SSE2 on 128-bit integers.
; expect: eax=00000010 ecx=000000ff edx=ffffffff edi=20000080 xmm0=2000101c20001018ffffffffffffffff
; expect: xmm2=000000000000013f00000000000002ea xmm4=0000000000000000ffffffffffffffff
; expect: xmm5=000000000000000000000000b5b5b5b5 xmm6=00000000000000002000103c20001038
; expect: m00000=20001000,20001008,2000100c,20001010,20000014
; expect: m00020=48202030,4c202038,70202040,6c202048,000002ea,00000000,0000013f,00000000*5
; expect: m00050=ffffffff,ffffffff,00000000,00000000,ffffffff*4,20001000 m00080=00000000,00000000
%include "test.inc"
	movdqa xmm0, [esi]
	movdqu xmm1, [esi + 5]
	movdqu [edi + 1], xmm1
	movdqa xmm2, xmm0
	paddb xmm2, xmm1
	paddw xmm2, xmm0
	paddd xmm2, [esi + 0x20]
	paddq xmm2, xmm1
	psubsb xmm2, xmm0
	psubusw xmm2, xmm1
	movdqa [edi + 0x20], xmm2
	pmullw xmm2, xmm1
	pmulhuw xmm2, xmm0
	pmuludq xmm2, xmm1
	pmaddwd xmm2, xmm1
	psadbw xmm2, xmm0
	movdqa [edi + 0x30], xmm2
	movdqa xmm3, xmm1
	pslldq xmm3, 3
	psrldq xmm3, 1
	psllw xmm3, 2
	psrad xmm3, 1
	psrlq xmm3, xmm2
	movdqa [edi + 0x40], xmm3
	pshufd xmm4, xmm3, 0x1b
	pshufhw xmm4, xmm4, 0x4e
	pshuflw xmm4, xmm4, 0xb1
	punpcklqdq xmm4, xmm0
	punpckhqdq xmm4, xmm1
	punpckhbw xmm4, xmm3
	packssdw xmm4, xmm0
	packsswb xmm4, xmm1
	packuswb xmm4, xmm3
	movntdq [edi + 0x50], xmm4
	pextrw eax, xmm1, 6
	pinsrw xmm1, [esi + 0x30], 7
	pmovmskb ecx, xmm4
	pcmpgtd xmm1, xmm0
	pand xmm1, xmm4
	pandn xmm0, xmm1
	pxor xmm0, [esi + 0x10]
	por xmm0, xmm4
	movd edx, xmm0
	movd xmm5, ebp
	movq xmm6, [esi + 0x38]
	movq [edi + 0x60], xmm4
	movq2dq xmm7, mm0
	movdq2q mm1, xmm4
	movq [edi + 0x68], mm1
	movnti [edi + 0x70], esi
	add edi, 0x80
	maskmovdqu xmm1, xmm4
	lfence
	mfence
	pause
	emms
	times 8 fldz
	fninit
