; A Multiboot kernel that counts how often a loop runs in 64 periods of 5 ms by the 8254, and says
; it in hexadecimal, with how many cycles of the TSC that took; then it ends by port F4h with
; status 7.
BITS 32
section .text
global _start
	align 4
	dd 0x1badb002, 0, -0x1badb002
_start:
	mov esp, 0x80000
	in al, 0x61             ; counter 2 counts, the speaker is off
	and al, 0xfc
	or al, 1
	out 0x61, al
	mov al, 0xb4            ; counter 2, mode 2
	out 0x43, al
	mov al, 0xff
	out 0x42, al
	out 0x42, al
	mov ebp, 64
	xor edi, edi            ; loops
	xor ebx, ebx            ; ticks of the 8254
	rdtsc
	push eax
	call read
	mov esi, eax
.loop:
	mov ecx, 1000
.delay:
	dec ecx
	jnz .delay
	inc edi
	call read
	mov edx, esi
	mov esi, eax
	sub edx, eax
	jns .same
	add edx, 0xffff
.same:
	add ebx, edx
	cmp ebx, 64 * 5966      ; 5 ms at 1.193182 MHz
	jb .loop
	rdtsc
	pop ecx
	sub eax, ecx
	push eax
	mov eax, edi
	call say
	pop eax
	call say
	mov al, 3
	out 0xf4, al
read:
	mov al, 0x80            ; latch
	out 0x43, al
	in al, 0x42
	movzx edx, al
	in al, 0x42
	movzx eax, al
	shl eax, 8
	or eax, edx
	ret
say:
	mov ecx, 8
	mov dx, 0x3f8
.digit:
	rol eax, 4
	push eax
	and al, 15
	add al, '0'
	cmp al, '9'
	jbe .put
	add al, 7
.put:
	out dx, al
	pop eax
	loop .digit
	mov al, 10
	out dx, al
	ret
