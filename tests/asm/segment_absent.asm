; A load of a segment that is not present: #NP(selector).
; expect: trap=0b eip=+4 error=0034 eax=a0a00037 flags=rf
%include "test.inc"
	mov ax, SEL_ABSENT
	mov es, ax
