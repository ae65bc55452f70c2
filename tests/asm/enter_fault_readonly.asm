; The same in a page that may only be read; the slot that is pushed holds its value already.
; initial: esp=20070020 ebp=2007001c
; expect: trap=0e eip=+0 error=0007 cr2=2006081c flags=rf
%include "test.inc"
	enter 0xf800, 0
	inc eax
