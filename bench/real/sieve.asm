; The sieve of 1983: flags of 8191 odd numbers, its primes counted, ROUNDS times.
%include "bench.inc"
%ifndef ROUNDS
  %define ROUNDS 20000
%endif
main:
	mov dword [BASE + 8], ROUNDS
.round:
	mov rt, BASE + 16
	mov rc, 8191
	mov al, 1
	rep stosb
	xor rd, rd		; primes
	xor rs, rs		; i
.next:
	cmp byte [rs + BASE + 16], 0
	je .no
	mov rb, rs
	add rb, rs
	add rb, 3		; the prime
	inc rd
	mov rt, rs
	add rt, rb
.strike:
	cmp rt, 8190
	ja .no
	mov byte [rt + BASE + 16], 0
	add rt, rb
	jmp .strike
.no:
	inc rs
	cmp rs, 8190
	jbe .next
	dec dword [BASE + 8]
	jnz .round
	mov ra, rd
	ret
	end_rom
