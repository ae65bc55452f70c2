; A store that begins in the test's last page and ends in the hole: nothing is written.
; expect: trap=0e eip=+11 error=0006 cr2=20050000 ecx=2004fffe flags=rf m1fefc=2004000c
%include "test.inc"
	mov byte [CODE + 0xfff0], 0xc3
	call CODE + 0xfff0
	mov ecx, CODE + 0xfffe
	mov [ecx], eax
