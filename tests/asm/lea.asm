; LEA in every form; flags stay.
; expect: eax=20001000 esp=d5b7b4b5 edi=2000002c flags=cf
; expect: m00000=20001000,b696a690,b696a68f,b5b5b5b5,2001ff04,4b4b4b48,b7d9fc1c,12345678
; expect: m00020=12348777,20001000,d5b7b4b5
%include "test.inc"
	stc
	lea eax, [esi]
	keep eax
	lea eax, [esi + edx * 8]
	keep eax
	lea eax, [esi + edx * 8 - 1]
	keep eax
	lea eax, [ebp]
	keep eax
	lea eax, [esp + 4]
	keep eax
	lea eax, [edx * 4]
	keep eax
	lea eax, [edx * 2 + 0x12345678]
	keep eax
	lea eax, [0x12345678]
	keep eax
	lea ax, [esi + 0x7777]
	keep eax
	lea eax, [fs:esi]           ; the segment does not matter
	keep eax
	lea esp, [esp + ebp]
	keep esp
