; Turns paging on with the first 16 MiB at 0 and at kernel_base (4 MiB pages), then starts
; as start.asm does, up there.
bits 32

section .low exec write
global high_start
extern _start, kernel_base
high_start:
	mov edi, boot_dir
	mov esi, kernel_base
	shr esi, 20
	mov ecx, 4
	mov edx, 83h
.fill:
	mov [edi], edx
	mov [edi + esi], edx
	add edx, 400000h
	add edi, 4
	loop .fill
	mov ecx, cr4
	or ecx, 10h
	mov cr4, ecx
	mov ecx, boot_dir
	mov cr3, ecx
	mov ecx, cr0
	or ecx, 80010000h
	mov cr0, ecx
	mov ecx, _start
	jmp ecx

; void high_pae(u32 cr3): from two-level paging to PAE.  Both map this where it is loaded.
global high_pae
high_pae:
	pop edx
	mov eax, [esp]
	mov ecx, .off
	jmp ecx
.off:
	mov ecx, cr0
	btr ecx, 31
	mov cr0, ecx
	mov cr3, eax
	mov eax, cr4
	or eax, 20h
	mov cr4, eax
	bts ecx, 31
	mov cr0, ecx
	jmp edx

align 4096
boot_dir:
	times 1024 dd 0
