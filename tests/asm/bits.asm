; BT, BTS, BTR, BTC: a register offset is taken modulo the width for a register,
; and reaches anywhere for memory, below the operand too.
; expect: eax=00000000 ecx=0000004d ebx=00000000 edi=20000028 flags=pf|zf
; expect: m00000=00000001,00000000,00000002,00000000,00000001,00000000*4,00000001 m00dfc=a0000dfc
; expect: m00ffc=a0000ffc m01010=20001018,20001004 m01048=20003048 m01ffc=a0001ffc
; expect: m1fef8=00000000,00000000
%include "test.inc"
	mov eax, 0x80000000
	mov ecx, 0xffffffff
	bt eax, ecx
	keep_flags CF
	btr eax, ecx
	keep eax
	mov ecx, 65
	bts eax, ecx
	keep eax
	btc ax, cx
	keep eax
	keep_flags CF
	mov ecx, -1
	bts [esi], ecx          ; bit 31 of the dword below
	keep_flags CF
	mov ecx, -4097
	btc [esi], ecx
	keep_flags CF
	mov ecx, 0x7fff
	bts [esi], ecx
	keep_flags CF
	mov ecx, 0x12348008     ; only CX counts: -32760
	btr [esi + 0x8000], cx
	keep_flags CF
	bts dword [esi + 16], 35
	btc word [esi + 20], 20
	bt dword [esi], 12
	keep_flags CF
	mov ecx, 77
	lock btc [esi + 64], ecx
	clean
	mov ebx, 0
	cmp ebx, ebx
