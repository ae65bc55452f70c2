; A far call to a selector beyond the GDT's present entries: #GP(selector).
; expect: trap=0d eip=+0 error=0078 flags=rf
%include "test.inc"
	call 0x7b:0
