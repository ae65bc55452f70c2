; MOVS, STOS, LODS in all widths and both directions; REP with ECX 0 and more.
; expect: eax=20001014 ecx=00000000 esi=2000101a edi=20000511
; expect: m00000=20001000,20000104,20001021,20000221,20000221,2000100f,2000030c,200003ed
; expect: m00020=2000050f,11223310,11222000,20001004,20001014,20001018
; expect: m00100=20001000,20001004,20200004,20001008
; expect: m00200=20001000,20001004,20001008,2000100c,20001010,20001014,20001018,2000101c
; expect: m0030c=0010030c,00101420,00101820,00101c20,00102020 m003f0=223344f0,22334411*3,20000411
; expect: m00500=44444444,44444444,44334444,18334433
%include "test.inc"
	mov edi, AREA + 0x100
	movsb
	movsw
	movsd
	keep esi
	std
	movsd
	movsw
	movsb
	cld
	mov [AREA], esi
	mov [AREA + 4], edi
	mov edi, AREA + 0x200
	mov ecx, 7
	rep movsd
	mov ecx, 5
	rep movsb
	mov [AREA + 8], esi
	mov [AREA + 12], edi
	mov ecx, 0
	rep movsd
	mov [AREA + 16], edi
	std
	mov edi, AREA + 0x31e
	mov ecx, 9
	rep movsw
	mov [AREA + 20], esi
	mov [AREA + 24], edi
	mov eax, 0x11223344
	mov edi, AREA + 0x400
	stosb
	stosw
	stosd
	mov ecx, 3
	rep stosd
	mov [AREA + 28], edi
	cld
	mov edi, AREA + 0x500
	mov ecx, 9
	rep stosb
	mov ecx, 3
	rep stosw
	mov [AREA + 32], edi
	mov esi, AREA + 0x1001
	lodsb
	mov [AREA + 36], eax
	lodsw
	mov [AREA + 40], eax
	lodsd
	mov [AREA + 44], eax
	mov ecx, 4
	rep lodsd
	mov [AREA + 48], eax
	mov [AREA + 52], esi
	mov ecx, 2
	repne movsb
