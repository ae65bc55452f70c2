#include "machine/loader.h"

bool ram_holds(const struct guest_ram *ram, uint64_t at, uint64_t n)
{
	uint64_t limit = at < 0xa0000 ? 0xa0000 : ram->bytes;
	return (at < 0xa0000 || at >= HIGH_MEMORY) && at <= limit && n <= limit - at;
}

void ram_zero(struct guest_ram *ram, uint64_t at, uint64_t n)
{
	static const uint8_t zero[4096];
	while (n) {
		size_t part = n < sizeof zero ? n : sizeof zero;
		ram->write(ram->ctx, at, zero, part);
		at += part;
		n -= part;
	}
}

void boot_e820(const struct guest_ram *ram, struct e820_entry out[E820_ENTRIES])
{
	out[0] = (struct e820_entry){0, BOOT_EBDA, E820_RAM};
	out[1] = (struct e820_entry){BOOT_EBDA, 0xa0000 - BOOT_EBDA, E820_RESERVED};
	out[2] = (struct e820_entry){0xf0000, 0x10000, E820_RESERVED};
	out[3] = (struct e820_entry){HIGH_MEMORY, ram->bytes - HIGH_MEMORY, E820_RAM};
	out[4] = (struct e820_entry){ram->bytes, ram->end - ram->bytes, E820_RESERVED};
}
