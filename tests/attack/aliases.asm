; As many host mappings as there are, of runs of three pages, and then one event that
; wants each of them split, or each of them gone:
;   (nothing)  the middle page becomes code
;   REVOKE     the page directory is emptied
;   PROTECT    every second page of other runs, 16 MiB long, becomes read-only
%include "boot.inc"
%ifdef PROTECT
RUNS equ 63000
%elifdef REVOKE
RUNS equ 60000
%else
RUNS equ 62500
%endif
PAGES equ 0x300000      ; the three
RUN equ 0x400000        ; 16 MiB of long runs, above 16 MiB of memory
_start:
	mov esp, stack_top
	; One table of 341 runs: the last entry would go on in the next table's first.
	mov edi, table
	mov ecx, 341
.fill:
	mov eax, PAGES + 0x63
	stosd
	add eax, 0x1000
	stosd
	add eax, 0x1000
	stosd
	loop .fill
	mov edi, linear
	mov ecx, 4096
	mov eax, 0x1000000 + 0x63
.linear:
	stosd
	add eax, 0x1000
	loop .linear
	mov dword [directory], 0xe3
	mov edi, directory + 4
	mov ecx, 4
	mov eax, linear + 0x63
.long:
	stosd
	add eax, 0x1000
	loop .long
	mov ecx, 1024 - 5
	mov eax, table + 0x63
	rep stosd
	mov byte [PAGES + 0x1000], 0xc3
	mov eax, cr4
	or eax, 0x10
	mov cr4, eax
	mov eax, directory
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80010000
	mov cr0, eax
	SAY 'a'
	mov esi, 0x1400000
	mov ebp, 341
	mov ecx, RUNS
.touch:
	mov al, [esi]
	add esi, 0x3000
	dec ebp
	jnz .next
	mov ebp, 341
	add esi, 0x1000
.next:
	loop .touch
%ifdef PROTECT
	mov esi, RUN
	mov ecx, 4096
.touch_long:
	mov al, [esi]
	add esi, 0x1000
	loop .touch_long
%endif
	SAY 'b'
%ifdef PROTECT
	mov edi, linear
	mov ecx, 2048
.read_only:
	and byte [edi], ~2
	add edi, 8
	loop .read_only
	mov eax, cr3
	mov cr3, eax
	mov byte [RUN + 0x1000], 1
%elifdef REVOKE
	mov edi, directory + 4
	mov ecx, 1023
	xor eax, eax
	rep stosd
	mov eax, cr3
	mov cr3, eax
%else
	call 0x1401000
	mov byte [0x1400000], 1
%endif
	SAY 'c'
	cli
	hlt
section .bss
	alignb 4096
directory: resb 4096
table: resb 4096
linear: resb 0x4000
