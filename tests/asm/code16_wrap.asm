; 16-bit code: a branch target is cut to 16 bits.
; expect: eax=a0a00027 ecx=c1c1c1c2 flags=sf
%include "test.inc"
	mov byte [CODE + 0xff00], 0xe9          ; jmp near, past FFFFh to `target`
	mov word [CODE + 0xff01], target - CODE + 0x10000 - 0xff03
	jmp SEL_CODE16:0xff00
BITS 16
target:
	mov ax, cs
	jmp dword 0x23:end
BITS 32
end:
	inc ecx
