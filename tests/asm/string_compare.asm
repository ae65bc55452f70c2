; CMPS and SCAS, REPE and REPNE: where they stop, their flags; ECX = 0 leaves the flags.
; expect: eax=20001028 ecx=00000002 ebp=20000204 esi=20001841 edi=2000102b flags=pf|zf
; expect: m00100=20001002,20001402,0000003e,a0a0a0a0,00000095,20001004,20001404,00000007
; expect: m00120=a0a0a0a0,00000044,20001840,20001840,00000000,a0a0a0a0,00000044,20001844
; expect: m00140=20001844,00000000,a0a0a0a0,00000044,20001843,20001843,00000000,a0a0a0a0
; expect: m00160=00000044,20001841,20001841,00000000,a0a0a0a0,00000044,20001841,20001028
; expect: m00180=0000005a,20001024,00000044,20001841,2000102c,00000060,20001020,00000044
; expect: m001a0=20001841,2000102e,00000002,20001028,00000095,20001841,2000102e,00000000
; expect: m001c0=20001028,00000005,20001841,2000102e,00000000,20001028,00000004,20001841
; expect: m001e0=20001027,00000002,20001028,00000044,20001841,2000102b,00000002,20001028
; expect: m00200=00000000 m01420=20001020 m1fef8=00000000,00000000
%include "test.inc"
%macro report 0
	mov [ebp], esi
	mov [ebp + 4], edi
	mov [ebp + 8], ecx
	mov [ebp + 12], eax
	pushfd
	pop eax
	and eax, ALL
	mov [ebp + 16], eax
	mov eax, [ebp + 12]
	lea ebp, [ebp + 20]
%endmacro
	mov ebp, AREA + 0x100
	mov edi, AREA + 0x1400
	mov ecx, 0x40
	mov byte [edi + 0x21], 0x10
	repe cmpsb                  ; the dwords differ in their second byte
	report
	mov ecx, 8
	repne cmpsw
	report
	mov esi, AREA + 0x1800
	mov edi, AREA + 0x1800
	mov ecx, 16
	repe cmpsd                  ; all equal
	report
	cmpsd
	report
	std
	cmpsb
	report
	cmpsw
	report
	cld
	mov edi, AREA + 0x1000
	mov eax, 0x20001024
	mov ecx, 100
	repne scasd
	report
	mov al, 0x20
	mov ecx, 100
	repne scasb
	report
	mov ax, 0x1028
	mov ecx, 3
	repe scasw
	report
	xor ecx, ecx
	cmp esi, 0
	stc
	repe cmpsb
	report
	repne scasd
	report
	std
	mov ecx, 9
	repne scasb
	report
	cld
	scasd
	report
	clean
	cmp ecx, ecx
