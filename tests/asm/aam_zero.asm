; AAM 0: #DE.
; undefined: cf|pf|af|zf|sf|of
; expect: trap=00 eip=+0 flags=rf
%include "test.inc"
	aam 0
