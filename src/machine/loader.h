/* Kernel loaders: put an image and what it is handed into guest memory. */
#ifndef UNRING_MACHINE_LOADER_H
#define UNRING_MACHINE_LOADER_H

#include "host/file.h"
#include "machine/problem.h"

/* Guest memory as a loader sees it: RAM is [0, A0000h) and [100000h, bytes).  What is from there to
 * the end of memory, firmware has kept. */
struct guest_ram {
	void *ctx;
	void (*write)(void *ctx, uint64_t at, const void *src, size_t n);
	uint64_t bytes, end;
};

struct boot_module {
	const char *name; /* with its arguments, as given */
	struct blob data;
};

/* A linear frame buffer of 32 bits a pixel, red in bits 16 to 23; width 0: the text of firmware_display. */
struct boot_screen {
	unsigned width, height;
	uint32_t base, bytes;
};

struct boot_request {
	const char *kernel_name; /* for messages */
	struct blob kernel;      /* unpacked */
	const char *cmdline;
	const struct boot_module *modules; /* Linux takes one at most: the initrd */
	unsigned module_count;
};

/* How the processor starts: 32-bit protected mode, flat segments (CS 10h, the
 * others 18h) of a GDT in guest memory, interrupts off. */
struct boot_entry {
	uint32_t eip, eax, ebx, esi, esp;
	uint32_t gdt_base, gdt_limit;
	/* What it can start in; where the loader cannot tell it so, width becomes 0. */
	struct boot_screen screen;
};

enum {
	/* Below 640 KiB; what the protocol in use hands over starts at BOOT_INFO. */
	BOOT_BDA = 0x400,
	BOOT_INFO = 0x90000,
	BOOT_GDT = 0x91000,
	BOOT_CMDLINE = 0x92000,
	BOOT_EBDA = 0x9fc00, /* end of conventional memory */
	BOOT_CMDLINE_MAX = BOOT_EBDA - BOOT_CMDLINE,
	BOOT_CS = 0x10,
	BOOT_DS = 0x18,
	HIGH_MEMORY = 0x100000,
};

/* Far beyond any kernel, packed or not; a bound against gzip bombs. */
#define BOOT_KERNEL_MAX (256u << 20)

/* Does a kernel that boot_load() may take begin like this?  The first BOOT_HEAD
 * bytes of a file, or all. */
enum { BOOT_HEAD = 8192 };
bool boot_recognizes(const struct blob *head, const char *name, struct problem *p);

/* Recognizes the kernel and loads it: kernel is unpacked first if it is gzip. */
bool boot_load(struct guest_ram *ram, struct boot_request *r, struct boot_entry *e,
               struct problem *p);

/* Linux, by the 32-bit boot protocol (Documentation/x86/boot.rst). */
bool linux_is(const struct blob *image);
bool linux_load(struct guest_ram *ram, const struct boot_request *r, struct boot_entry *e,
                struct problem *p);

/* Multiboot 1 (0.6.96): ELF, or the address fields of its header. */
bool multiboot_is(const struct blob *image);
bool multiboot_load(struct guest_ram *ram, const struct boot_request *r, struct boot_entry *e,
                    struct problem *p);

/* Is [at, at+n) all RAM? */
bool ram_holds(const struct guest_ram *ram, uint64_t at, uint64_t n);
void ram_zero(struct guest_ram *ram, uint64_t at, uint64_t n);

/* Memory map entries, in the order and with the types of INT 15h, E820h. */
struct e820_entry {
	uint64_t base, size;
	uint32_t type;
} __attribute__((packed));
enum { E820_RAM = 1, E820_RESERVED = 2, E820_ENTRIES = 5 };
void boot_e820(const struct guest_ram *ram, struct e820_entry out[E820_ENTRIES]);

#endif
