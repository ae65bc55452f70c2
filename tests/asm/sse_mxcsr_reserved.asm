; LDMXCSR of a reserved bit: #GP(0).
; expect: trap=0d eip=+6 error=0000 flags=rf m01000=00101f80
%include "test.inc"
	mov dword [esi], 0x00101f80
	ldmxcsr [esi]
