; ENTER whose new top of the stack cannot be written faults, after it has pushed EBP; ESP and
; EBP stay.  SDM vol. 2, ENTER.
; initial: esp=20000020
; expect: trap=0e eip=+0 error=0006 cr2=1fff801c flags=rf m0001c=b5b5b5b5
%include "test.inc"
	enter 0x8000, 0
	inc eax
