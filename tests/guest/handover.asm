; Handlers of the tick at vector 08h, where the runtime expects an exception's error code.
bits 32
section .text
global handover_tick, handover_other
handover_tick:
	inc dword [handover_ticks]
	jmp eoi
handover_other:
	inc dword [handover_others]
eoi:	push eax
	mov al, 20h
	out 20h, al
	pop eax
	iretd
section .bss
global handover_ticks, handover_others
handover_ticks: resd 1
handover_others: resd 1
