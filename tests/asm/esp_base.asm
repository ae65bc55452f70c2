; Memory operands on ESP; ESP as an ordinary register in every role.
; expect: eax=2001fdfc ecx=2001fdfc ebp=2001ff00 edi=2000004c flags=pf|zf
; expect: m00000=2001ff00,2001ff08,2001ff30,2001fe00,20032247,2001ff30,4003fe60,2001ff01
; expect: m00020=dffe00fe,40002100,00210040,60003000,60001234,00002001,00002001,2001fdfc
; expect: m00040=2001fdfe,2001fdfc,2001ff10 m01000=2001ff00 m01008=2001ff00 m1fdfc=00002001
; expect: m1ff04=4003fe04
%include "test.inc"
	mov ebp, esp
	mov eax, [esp]
	keep eax
	mov ecx, 2
	mov eax, [esp + ecx * 4]
	keep eax
	mov eax, [esp + ecx * 8 + 0x20]
	keep eax
	mov eax, [esp - 0x100]
	keep eax
	lea eax, [esp + ecx + 0x12345]
	keep eax
	add [esp + 4], esp
	mov [esi], esp
	mov [esi + ecx * 4], esp
	xor esp, 0x30
	keep esp
	add esp, esp
	keep esp
	mov esp, [esi]
	inc esp
	keep esp
	not esp
	keep esp
	mov esp, esi
	shl esp, 1
	adc esp, 0x100
	keep esp
	bswap esp
	keep esp
	imul esp, esi, 3
	keep esp
	mov sp, 0x1234
	keep esp
	movzx esp, word [esi + 2]
	keep esp
	mov eax, 0x2001fe00
	xchg eax, esp
	keep eax
	push eax
	cmpxchg esp, ecx
	keep eax
	xadd esp, ecx
	keep esp
	keep ecx
	cmove esp, ebp
	mov esp, ebp
	bts esp, 4
	keep esp
	mov esp, ebp
	cmp esp, esp
