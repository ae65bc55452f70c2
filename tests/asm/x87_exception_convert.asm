; Conversions to MMX registers wait for a pending x87 exception, too, before the limit.
; expect: trap=10 eip=+d flags=rf fcw=037e fsw=b081 ftw=c0 m01000=2000037e
%include "test.inc"
	x87_pending
	cvtps2pi mm0, [gs:0x100]
