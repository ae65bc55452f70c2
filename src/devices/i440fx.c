#include "devices/i440fx.h"

#include "base/log.h"

#include <stdlib.h>

enum {
	PAM = 0x59, /* to 5Fh: two segments in each but the first, which has one */
	PAM_READ = 0x01,
	PAM_WRITE = 0x02,
	SMRAM = 0x72,

	SEGMENTS = 13,
	SEGMENT_BYTES = 0x4000,
	FIRST = 0xc0000,
	BIOS = 0xf0000,
	BIOS_BYTES = 0x10000,
};

struct i440fx {
	struct i440fx_board board;
	struct pci_function *function;
	uint8_t shadow[SEGMENTS]; /* PAM_READ, PAM_WRITE: what has been told */
};

/* Segment 0 is the BIOS; the others follow from C0000h. */
static uint8_t attributes(const struct i440fx *i, unsigned segment)
{
	uint8_t pam = pci_byte(i->function, PAM + (segment + 1) / 2);
	return (segment & 1 ? pam : pam >> 4) & (PAM_READ | PAM_WRITE);
}

static void on_changed(void *ctx)
{
	struct i440fx *i = ctx;
	for (unsigned segment = 0; segment < SEGMENTS; segment++) {
		uint8_t now = attributes(i, segment);
		if (now == i->shadow[segment])
			continue;
		i->shadow[segment] = now;
		i->board.shadow(
			i->board.ctx, segment ? FIRST + (segment - 1) * SEGMENT_BYTES : BIOS,
			segment ? SEGMENT_BYTES : BIOS_BYTES, now & PAM_READ, now & PAM_WRITE);
	}
}

/* --- life --- */

/* All it holds is in its configuration space, which is the bus's to reset and to save. */
static void i440fx_reset(void *d, enum reset_kind kind)
{
}

static void i440fx_state(void *d, struct archive *a)
{
}

const struct device_type i440fx_type = {"i440fx", i440fx_reset, i440fx_state, free};

struct i440fx *i440fx_create(struct pci *pci, struct i440fx_board board)
{
	static const struct pci_register registers[] = {
		/* Memory and master for good; parity and system errors may be asked for. */
		{0x04, 0x06, 0x40}, {0x05, 0x00, 0x01}, {0x06, 0x80, 0}, {0x07, 0x02, 0},
		{0x0d, 0x00, 0xf8}, /* latency timer */
		{0x59, 0, 0x30},    {0x5a, 0, 0x33},    {0x5b, 0, 0x33}, {0x5c, 0, 0x33},
		{0x5d, 0, 0x33},    {0x5e, 0, 0x33},    {0x5f, 0, 0x33}, {SMRAM, 0x02, 0x78},
	};
	struct i440fx *i = calloc(1, sizeof *i);
	CHECK(i);
	i->board = board;
	i->function =
		pci_add(pci, &(struct pci_config){
				     .vendor = 0x8086,
				     .id = 0x1237,
				     /* The data sheet has none; SeaBIOS tells the machine by it. */
				     .subsystem_vendor = 0x1af4,
				     .subsystem = 0x1100,
				     .class = 0x060000,
				     .revision = 0x02,
				     .registers = registers,
				     .n_registers = sizeof registers / sizeof *registers,
				     .ctx = i,
				     .changed = on_changed,
			     });
	return i;
}
