; REP MOVS over itself: a forward copy repeats its pattern, a backward one moves.
; expect: ecx=00000000 esi=2000200a edi=2000300f m01000=00000000*4 m01104=20001100*6
; expect: m01200=12001200,20002000*6 m01304=20001300,20001304,20001308,2000130c,20001310
; expect: m02ff8=00002ff8,001ff820,001ffc20,00200020,00200420,20200820
%include "test.inc"
	mov esi, AREA + 0x1000
	mov edi, AREA + 0x1001
	mov ecx, 15
	rep movsb
	mov esi, AREA + 0x1100
	mov edi, AREA + 0x1104
	mov ecx, 6
	rep movsd
	mov esi, AREA + 0x1200
	mov edi, AREA + 0x1202
	mov ecx, 6
	rep movsd
	std
	mov esi, AREA + 0x1310
	mov edi, AREA + 0x1314
	mov ecx, 5
	rep movsd
	cld
	; across pages
	mov esi, AREA + 0x1ff6
	mov edi, AREA + 0x2ffb
	mov ecx, 5
	rep movsd
