; XCHG, CMPXCHG, XADD, CMPXCHG8B: both outcomes, locked and not.
; expect: eax=20100020 ecx=bbbbbbbb edx=20001024 ebx=00000000 edi=20000040 flags=pf|zf
; expect: m00000=22222222,22222211,11112211,00000044,20001000,00000000,2000100c,20001000
; expect: m00020=20001010,00000001,20001424,00000040,20001020,20001024,00000001,20100020
; expect: m01000=11112211,20001104,20001000 m01010=10001010,20002024,aaaaaaaa,bbbbbbbb
; expect: m1fef8=00000000,00000000
%include "test.inc"
	mov eax, 0x11111111
	mov ecx, 0x22222222
	xchg eax, ecx
	keep eax
	xchg al, ch
	keep eax
	keep ecx
	xchg [esi], ecx
	lock xchg [esi + 5], al
	mov eax, 0x20001008
	cmpxchg [esi + 8], ecx      ; equal
	keep_flags ALL
	cmpxchg [esi + 8], edx      ; not: EAX is loaded
	keep eax
	keep_flags ALL
	lock cmpxchg [esi + 12], dl
	keep eax
	mov eax, edx
	cmpxchg edx, esi
	keep edx
	mov ecx, 0xf0000000
	xadd [esi + 16], ecx
	keep ecx
	keep_flags ALL
	lock xadd [esi + 20], cx
	xadd cl, ch
	keep ecx
	mov eax, 0x20001018
	mov edx, 0x2000101c
	mov ebx, 0xaaaaaaaa
	mov ecx, 0xbbbbbbbb
	lock cmpxchg8b [esi + 24]   ; equal: ZF
	keep_flags ZF
	stc
	cmpxchg8b [esi + 32]        ; not
	keep eax
	keep edx
	keep_flags ZF | CF
	bswap eax
	keep eax
	clean
	mov ebx, 0
	cmp ebx, ebx
