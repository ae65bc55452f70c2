#include "machine/firmware.h"

#include <string.h>

enum {
	/* The coprocessor; no display, no floppy drive. */
	EQUIPMENT = 0x02,
	SERIAL_PORTS = 9, /* their number's first bit, in the data area's word */

	CMOS_EQUIPMENT = 0x14,
	CMOS_BASE_KIB = 0x15,
	CMOS_EXTENDED_KIB = 0x17,
	CMOS_SUMMED = 0x10, /* to 2Dh */
	CMOS_SUM = 0x2e,
	CMOS_EXTENDED_FOUND_KIB = 0x30,
	CMOS_ABOVE_16M = 0x34, /* in 64 KiB */

	CONVENTIONAL_KIB = 640,
};

static void out(struct board *b, uint16_t port, uint8_t v)
{
	board_out(b, port, 1, v);
}

/* Vectors 08h and 70h.  Open: timer, keyboard, cascade, floppy; clock, mouse, coprocessor,
 * disk. */
static void pics(struct board *b)
{
	static const struct {
		uint16_t port;
		uint8_t vector, wiring, mask;
	} chips[] = {{0x20, 0x08, 0x04, 0xb8}, {0xa0, 0x70, 0x02, 0x8e}};
	for (unsigned i = 0; i < 2; i++) {
		out(b, chips[i].port, 0x11);
		out(b, chips[i].port + 1, chips[i].vector);
		out(b, chips[i].port + 1, chips[i].wiring);
		out(b, chips[i].port + 1, 0x01);
		out(b, chips[i].port + 1, chips[i].mask);
	}
}

/* The tick at 18.2 Hz, memory refresh each 15 us, the speaker's beep. */
static void timer(struct board *b)
{
	out(b, 0x43, 0x36);
	out(b, 0x40, 0);
	out(b, 0x40, 0);
	out(b, 0x43, 0x54);
	out(b, 0x41, 18);
	out(b, 0x43, 0xb6);
	out(b, 0x42, 0x33);
	out(b, 0x42, 0x05);
}

/* The keyboard reset, which answers in two bytes; scan codes translated, interrupts on, no
 * auxiliary device. */
static void keyboard(struct board *b)
{
	out(b, 0x60, 0xff);
	board_in(b, 0x60, 1);
	board_in(b, 0x60, 1);
	out(b, 0x64, 0x60);
	out(b, 0x60, 0x65);
}

static void cmos(struct board *b, uint8_t at, uint8_t v)
{
	out(b, 0x70, at);
	out(b, 0x71, v);
}

static void cmos16(struct board *b, uint8_t at, uint64_t v)
{
	v = v > 0xffff ? 0xffff : v;
	cmos(b, at, v);
	cmos(b, at + 1, v >> 8);
}

static void configuration(struct board *b, uint64_t ram_bytes)
{
	uint64_t extended = (ram_bytes - HIGH_MEMORY) >> 10, above = 16 << 20;
	cmos(b, CMOS_EQUIPMENT, EQUIPMENT);
	cmos16(b, CMOS_BASE_KIB, CONVENTIONAL_KIB);
	cmos16(b, CMOS_EXTENDED_KIB, extended);
	cmos16(b, CMOS_EXTENDED_FOUND_KIB, extended);
	cmos16(b, CMOS_ABOVE_16M, ram_bytes > above ? (ram_bytes - above) >> 16 : 0);
	uint16_t sum = 0;
	for (unsigned at = CMOS_SUMMED; at < CMOS_SUM; at++) {
		out(b, 0x70, at);
		sum += board_in(b, 0x71, 1);
	}
	cmos(b, CMOS_SUM, sum >> 8);
	cmos(b, CMOS_SUM + 1, sum);
}

void firmware_devices(struct board *b, uint64_t ram_bytes)
{
	timer(b);
	pics(b);
	keyboard(b);
	configuration(b, ram_bytes);
	firmware_display(b);
}

void firmware_memory(struct guest_ram *ram, bool has_serial)
{
	uint8_t bda[256] = {0};
	uint16_t com1 = has_serial ? 0x3f8 : 0, ebda = BOOT_EBDA >> 4, kib = BOOT_EBDA >> 10;
	uint16_t equipment = EQUIPMENT | has_serial << SERIAL_PORTS;
	memcpy(bda + 0x00, &com1, 2);
	memcpy(bda + 0x0e, &ebda, 2);
	memcpy(bda + 0x10, &equipment, 2);
	memcpy(bda + 0x13, &kib, 2);
	ram->write(ram->ctx, BOOT_BDA, bda, sizeof bda);
	ram_zero(ram, BOOT_EBDA, 0xa0000 - BOOT_EBDA);
	ram->write(ram->ctx, BOOT_EBDA, &(uint8_t){1}, 1); /* its size in KiB */
}
