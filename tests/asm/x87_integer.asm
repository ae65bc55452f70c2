; FIST, FISTP in all sizes and roundings; the indefinite on overflow; FILD; BCD.
; expect: ecx=0000137f edi=20000070 flags=pf|zf
; expect: m00000=fffe0002,00000002,00000002,00000000,fffffffe,fffffffe,ffffffff,fffd0002
; expect: m00020=00000002,00000002,00000000,fffffffd,fffffffd,ffffffff,fffe0003,00000003
; expect: m00040=00000003,00000000,fffffffe,fffffffe,ffffffff,fffe0002,00000002,00000002
; expect: m00060=00000000,fffffffe,fffffffe,ffffffff,80008000,80000000,00000000,00000001
; expect: m00080=00010000,20000001,12345678,90123456,20008078,80000000,00000000,c0000000
; expect: m000a0=2000ffff,00000003,00000000,20000000,20003821,4f800000,47800000,20000f7f
; expect: m01000=40200000,c0200000,4f800000,47800000,00000f7f
%include "test.inc"
	mov dword [esi], 0x40200000     ; 2.5
	mov dword [esi + 4], 0xc0200000 ; -2.5
	mov dword [esi + 8], 0x4f800000 ; 2^32
	mov dword [esi + 12], 0x47800000 ; 65536
	mov ecx, 0x037f
next:
	mov [esi + 16], ecx
	fldcw [esi + 16]
	fld dword [esi]
	fist word [edi]
	fist dword [edi + 4]
	fistp qword [edi + 8]
	fld dword [esi + 4]
	fist word [edi + 2]
	fist dword [edi + 16]
	frndint
	fistp qword [edi + 20]
	add edi, 28
	add ecx, 0x400
	cmp ecx, 0x137f
	jne next
	fninit
	fld dword [esi + 8]
	fist word [edi]
	fist dword [edi + 4]
	fistp qword [edi + 8]
	fld dword [esi + 12]
	fist word [edi + 2]
	fistp dword [edi + 16]
	fnstsw [edi + 20]
	fnclex
	mov dword [edi + 24], 0x12345678
	mov dword [edi + 28], 0x90123456
	mov word [edi + 32], 0x8078
	fbld [edi + 24]
	fist dword [edi + 36]
	fadd st0
	fbstp [edi + 40]
	fldpi
	fbstp [edi + 52]
	fld tword [esi + 8]
	fnstsw [edi + 64]
	fnclex
	fstp tword [edi + 68]
	fninit
	times 8 fldz
	fninit
	cmp eax, eax
