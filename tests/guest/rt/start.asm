; Entry, trap stubs, and cpu_run: the part of the runtime that C cannot say.
; Multiboot 1 specification, 3.1 (header), 3.2 (machine state).
bits 32

CODE0 equ 08h
DATA0 equ 10h

section .multiboot
align 4
	dd 1BADB002h, 3, -(1BADB002h + 3)

section .text
global _start
extern rt_main
_start:
	mov esp, boot_stack_top
	xor ebp, ebp
	push dword 0
	popf
	push ebx
	push eax
	call rt_main
.halt:
	cli
	hlt
	jmp .halt

; void gdt_load(const void *gdtr): loads it and every segment register from it.
global gdt_load
gdt_load:
	mov eax, [esp + 4]
	lgdt [eax]
	jmp CODE0:.reload
.reload:
	mov eax, DATA0
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov fs, ax
	mov gs, ax
	ret

; One stub a vector; those without an error code push 0 in its place.
%assign vector 0
%rep 256
trap_stub_%+vector:
%if vector != 8 && vector != 17 && (vector < 10 || vector > 14)
	push dword 0
%endif
	push dword vector
	jmp trap_common
%assign vector vector + 1
%endrep

; struct frame of rt.h is what this pushes.
extern trap_entry
global trap_return
trap_common:
	pusha
	push ds
	push es
	push fs
	push gs
	mov eax, DATA0
	mov ds, ax
	mov es, ax
	cld
	push esp
	call trap_entry
	add esp, 4
trap_return:
	pop gs
	pop fs
	pop es
	pop ds
	popa
	add esp, 8
	iret

; void cpu_run_raw(const struct state *in): loads the state and goes to it with IRET;
; comes back through run_leave, which the trap handler calls.
; Offsets are those of struct state.
global cpu_run_raw
cpu_run_raw:
	pusha
	pushf
	mov [run_esp], esp
	mov ebx, [esp + 40]
	test byte [ebx + 38], 2		; VM
	jnz .virtual_8086
	test byte [ebx + 40], 3
	jz .same_level
	push dword [ebx + 44]		; SS
	push dword [ebx + 16]		; ESP
	jmp .frame
.same_level:
	mov ss, [ebx + 44]
	mov esp, [ebx + 16]
.frame:
	push dword [ebx + 36]		; EFLAGS
	push dword [ebx + 40]		; CS
	push dword [ebx + 32]		; EIP
	mov gs, [ebx + 60]
	mov fs, [ebx + 56]
	mov es, [ebx + 52]
	mov ds, [ebx + 48]
.registers:
	mov eax, [cs:ebx]
	mov ecx, [cs:ebx + 4]
	mov edx, [cs:ebx + 8]
	mov ebp, [cs:ebx + 20]
	mov esi, [cs:ebx + 24]
	mov edi, [cs:ebx + 28]
	mov ebx, [cs:ebx + 12]
	iret

.virtual_8086:
	push dword [ebx + 60]		; GS FS DS ES, which IRET loads
	push dword [ebx + 56]
	push dword [ebx + 48]
	push dword [ebx + 52]
	push dword [ebx + 44]
	push dword [ebx + 16]
	push dword [ebx + 36]
	push dword [ebx + 40]
	push dword [ebx + 32]
	jmp .registers

global run_leave
run_leave:
	mov eax, DATA0
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, [run_esp]
	mov fs, ax
	mov gs, ax
	popf
	popa
	ret

section .rodata
global trap_stubs
align 4
trap_stubs:
%assign vector 0
%rep 256
	dd trap_stub_%+vector
%assign vector vector + 1
%endrep

section .bss
run_esp: resd 1
alignb 4096
	resb 16384
boot_stack_top:
