; ARPL adjusts the RPL and tells by ZF.
; expect: eax=12340013 ecx=00000003 ebx=00000000 edi=20000010 flags=pf|zf
; expect: m00000=12340013,00000040,12340013,00000000 m01000=20001003 m1fef8=00000000,00000000
%include "test.inc"
	mov eax, 0x12340010
	mov ecx, 3
	arpl ax, cx
	keep eax
	keep_flags ZF
	arpl ax, cx
	keep eax
	keep_flags ZF
	arpl [esi], cx
	clean
	mov ebx, 0
	cmp ebx, ebx
