; Quicksort, recursive as a compiler of the time has it (arguments and locals by BP), of 4000 words
; from a generator, ROUNDS times.
%include "bench.inc"
%ifndef ROUNDS
  %define ROUNDS 1500
%endif
ARRAY equ BASE + 256
N equ 4000
main:
	mov dword [BASE + 8], ROUNDS
.round:
	mov rt, ARRAY
	mov rc, N
	mov rb, [BASE + 8]
.fill:
	mov [rt], bx
	add rt, 2
	imul bx, bx, 25173
	add bx, 13849
	loop .fill
%ifdef WIDE
	push dword ARRAY + 2 * N - 2
	push dword ARRAY
%else
	push word ARRAY + 2 * N - 2
	push word ARRAY
%endif
	call sort
	add rsp_, 2 * W
	dec dword [BASE + 8]
	jnz .round
	mov rs, ARRAY
	mov rc, N
	xor rd, rd
.sum:
	rol dx, 1
	add dx, [rs]
	add rs, 2
	loop .sum
	movzx eax, dx
	ret

; void sort(word *low, word *high)
sort:
	push rp
	mov rp, rsp_
	sub rsp_, 2 * W
	push rs
	push rt
	mov rs, [rp + 2 * W]
	mov rt, [rp + 3 * W]
	cmp rs, rt
	jae .done
	mov rb, rs
	add rb, rt
	rcr rb, 1
	and bl, 0feh
	mov ax, [rb]
	mov [rp - W], ax	; the pivot
.left:
	mov ax, [rp - W]
	cmp [rs], ax
	jae .right
	add rs, 2
	jmp .left
.right:
	cmp [rt], ax
	jbe .both
	sub rt, 2
	jmp .right
.both:
	cmp rs, rt
	ja .parted
	mov ax, [rs]
	mov dx, [rt]
	mov [rs], dx
	mov [rt], ax
	add rs, 2
	sub rt, 2
	cmp rs, rt
	jbe .left
.parted:
	mov [rp - 2 * W], rs
	push rt
	mov ra, [rp + 2 * W]
	push ra
	call sort
	add rsp_, 2 * W
	mov ra, [rp + 3 * W]
	push ra
	mov ra, [rp - 2 * W]
	push ra
	call sort
	add rsp_, 2 * W
.done:
	pop rt
	pop rs
	mov rsp_, rp
	pop rp
	ret
	end_rom
