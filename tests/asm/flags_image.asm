; What POPF lets a user change: the arithmetic flags, DF, TF, NT, AC, ID; not IF and IOPL.
; expect: eax=00000603 ecx=c1c10ed7 edi=20000030
; expect: m00000=00000202,00244ed7,00000202,00200202,00040202,00004602,00240ed7,c1c10ed7
; expect: m00020=0024d7d7,002402d7,00000203,00000603 m1fef8=00000000,00000000
%include "test.inc"
%macro try 1
	push dword %1
	popfd
	pushfd
	pop eax
	push dword 0x202
	popfd
	keep eax
%endmacro
	try 0
	try 0xffffffff & ~(0x100)
	try 0x3000
	try 0x200000
	try 0x40000
	try 0x4400
	push dword 0x240000
	popfd
	push word 0x0cd5
	popfw                       ; leaves the upper half
	pushfd
	pop eax
	keep eax
	pushfw
	pop cx
	keep ecx
	push dword 0x202
	popfd
	mov ah, 0xff
	sahf
	lahf
	keep eax
	mov ah, 0
	sahf
	lahf
	keep eax
	cmc
	pushfd
	pop eax
	keep eax
	std
	stc
	pushfd
	pop eax
	keep eax
	cld
	clc
	mov dword [esp - 4], 0
	mov dword [esp - 8], 0
