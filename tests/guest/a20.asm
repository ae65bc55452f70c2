; void probe(u32 *results): in an even MiB, as are its results, where its stack ends a page behind
; them. Copied there; the rest of the kernel is out of reach while A20 is off.
bits 32
section .text
global probe_92, probe_92_end, probe_8042, probe_8042_end

EVEN	equ 800100h
ODD	equ 900100h
CODE	equ 800200h		; mov eax, imm32; ret
MAPPED	equ 40000100h		; by a table in an odd MiB

%macro wait_8042 0
%%again:
	in al, 64h
	test al, 2
	jnz %%again
%endmacro

%macro by_8042 1
	wait_8042
	mov al, 0d1h
	out 64h, al
	wait_8042
	mov al, %1
	out 60h, al
	wait_8042
	mov al, 0ffh		; pulses no line: what came before has been done
	out 64h, al
	wait_8042
%endmacro

%macro by_92 1
	in al, 92h
	and al, 0fch
	or al, %1
	out 92h, al
%endmacro

%macro probe 3			; the way, off and on
	push ebx
	mov ebx, [esp + 8]
	mov [ebx], esp
	lea esp, [ebx + 1000h]
	%1 %2
	mov eax, cr3
	mov cr3, eax
	mov eax, [ODD]
	mov [ebx + 4], eax
	mov eax, CODE + 100000h
	call eax
	mov [ebx + 8], eax
	mov dword [ODD], 33h
	mov byte [CODE + 100001h], 0a0h
	mov eax, CODE
	call eax
	mov [ebx + 12], eax
	mov eax, cr0
	test eax, eax
	jns %%flat
	mov eax, [MAPPED]
	mov [ebx + 16], eax
%%flat:
	%1 %3
	mov eax, cr3
	mov cr3, eax
	mov esp, [ebx]
	pop ebx
	ret
%endmacro

probe_92:
	probe by_92, 0, 2
probe_92_end:
probe_8042:
	probe by_8042, 0ddh, 0dfh
probe_8042_end:
	db 0
