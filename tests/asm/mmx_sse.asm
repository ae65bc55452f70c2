; The MMX instructions that came with SSE and SSE2.
; expect: eax=00000000 ecx=00001018 edi=20000028 flags=pf r0=ffff2000100420001000
; expect: r1=ffff2000101c20001018 r2=ffff000000000000005a r3=ffff2203950764a30fa6
; expect: r4=ffff80007f8000ff8000
; expect: m00000=20001006,2000100a,20001018,2000101c,0000005a,00000000,101c2000,10181000
; expect: m00020=64a30fa6,22039507,20001028,2000001c m01080=00ff8000,80007f80
%include "test.inc"
	movq mm0, [esi]
	movq mm1, [esi + 0x18]
	movq mm2, mm0
	pavgb mm2, mm1
	pavgw mm2, mm0
	movq [edi], mm2
	pmaxub mm2, mm1
	pminsw mm2, [esi + 0x40]
	pmaxsw mm2, mm0
	pminub mm2, mm1
	movq [edi + 8], mm2
	pmulhuw mm2, mm1
	psadbw mm2, mm0
	movq [edi + 16], mm2
	pmovmskb eax, mm1
	pshufw mm3, mm1, 0x1b
	pinsrw mm3, esi, 2
	pextrw ecx, mm3, 3
	movq [edi + 24], mm3
	pmuludq mm3, mm1
	paddq mm3, mm0
	psubq mm3, mm2
	movntq [edi + 32], mm3
	mov dword [esi + 0x80], 0x00ff8000
	mov dword [esi + 0x84], 0x80007f80
	movq mm4, [esi + 0x80]
	add edi, 40
	maskmovq mm3, mm4           ; at [edi]
	maskmovq mm1, mm4
	emms
