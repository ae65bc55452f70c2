; ROL, ROR, RCL, RCR: counts beyond the width, CF in and out; ZF SF PF AF stay.
; expect: eax=1d970f25 ecx=c1c1c121 ebx=00000000 edi=20000198 flags=pf|zf
; expect: m00000=8765c3a5,00000085,0ecb874b,00000085,0ecb874b,00000085,cb874b0e,00000084
; expect: m00020=874b0ecb,00000085,c3b2e1d2,00000084,0ecb874b,00000085,8765c3a5,00000085
; expect: m00040=c3b2e1d2,00000085,c3b2e1d2,00000085,d2c3b2e1,00000085,e1d2c3b2,00000085
; expect: m00060=0ecb874b,00000084,c3b2e1d2,00000085,8765c3a5,00000085,0ecb874b,00000085
; expect: m00080=0ecb874a,00000085,cb874a87,00000084,874b8765,00000085,a1d970e9,00000084
; expect: m000a0=0ecb874b,00000085,8765c3a5,00000085,c3b2e1d2,00000085,43b2e1d2,00000085
; expect: m000c0=a543b2e1,00000085,c3a5c3b2,00000085,1d970e95,00000084,c3b2e1d2,00000085
; expect: m000e0=8765c3a5,00000085,8765874b,00000085,8765874a,00000085,87654ac3,00000085
; expect: m00100=8765c3a5,00000085,87655874,00000085,8765874b,00000085,8765c3a5,00000085
; expect: m00120=8765c3d2,00000085,8765c352,00000085,8765c3a5,00000084,8765c34b,00000085
; expect: m00140=8765c3aa,00000084,8765c3d2,00000085,8765c3a5,00000085,876587a5,00000085
; expect: m00160=876586a5,00000085,8765c3a5,00000084,8765e1a5,00000085,876536a5,00000084
; expect: m00180=876587a5,00000085,00000801,00000801,00000000,00000001 m01000=24000200,20002004
; expect: m1fef8=00000000,00000000
%include "test.inc"
%macro rotate 4 ; operation, register, count, carry
	mov eax, 0x8765c3a5
	cmp eax, 0x90000000
	%4
	mov cl, %3
	%1 %2, cl
	keep eax
	keep_flags ALL & ~OF
%endmacro
%macro counts 2
	rotate %1, %2, 0, stc
	rotate %1, %2, 1, stc
	rotate %1, %2, 1, clc
	rotate %1, %2, 9, clc
	rotate %1, %2, 17, stc
	rotate %1, %2, 31, clc
	rotate %1, %2, 33, stc
%endmacro
	counts rol, eax
	counts ror, eax
	counts rcl, eax
	counts rcr, eax
	counts rcl, ax
	counts rcr, al
	counts rcl, ah
	rol eax, 1
	keep_flags OF | CF
	ror ax, 1
	keep_flags OF | CF
	rcl eax, 1
	keep_flags OF | CF
	rcr al, 1
	keep_flags OF | CF
	stc
	rcr dword [esi], 3
	rcl byte [esi + 5], 1
	clean
	mov ebx, 0
	cmp ebx, ebx
