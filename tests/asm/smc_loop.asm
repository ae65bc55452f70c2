; A loop whose body changes on every round: an immediate, an opcode, a branch.
; expect: eax=040313ef ecx=00000000 edx=00000007 edi=2000000c m00000=000013ba,000013bf,040313ef
%include "test.inc"
	xor eax, eax
	mov ecx, 100
one:
	add eax, strict dword 1
	inc dword [one + 1]
	loop one
	keep eax
	mov ecx, 10
two:
	add eax, ecx                ; 01 C8 <-> 29 C8: ADD, SUB
	xor byte [two], 0x28
	loop two
	keep eax
	mov ecx, 6
three:
	jmp short .target
.a:
	add eax, 0x10000
	jmp .next
.b:
	add eax, 0x2000000
	jmp .next
.target:
	add eax, 0x30
.next:
	mov edx, ecx
	and edx, 1
	imul edx, edx, .b - .a
	mov [three + 1], dl
	loop three
	keep eax
