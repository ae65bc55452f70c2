; SHL, SHR, SAR by 0, 1, 31, 32 (0) and 33 (1) in all widths; OF is defined for 1.
; expect: eax=8765c3ff ecx=c1c1c11f ebx=00000000 edi=20000188 flags=pf|zf
; expect: m00000=8765c3a5,00000085,0ecb874a,00000801,b2e1d280,00000081,8765c3a5,00000085
; expect: m00020=0ecb874a,00000801,8765c3a5,00000085,43b2e1d2,00000805,010ecb87,00000004
; expect: m00040=8765c3a5,00000085,43b2e1d2,00000805,8765c3a5,00000085,c3b2e1d2,00000085
; expect: m00060=ff0ecb87,00000084,8765c3a5,00000085,c3b2e1d2,00000085,8765c3a5,00000085
; expect: m00080=8765874a,00000081,8765d280,00000081,8765c3a5,00000085,8765874a,00000081
; expect: m000a0=8765c3a5,00000085,876561d2,00000805,87650187,00000004,8765c3a5,00000085
; expect: m000c0=876561d2,00000805,8765c3a5,00000085,8765e1d2,00000085,8765ff87,00000084
; expect: m000e0=8765c3a5,00000085,8765e1d2,00000085,8765c3a5,00000085,876586a5,00000081
; expect: m00100=876580a5,00000081,8765c3a5,00000085,876586a5,00000081,8765c3a5,00000085
; expect: m00120=876561a5,00000801,876501a5,00000001,8765c3a5,00000085,876561a5,00000801
; expect: m00140=8765c3a5,00000085,8765e1a5,00000085,8765ffa5,00000085,8765c3a5,00000085
; expect: m00160=8765e1a5,00000085,80000000,00000084,00000001,00000000,ffffffff,00000084
; expect: m00180=8765c3ff,00000084 m01000=00010000,20000802,01001008 m1fef8=00000000,00000000
%include "test.inc"
%macro shift 4 ; operation, register, count, defined flags
	mov eax, 0x8765c3a5
	cmp eax, 0x90000000
	mov cl, %3
	%1 %2, cl
	keep eax
	keep_flags %4
%endmacro
%macro counts 2
	shift %1, %2, 0, ALL
	shift %1, %2, 1, ALL & ~AF
	shift %1, %2, 7, CF | PF | ZF | SF
	shift %1, %2, 32, ALL
	shift %1, %2, 33, ALL & ~AF
%endmacro
	counts shl, eax
	counts shr, eax
	counts sar, eax
	counts shl, ax
	counts shr, ax
	counts sar, ax
	counts shl, ah
	counts shr, ah
	counts sar, ah
	shift shl, eax, 31, CF | PF | ZF | SF
	shift shr, eax, 31, CF | PF | ZF | SF
	shift sar, eax, 31, CF | PF | ZF | SF
	shift sar, al, 31, PF | ZF | SF
	shl dword [esi], 4
	shr word [esi + 4], 1
	sar byte [esi + 11], 5
	clean
	mov ebx, 0
	cmp ebx, ebx
