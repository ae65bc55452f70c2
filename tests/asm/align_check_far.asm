; A far call with a 16-bit operand pushes words: the stack may be aligned to two.
; initial: flags=ac
; expect: trap=0e error=0004 cr2=00001234 eip=00001234 esp=2001fefa flags=rf|ac m1fef8=000afef8 m1fefc=20010023
%include "test.inc"
	lea esp, [esp - 2]
	call word 0x23:0x1234
