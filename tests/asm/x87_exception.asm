; An unmasked division by zero: #MF at the next waiting instruction, not before.
; expect: trap=10 eip=+10 eax=a0a0a0a1 flags=sf|rf fcw=037b fsw=b084 ftw=c0 r7=3fff8000000000000000
; expect: m00000=2000b084 m01000=2000037b
%include "test.inc"
	mov word [esi], 0x037b
	fldcw [esi]
	fld1
	fldz
	fdivp
	inc eax
	fnstsw [edi]
	fnop
	inc eax
