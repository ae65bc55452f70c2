; An offset near 4 GiB is beyond the limit too, not before the base.
; expect: trap=0d eip=+5 error=0000 ebx=fffffffc flags=rf
%include "test.inc"
	mov ebx, -4
	mov al, [gs:ebx]
