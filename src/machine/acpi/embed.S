/* The DSDT, as a file in this binary. */
	.section .rodata
	.balign 16
	.globl acpi_dsdt_start, acpi_dsdt_end
acpi_dsdt_start:
	.incbin "dsdt.aml"
acpi_dsdt_end:
	.section .note.GNU-stack,"",@progbits
