; BSF and BSR; a zero source sets ZF and (on both makers' processors) keeps the register.
; expect: eax=0000000d ecx=00000000 edx=0000000f ebx=00000000 edi=20000018 flags=pf|zf
; expect: m00000=0000000f,00000000,00000010,0000000d,0000000f,00000040 m1fef8=00000000,00000000
%include "test.inc"
	mov ecx, 0x00018000
	bsf eax, ecx
	keep eax
	keep_flags ZF
	bsr edx, ecx
	keep edx
	bsf ax, [esi + 2]
	keep eax
	bsr dx, cx
	keep edx
	xor ecx, ecx
	bsf eax, ecx
	keep_flags ZF
	bsr edx, ecx
	clean
	mov ebx, 0
	cmp ebx, ebx
