; LDMXCSR, STMXCSR, rounding and flush-to-zero.
; expect: eax=00000003 ecx=00009f80 edi=20000010 flags=pf|zf mxcsr=00009fb0
; expect: m00000=00001f80,3eaaaaab,3eaaaaaa,3eaaaaab,3eaaaaaa,00000000,00009fb0
; expect: m01000=3f800000,40400000,00800000,00009f80
%include "test.inc"
	stmxcsr [edi]
	mov dword [esi], 0x3f800000
	mov dword [esi + 4], 0x40400000
	mov dword [esi + 8], 0x00800000
	mov ecx, 0x1f80
next:
	mov [esi + 12], ecx
	ldmxcsr [esi + 12]
	movss xmm0, [esi]
	divss xmm0, [esi + 4]
	movss [edi + 4], xmm0
	cvtss2si eax, [esi + 4]
	add edi, 4
	add ecx, 0x2000
	cmp ecx, 0x9f80
	jne next
	mov [esi + 12], ecx         ; FTZ
	ldmxcsr [esi + 12]
	movss xmm0, [esi + 8]
	divss xmm0, [esi + 4]
	movss [edi + 4], xmm0
	stmxcsr [edi + 8]
