; Effective addresses wrap at 4 GiB.
; expect: eax=20000000 ecx=2000f000 edx=90000000 ebp=20001000 edi=2000001c m00000=20000010,20001000
; expect: m0000c=20001000,20000fe0,2000f000,20000000 m00ff0=fffffff0
%include "test.inc"
	mov eax, 0xfffffff0
	mov ecx, [eax + AREA + 0x20]
	keep ecx
	mov edx, 0x90000000
	mov ecx, [edx * 2 + 0x1000]
	keep ecx
	mov ecx, [edx + eax + 0x90000018]
	keep ecx
	mov ecx, [edx + edx + 0x4]
	keep ecx
	mov ebp, 0x20001000
	mov ecx, [ebp + eax - 0x10]
	keep ecx
	mov [fs:eax + 0x1000], eax
	mov ecx, [fs:0xf000]
	keep ecx
	lea eax, [edx + edx]
	keep eax
