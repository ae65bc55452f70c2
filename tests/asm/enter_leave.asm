; ENTER with nesting levels 0, 1, 3 and 33 (1), LEAVE, both operand sizes.
; expect: esp=2001fefc ebp=2001fef8 edi=20000030
; expect: m00000=2001fefc,2001fee8,2001fedc,2001fed8,2001fecc,2001fee8,2001fedc,2001fed8
; expect: m00020=2001fece,2001fec4,2001fed8,2001fed0
; expect: m1fec8=fecefec8,fed82001,2001fee0,2001fed8,2001fee8 m1fee4=2001fee8,2001fefc
; expect: m1fefc=2001ff00
%include "test.inc"
	mov ebp, esp
	enter 16, 0
	keep ebp
	enter 8, 1
	keep ebp
	keep esp
	enter 0, 3
	keep ebp
	keep esp
	mov dword [esp], 0x77777777
	leave
	keep ebp
	keep esp
	enter 4, 33
	keep ebp
	o16 enter 6, 2
	keep ebp
	keep esp
	o16 leave
	keep ebp
	keep esp
	mov ebp, 0x2001fef8
	leave
