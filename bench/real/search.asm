; Strings searched: a text of 32 KiB for a word that is at its end, by LODSB and by REPNE SCASB with
; REPE CMPSB, ROUNDS times.
%include "bench.inc"
%ifndef ROUNDS
  %define ROUNDS 3000
%endif
TEXT equ BASE + 256
BYTES equ 32768
main:
	mov rt, TEXT
	mov rc, BYTES
	mov rb, 12345
.fill:
	mov ra, rb
	shr ra, 6
	and al, 15
	add al, 'a'
	stosb
	imul bx, bx, 25173
	add bx, 13849
	loop .fill
	mov dword [BASE + 16], 'qxyz'
	mov dword [TEXT + BYTES - 4], 'qxyz'
	mov dword [BASE + 8], ROUNDS
.round:
	call by_lodsb
	push ra
	call by_scasb
	pop rb
	add ra, rb
	dec dword [BASE + 8]
	jnz .round
	ret

by_lodsb:
	mov rs, TEXT
	mov rd, BYTES - 3
.next:
	lodsb
	cmp al, [BASE + 16]
	jne .on
	mov rb, rs
	mov rt, BASE + 17
	mov rc, 3
.same:
	mov al, [rb]
	cmp al, [rt]
	jne .on
	inc rb
	inc rt
	dec rc
	jnz .same
	lea ra, [rs - 1 - TEXT]
	ret
.on:
	dec rd
	jnz .next
	xor ra, ra
	ret

by_scasb:
	mov rt, TEXT
	mov rd, BYTES - 3
	mov rc, rd
.next:
	mov al, 'd'		; often there
	repne scasb
	jne .none
	push rt
	push rc
	mov rs, BASE + 17
	mov rc, 3
	repe cmpsb
	pop rc
	pop rt
	je .none
	test rc, rc
	jnz .next
.none:
	mov ra, rc
	ret
	end_rom
