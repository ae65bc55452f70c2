; The tour kernel: entry, trap stubs, system calls, and the program that runs in ring 3.
bits 32

CODE0 equ 08h
DATA0 equ 10h
CODE3 equ 1bh
DATA3 equ 23h

section .multiboot
align 4
	dd 1BADB002h, 3, -(1BADB002h + 3)

section .text
global _start
extern kernel_main
_start:
	mov esp, boot_stack_top
	push ebx
	push eax
	call kernel_main
.halt:
	cli
	hlt
	jmp .halt

; void load_segments(void): every register from the new GDT.
global load_segments
load_segments:
	jmp CODE0:.here
.here:
	mov eax, DATA0
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov fs, ax
	mov gs, ax
	ret

; Exceptions 0 to 31, those of the PIC at 32 to 47, 64 for the tour's INT n.
%assign vector 0
%rep 65
stub_%+vector:
%if vector != 8 && vector != 17 && (vector < 10 || vector > 14)
	push dword 0
%endif
	push dword vector
	jmp enter_trap
%assign vector vector + 1
%endrep

extern trap
enter_trap:
	pusha
	push ds
	push es
	mov eax, DATA0
	mov ds, ax
	mov es, ax
	cld
	push esp
	call trap
	add esp, 4
	pop es
	pop ds
	popa
	add esp, 8
	iret

; INT 80h: EAX = 0 does nothing but count; anything else goes to the C part.
global int80_stub
extern int80_count
int80_stub:
	test eax, eax
	jnz .call
	inc dword [int80_count]
	iret
.call:
	push dword 0
	push dword 80h
	jmp enter_trap

; SYSENTER: EDX = where to go on, ECX = the user's ESP.
global sysenter_entry
extern sysenter_count
sysenter_entry:
	inc dword [sysenter_count]
	sti
	sysexit

; void enter_user(u32 eip, u32 esp): ring 3 until it exits by leave_user.
global enter_user
enter_user:
	pusha
	mov [user_return], esp
	mov eax, [esp + 36]
	mov ecx, [esp + 40]
	push dword DATA3
	push ecx
	push dword 202h
	push dword CODE3
	push eax
	mov eax, DATA3
	mov ds, ax
	mov es, ax
	iret

global leave_user
leave_user:
	mov esp, [user_return]
	popa
	ret

section .rodata
global stubs
align 4
stubs:
%assign vector 0
%rep 65
	dd stub_%+vector
%assign vector vector + 1
%endrep

; --- ring 3 ---

NULL_CALL equ 0
EXIT equ 1
HELLO equ 2
FAULTED equ 3

section .user exec
global user_hello, user_fault, user_int80, user_sysenter, user_patch

; Tells its CS and what a store to a page that is not there came to.
user_hello:
	mov ebx, cs
	mov eax, HELLO
	int 80h
	mov eax, EXIT
	int 80h

user_fault:
	mov ebx, 40000000h
	mov dword [ebx + 123h], 0c0ffeeh
	mov ecx, [ebx + 123h]
	mov eax, FAULTED
	int 80h
	mov eax, EXIT
	int 80h

; CALLS times, as fast as it goes.
CALLS equ 100000
user_int80:
	mov ecx, CALLS
.again:
	xor eax, eax
	int 80h
	dec ecx
	jnz .again
	mov eax, EXIT
	int 80h

user_sysenter:
	mov esi, CALLS
	mov ebp, esp
.again:
	mov edx, .back
	mov ecx, ebp
	sysenter
.back:
	dec esi
	jnz .again
	mov eax, EXIT
	int 80h

; Writes the operand of its own next instruction before each pass.
PATCHES equ 10000
user_patch:
	mov ecx, PATCHES
	xor edx, edx
.again:
	mov [.patched + 2], ecx
.patched:
	add edx, 12345678h
	dec ecx
	jnz .again
	mov ebx, edx
	mov eax, 4
	int 80h
	mov eax, EXIT
	int 80h

section .bss
alignb 16
user_return: resd 1
alignb 16
	resb 8192
boot_stack_top:
