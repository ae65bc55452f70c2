; MMX: moves, packed arithmetic, shifts; the tags it sets and EMMS clears.
; expect: eax=ffffffff ecx=00000000 flags=pf|zf r0=ffff0000000000ffff00 r1=ffff7f80000000ffff00
; expect: r2=ffff00000000ffffffff r3=ffff00000000ffffffff
; expect: m00000=9fff9009,21ff900b,7fff8000,03fe8000,00000008,1d00000c,00020000,ffe26000
; expect: m00020=ff0000ff,7f800000,ffffffff,007fffff,ffffffff,00000000,ffffffff
; expect: m00040=ffff037f,ffff0000,ffff55aa,00000000*4,20000000 m01000=7fff8001,01ff80ff
%include "test.inc"
	mov dword [esi], 0x7fff8001
	mov dword [esi + 4], 0x01ff80ff
	movq mm0, [esi]
	movq mm1, [esi + 8]
	movq mm2, mm0
	paddb mm2, mm1
	movq [edi], mm2
	paddsw mm0, mm0
	movq [edi + 8], mm0
	psubusb mm1, mm0
	movq [edi + 16], mm1
	pmullw mm2, mm0
	pmulhw mm0, mm2
	pmaddwd mm0, mm1
	movq [edi + 24], mm0
	packssdw mm0, mm2
	packuswb mm2, mm0
	punpcklbw mm0, [esi]
	punpckhwd mm2, mm0
	movq [edi + 32], mm2
	pcmpgtb mm0, mm2
	pcmpeqw mm1, mm1
	psllw mm1, 3
	psrad mm1, [esi + 0x40]
	psrlq mm1, 9
	movq [edi + 40], mm1
	pand mm0, mm1
	pandn mm1, mm2
	por mm1, mm0
	pxor mm2, mm1
	movq [edi + 48], mm2
	movd eax, mm2
	movd mm3, eax
	movd [edi + 56], mm3
	fnstenv [edi + 64]
	xor ecx, ecx
	mov [edi + 76], ecx
	mov [edi + 80], ecx
	mov [edi + 84], ecx
	mov [edi + 88], ecx
	fldenv [edi + 64]
	emms
	fnstsw [edi + 92]
