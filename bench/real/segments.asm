; Segment registers loaded as programs of the large model do: far calls, LES, PUSH and POP of DS,
; INT n with IRET, in ROUNDS rounds.
%include "bench.inc"
%ifndef ROUNDS
  %define ROUNDS 1000000
%endif
main:
%ifdef WIDE
  %error "there is no such form"
%endif
	xor ax, ax
	mov es, ax
	mov word [es:60h * 4], handler
	mov word [es:60h * 4 + 2], cs
	mov dword [20h], 10000040h
	mov dword [40h], 0
	mov dword [8], ROUNDS
.round:
	mov ax, 1000h
	mov es, ax
	les bx, [20h]
	inc word [es:bx]
	push ds
	pop es
	inc word [es:bx]
%ifndef NOFAR
	call 0f000h:far_leaf
%endif
%ifndef NOINT
	int 60h
%endif
	dec dword [8]
	jnz .round
	mov ax, [40h]
	ret
far_leaf:
	push ds
	mov ax, 1100h
	mov ds, ax
	pop ds
	retf
handler:
	push ds
	pushf
	cli
	sti
	popf
	pop ds
	iret
	end_rom
