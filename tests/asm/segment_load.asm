; Loads of segment registers in every form, and what they then reach.
; expect: eax=0050002f ecx=0000ffff edx=00001234 ebx=00000000 ebp=2001ff00 edi=2000003c flags=pf|zf
; expect: es=0007 gs=006b
; expect: m00000=20010020,20001234,20008010,20002000,20001234,00000003,2001fffc,11111111
; expect: m00020=00007ffc,0050f300,00000040,0000ffff,00000000,00000040,00000000
; expect: m01000=00008000,20000007,006b8010,20000003 m17ff8=00007ffc,11111111
; expect: m1fef8=00000000,00000000
%include "test.inc"
	mov ax, SEL_STACK32
	mov es, ax
	mov ecx, [es:0x20]
	keep ecx
	mov dword [esi], 0x1234
	mov word [esi + 4], SEL_BASED
	mov dword [esi + 8], 0x006b8010     ; 16-bit offset, selector
	mov word [esi + 12], 3              ; null
	lgs edx, [esi]
	mov ecx, [gs:edx]
	keep ecx
	lfs cx, [esi + 8]
	keep ecx
	mov ecx, [fs:0x2000]
	keep ecx
	les ebx, [esi]
	mov ecx, [es:ebx]
	keep ecx
	mov es, [esi + 12]
	mov eax, es
	keep eax
	push dword SEL_STACK32
	pop es
	mov ecx, [es:0xfffc]
	keep ecx
	mov dword [esi], 0x8000
	mov word [esi + 4], SEL_STACK32
	mov ebp, esp
	lss esp, [esi]                      ; SS: base STACK
	push dword 0x11111111
	push esp
	mov eax, [esp + 4]
	keep eax
	mov eax, [ebp - STACK - 0x7f08]     ; EBP goes with SS as well
	keep eax
	mov ax, 0x2b
	mov ss, ax
	mov esp, ebp
	mov ax, 0x2b
	mov ds, ax
	lar eax, [esi + 4]
	keep eax
	keep_flags ZF
	lsl ecx, [esi + 4]
	keep ecx
	mov ax, SEL_EXECONLY
	verr ax
	keep_flags ZF
	mov ax, SEL_RODATA
	verr ax
	keep_flags ZF
	verw ax
	keep_flags ZF
	clean
	mov ebx, 0
	cmp ebx, ebx
