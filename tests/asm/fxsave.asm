; FXSAVE and FXRSTOR: what lies where; bytes 464-511 are the program's own.
; expect: eax=00000000 ecx=00000000 flags=pf|zf fsw=3000 ftw=c1 r6=4000c90fdaa22168c235
; expect: r7=3fff8000000000000000 xmm0=2000100c200010082000100420001000
; expect: xmm3=00000000000000000000000033333333 xmm7=2000107c200010782000107420001070
; expect: m00000=3000037f,000000c1,00000000*4,00001f80,00000000,2168c235,c90fdaa2,00004000
; expect: m0002c=00000000,00000000,80000000,00003fff,00000000*25,20001000,20001004,20001008
; expect: m000ac=2000100c,00000000*8,33333333,00000000*15,20001070,20001074,20001078,2000107c
; expect: m00120=00000000*48 m01100=54442d18,400921fb m01110=33333333,00000000*3
%include "test.inc"
	fld1
	fldpi
	movaps xmm0, [esi]
	movaps xmm7, [esi + 0x70]
	fxsave [edi]
	xor eax, eax
	mov [edi + 6], ax           ; opcode and pointers
	mov [edi + 8], eax
	mov [edi + 12], eax
	mov [edi + 16], eax
	mov [edi + 20], eax
	mov [edi + 28], eax         ; the mask tells the model
	mov ecx, 48
	lea edi, [edi + 288]
	rep stosd                   ; reserved, and the 48 bytes
	mov edi, AREA
	fninit
	xorps xmm0, xmm0
	xorps xmm7, xmm7
	mov dword [edi + 160 + 16 * 3], 0x33333333
	mov byte [edi + 4], 0xc1
	fxrstor [edi]
	fstp qword [esi + 0x100]
	movaps [esi + 0x110], xmm3
	fxrstor [edi]
	mov edi, AREA
