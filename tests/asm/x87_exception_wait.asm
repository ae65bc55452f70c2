; The same at WAIT; an unmasked invalid operation left the operands alone.
; expect: trap=10 eip=+d flags=rf fcw=037e fsw=b081 ftw=c0 m01000=2000037e
%include "test.inc"
	x87_pending
	wait
