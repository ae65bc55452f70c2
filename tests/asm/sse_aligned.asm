; A misaligned operand of a packed SSE instruction: #GP(0).
; expect: trap=0d eip=+0 error=0000 flags=rf
%include "test.inc"
	addps xmm0, [esi + 8]
