; Turns paging on with the first 16 MiB at 0 and at C0000000h (4 MiB pages), then starts
; as start.asm does, up there.
bits 32

section .low exec write
global high_start
extern _start
high_start:
	mov edi, boot_dir
	mov ecx, 4
	mov edx, 83h
.fill:
	mov [edi], edx
	mov [edi + 0C00h], edx
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

align 4096
boot_dir:
	times 1024 dd 0
