; The loads of constants under all four roundings (SDM vol. 1, 8.3.8), stored as 80-bit numbers.
; expect: ecx=0000137f edi=20000120 flags=pf|zf
; expect: m00000=00000000,80000000,8afe3fff,784bcd1b,4000d49a,5c17f0bc,b8aa3b29,c2353fff
; expect: m00020=daa22168,4000c90f,fbcff799,9a209a84,79ac3ffd,17f7d1cf,3ffeb172,00000000
; expect: m00040=00000000,20000000,00000000,80000000,8afe3fff,784bcd1b,4000d49a,5c17f0bb
; expect: m00060=b8aa3b29,c2343fff,daa22168,4000c90f,fbcff798,9a209a84,79ab3ffd,17f7d1cf
; expect: m00080=3ffeb172,00000000,00000000,20000000,00000000,80000000,8aff3fff,784bcd1b
; expect: m000a0=4000d49a,5c17f0bc,b8aa3b29,c2353fff,daa22168,4000c90f,fbcff799,9a209a84
; expect: m000c0=79ac3ffd,17f7d1cf,3ffeb172,00000000,00000000,20000000,00000000,80000000
; expect: m000e0=8afe3fff,784bcd1b,4000d49a,5c17f0bb,b8aa3b29,c2343fff,daa22168,4000c90f
; expect: m00100=fbcff798,9a209a84,79ab3ffd,17f7d1cf,3ffeb172,00000000,00000000,20000000
; expect: m01000=00000f7f
%include "test.inc"
	mov ecx, 0x037f
next:
	mov [esi], ecx
	fninit
	fldcw [esi]
	fld1
	fstp tword [edi]
	fldl2t
	fstp tword [edi + 10]
	fldl2e
	fstp tword [edi + 20]
	fldpi
	fstp tword [edi + 30]
	fldlg2
	fstp tword [edi + 40]
	fldln2
	fstp tword [edi + 50]
	fldz
	fstp tword [edi + 60]
	add edi, 72
	add ecx, 0x400
	cmp ecx, 0x137f
	jne next
	fninit
	times 8 fldz                ; leave no trace of the registers
	fninit
	cmp eax, eax
