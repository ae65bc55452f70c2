; A pending x87 exception comes before the limit of the operand's segment, also for MMX;
; FNSTCW does not wait.  SDM vol. 3, table 6-2; vol. 1, 8.3.12.
; expect: trap=10 eip=+14 flags=rf fcw=037e fsw=b081 ftw=c0 m01000=2000037e m07f10=2000037e
%include "test.inc"
	x87_pending
	fnstcw [gs:0x10]
	paddb mm0, [gs:0x100]
