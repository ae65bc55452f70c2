; Entry of the guest runner (Multiboot 1), its traps, and the way into a case.
BITS 32

extern kernel_main
extern kernel_trap
global trap_stubs
global fpu_image
global enter_user

section .multiboot
align 4
	dd 0x1badb002
	dd 1                    ; modules at page boundaries
	dd -(0x1badb002 + 1)

section .text
global _start
_start:
	cld
	mov esp, stack_end
	push ebx
	call kernel_main        ; does not return
	hlt

; The frame that kernel_trap() gets (struct frame in kernel.c).
trap_common:
	pushad
	push ds
	push es
	push fs
	push gs
	mov eax, 0x18
	mov ds, eax
	mov es, eax
	cld
	fxsave [fpu_image]
	push esp
	call kernel_trap
	pop eax
	mov esp, eax
	jmp restore

; enter_user(frame)
enter_user:
	mov esp, [esp + 4]
restore:
	fxrstor [fpu_image]
	pop gs
	pop fs
	pop es
	pop ds
	popad
	add esp, 8
	iretd

%macro stub 1
stub_%1:
%if !(%1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17)
	push dword 0
%endif
	push dword %1
	jmp trap_common
%endmacro

%assign n 0
%rep 32
	stub n
%assign n n + 1
%endrep

section .rodata
align 4
trap_stubs:
%assign n 0
%rep 32
	dd stub_ %+ n
%assign n n + 1
%endrep

section .bss
align 16
fpu_image:
	resb 512
	resb 16384
stack_end:

section .note.GNU-stack noalloc noexec nowrite progbits
