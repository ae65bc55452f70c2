; CMOV with a false condition still faults on its operand.
; expect: trap=0e eip=+1 error=0004 cr2=20050008 flags=rf
%include "test.inc"
	clc
	cmovc eax, [HOLE + 8]
