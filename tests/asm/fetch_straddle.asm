; An instruction whose second half lies in a hole: EIP at its start, CR2 at the page.
; expect: trap=0e eip=+fffd error=0004 cr2=20050000 ecx=2004fffd flags=rf
%include "test.inc"
	mov word [CODE + 0xfffd], 0x05c7    ; mov dword [..], ..
	mov byte [CODE + 0xffff], 0
	mov ecx, CODE + 0xfffd
	jmp ecx
