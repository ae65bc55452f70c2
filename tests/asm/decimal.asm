; DAA, DAS, AAA, AAS over every AL, CF and AF; AAM and AAD over every AL: one
; checksum of results and defined flags for each.
; expect: eax=00000000 ecx=00000000 edx=00000400 ebx=00000000 ebp=b7e8b91b edi=20000024 flags=pf|zf
; expect: m00000=d3158818,f5023705,b7b1a064,3bba2ad6,05e32d18,ca34e127,2d38c5e6,6fff32e1
; expect: m00020=b7e8b91b m1fef8=00000000,00000000
%include "test.inc"
%macro sum 2 ; instruction, defined flags
	xor ebp, ebp
	xor edx, edx
%%next:
	mov eax, edx        ; bits 0-7: AL; 8: CF; 9: AF
	mov ah, 0x35
	mov ecx, edx
	shr ecx, 8
	mov ebx, ecx
	and ecx, 1
	and ebx, 2
	shl ebx, 3
	or ecx, ebx
	push ecx
	popfd
	%1
	pushfd
	pop ecx
	and ecx, %2
	and eax, 0xffff
	rol ebp, 7
	imul ebp, ebp, 0x01000193
	xor ebp, eax
	shl ecx, 16
	xor ebp, ecx
	inc edx
	cmp edx, 0x400
	jne %%next
	keep ebp
%endmacro
	sum daa, ALL & ~OF
	sum das, ALL & ~OF
	sum aaa, CF | AF
	sum aas, CF | AF
	sum aam, PF | ZF | SF
	sum aad, PF | ZF | SF
	sum {aam 16}, PF | ZF | SF
	sum {aad 7}, PF | ZF | SF
	sum salc, CF
	clean
	mov ebx, 0
	cmp ebx, ebx
	mov eax, 0
	mov ecx, 0
