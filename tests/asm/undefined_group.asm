; FF /7: #UD.
; expect: trap=06 eip=+0 flags=rf
%include "test.inc"
	db 0xff, 0xff
