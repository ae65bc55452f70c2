; All sixteen conditions, taken and not, short and near, over all states of the
; flags: a bit string of decisions for each condition.
; expect: eax=e00001e1 ecx=00000800 edx=000008c5 esi=00000020 edi=20000040 flags=pf|zf
; expect: m00000=0001fffe,fffe0001,aaaaaaaa,55555555,1e1e1e1e,e1e1e1e1,bebebebe,41414141
; expect: m00020=01fe01fe,fe01fe01,66666666,99999999,01fffe00,fe0001ff,1ffffe1e,e00001e1
; expect: m1fef8=00000000,00000000
%include "test.inc"
%macro decide 1 ; condition; EDX = flags
	push edx
	popfd
	j%1 %%short
	jmp %%no
%%short:
	push edx
	popfd
	j%1 near %%near
	db 0x0f, 0x0b
%%near:
	add eax, 1
%%no:
	rol eax, 1
%endmacro
%macro condition 1
	xor eax, eax
	xor esi, esi
%%next:
	mov edx, esi        ; 5 bits: CF PF ZF SF OF
	and edx, 1
	mov ecx, esi
	and ecx, 2
	lea edx, [edx + ecx * 2]
	mov ecx, esi
	and ecx, 0x0c
	shl ecx, 4
	or edx, ecx
	mov ecx, esi
	and ecx, 0x10
	shl ecx, 7
	or edx, ecx
	decide %1
	inc esi
	cmp esi, 32
	jne %%next
	keep eax
%endmacro
	condition o
	condition no
	condition c
	condition nc
	condition z
	condition nz
	condition be
	condition a
	condition s
	condition ns
	condition p
	condition np
	condition l
	condition ge
	condition le
	condition g
	clean
