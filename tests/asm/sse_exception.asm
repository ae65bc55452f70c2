; An unmasked SSE exception: #XM, the destination is as it was.
; initial: mxcsr=1d80
; expect: trap=13 eip=+a flags=rf mxcsr=00001d84 xmm0=0000000000000000000000003f800000
; expect: m01000=3f800000
%include "test.inc"
	mov dword [esi], 0x3f800000
	movss xmm0, [esi]
	divss xmm0, xmm1
