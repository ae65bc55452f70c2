; SHLD and SHRD by 0, 1, 31 and 33, registers and memory.
; expect: eax=f0000000 ecx=c1c1c120 edx=c0000003 ebx=00000000 edi=20000030 flags=pf|zf
; expect: m00000=00000003,00000805,80000001,00000881,e0000001,00000080,f0000000,00000085
; expect: m00020=f0000000,00000010,f0000000,00000044 m01000=001000c0,20000031
; expect: m1fef8=00000000,00000000
%include "test.inc"
	mov eax, 0x80000001
	mov edx, 0xc0000003
	shld eax, edx, 1
	keep eax
	keep_flags ALL & ~AF
	shrd eax, edx, 1
	keep eax
	keep_flags ALL & ~AF
	mov cl, 31
	shld eax, edx, cl
	keep eax
	keep_flags CF | PF | ZF | SF
	mov cl, 33
	shrd eax, edx, cl
	keep eax
	keep_flags ALL & ~AF
	cmp eax, edx
	mov cl, 32
	shrd eax, edx, cl
	keep eax
	keep_flags ALL
	shld ax, dx, 4
	keep eax
	keep_flags CF | PF | ZF | SF
	shld [esi], edx, 8
	shrd [esi + 4], dx, 12
	clean
	mov ebx, 0
	cmp ebx, ebx
