/* The guest kernel and the i386 helper, as files in this binary. */
	.section .rodata
	.balign 16
	.globl tour_kernel_start, tour_kernel_end, tour_helper_start, tour_helper_end
tour_kernel_start:
	.incbin "tour.elf"
tour_kernel_end:
	.balign 16
tour_helper_start:
	.incbin "helper.elf"
tour_helper_end:
	.section .note.GNU-stack,"",@progbits
