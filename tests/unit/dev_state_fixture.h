/* What the test of save and restore does to devices, where more than accesses is needed: what it
 * shares with them, the floppy controller, and the IDE function. */
#ifndef UNRING_TESTS_DEV_STATE_FIXTURE_H
#define UNRING_TESTS_DEV_STATE_FIXTURE_H

#include "dev_fixture.h"

#include "devices/fdc.h"
#include "devices/ide.h"

#include <stdlib.h>
#include <string.h>

static struct rig *rigs[2];

/* What a device tells its surroundings. */
static unsigned told;

/* The floppy controller and its DMA channel.  What memory and disk hold follows from the place. */
struct floppies {
	struct dma *dma;
	struct fdc *fdc;
};

static inline void floppies_memory_read(void *ctx, uint64_t at, void *dst, size_t n)
{
	memset(dst, (int)at, n);
}

static inline void floppies_memory_write(void *ctx, uint64_t at, const void *src, size_t n)
{
	const uint8_t *bytes = src;
	told += (unsigned)at + bytes[0] + bytes[n - 1];
}

static inline void disk_submit(void *ctx, struct medium_request *r)
{
	if (r->op == MEDIUM_READ)
		memset(r->bytes, (int)(r->at / 512), r->n);
	else if (r->op == MEDIUM_WRITE)
		floppies_memory_write(ctx, r->at, r->bytes, r->n);
	r->done(r->ctx, 0);
}

static inline void *new_floppies(struct rig *r, unsigned which)
{
	struct dma_memory memory = {NULL, floppies_memory_read, floppies_memory_write};
	struct medium disk = {NULL, 1440 << 10, false, disk_submit, 0};
	struct floppies *f = calloc(1, sizeof *f);
	f->dma = dma_create(r->bus, memory);
	f->fdc = fdc_create(r->bus, r->clock, f->dma, rig_line(r), (struct fdc_board){NULL, NULL});
	for (unsigned i = 0; i < FDC_DRIVES; i++) {
		fdc_set_drive(f->fdc, i, FLOPPY_1440K);
		fdc_insert(f->fdc, i, &disk);
	}
	return f;
}

/* A whole command, mostly of those that take time, near the disk's beginning. */
static inline void give_command(struct rig *r, uint32_t v)
{
	static const uint8_t firsts[] = {0x46, 0xe6, 0xc5, 0x42, 0x4a, 0x42, 0x56, 0x51,
	                                 0x0f, 0x07, 0x4c, 0x13, 0x0e, 0x6c, 0x94, 0x12};
	const uint8_t rest[] = {v >> 4 & 5, v >> 8 & 1,           v >> 6 & 1, 1 + (v >> 9 & 3),
	                        2,          v >> 11 & 1 ? 18 : 3, 27,         1 + (v >> 12 & 1)};
	out(r, 0x3f5, firsts[v & 15]);
	for (unsigned i = 0; i < sizeof rest; i++)
		if ((in(r, 0x3f4) & 0xd0) == 0x90)
			out(r, 0x3f5, rest[i]);
}

/* The way out of reset, both DMA controllers open, a count, DMA or not. */
static inline void give_way(struct rig *r, uint32_t v)
{
	const uint8_t specify[] = {0x03, v >> 1, v & 1};
	out(r, 0x3f2, 0x1c);
	out(r, 0x3f7, v & 0x0e ? 0 : 2);
	out(r, 0x0b, v & 0x10 ? 0x46 : 0x5a);
	out(r, 0x0c, 0);
	out(r, 0x05, v >> 5);
	out(r, 0x05, v >> 13 & 7);
	out(r, 0xd6, 0xc0);
	out(r, 0x0e, 0);
	out(r, 0xdc, 0);
	for (unsigned i = 0; i < sizeof specify && in(r, 0x3f4) & 0x80; i++)
		out(r, 0x3f5, specify[i]);
}

/* Results, and bytes without DMA. */
static inline void use_fifo(struct rig *r, uint32_t v)
{
	for (unsigned n = v & 0x3ff; n; n--) {
		uint8_t status = in(r, 0x3f4);
		if ((status & 0xd0) == 0xd0)
			told = told * 3 + in(r, 0x3f5);
		else if ((status & 0xf0) == 0xb0)
			out(r, 0x3f5, n + v);
	}
}

static inline void use_floppies(void *d, unsigned which, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++) {
		uint32_t what = v >> 5 * i & 3, more = v * 0x9e3779b1 >> (8 + i);
		if (what == 0 && !i)
			give_way(rigs[which], more);
		else if (what == 1)
			give_command(rigs[which], more);
		else
			use_fifo(rigs[which], more);
	}
}

static inline void floppies_reset(void *d, enum reset_kind kind)
{
	struct floppies *f = d;
	dma_type.reset(f->dma, kind);
	fdc_type.reset(f->fdc, kind);
}

static inline void floppies_state(void *d, struct archive *a)
{
	struct floppies *f = d;
	archive_section(a, "dma");
	dma_type.state(f->dma, a);
	archive_section(a, "fdc");
	fdc_type.state(f->fdc, a);
}

static inline void floppies_destroy(void *d)
{
	struct floppies *f = d;
	fdc_type.destroy(f->fdc);
	dma_type.destroy(f->dma);
	free(f);
}

static const struct device_type floppies_type = {"floppies", floppies_reset, floppies_state,
                                                 floppies_destroy};

/* The IDE function with two disks on its first channel, and PCI that it is on. */
struct drives {
	struct pci *pci;
	struct ide *ide;
};

static inline void drives_error(void *ctx, unsigned place, bool write, int err)
{
	told += place + write;
}

static inline void *new_drives(struct rig *r, unsigned which)
{
	struct drives *d = calloc(1, sizeof *d);
	struct ide_board board = {
		.irq = {rig_line(r)},
		.memory = {NULL, floppies_memory_read, floppies_memory_write},
		.error = drives_error,
	};
	d->pci = pci_create(r->bus, 16 << 20);
	d->ide = ide_create(r->bus, d->pci, r->clock, board);
	for (unsigned i = 0; i < 2; i++)
		ide_add_disk(d->ide, i,
		             &(struct ide_disk_config){
				     .medium = {NULL, 2000 * 512, i, disk_submit},
				     .geometry = {7, 4, 63},
				     .serial = "",
			     });
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80000940);
	bus_write(r->bus, SPACE_PORT, 0xcfc, 2, 0x8000);
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80000920);
	bus_write(r->bus, SPACE_PORT, 0xcfc, 4, 0xc000);
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80000904);
	bus_write(r->bus, SPACE_PORT, 0xcfc, 2, 0x0005);
	return d;
}

/* A command with its registers; a table; a block of data; or a part of one. */
static inline void use_drives(void *d, unsigned which, uint32_t v)
{
	static const uint8_t commands[16] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x35, 0x39, 0xc4,
	                                     0xc5, 0xc8, 0xca, 0xec, 0xc6, 0xe7, 0x40, 0xef};
	struct bus *bus = rigs[which]->bus;
	uint8_t bytes[8192] = {v, v >> 8};
	switch (v & 3) {
	case 0:
		for (unsigned i = 0; i < 2; i++) /* and those before */
			for (uint16_t port = 0x1f2; port < 0x1f6; port++)
				bus_write(bus, SPACE_PORT, port, 1,
				          i ? v >> 8 & (port == 0x1f2 ? 0x1f : 3) : 0);
		bus_write(bus, SPACE_PORT, 0x1f6, 1, 0xe0 | (v & 0x10));
		bus_write(bus, SPACE_PORT, 0x1f7, 1, commands[v >> 4 & 15]);
		break;
	case 1:
		bus_burst(bus, 0x1f0, 2, bytes, v & 4 ? 256 : v >> 4 & 0xfff, v & 8);
		break;
	case 2:
		bus_write(bus, SPACE_PORT, 0xc000, 1, v & 4 ? 0x09 : v & 8 ? 0x01 : 0x00);
		break;
	default:
		bus_write(bus, SPACE_PORT, 0xc004, 4, v >> 4);
	}
	told += bytes[0] + bytes[511];
}

static inline void drives_reset(void *d, enum reset_kind kind)
{
	ide_type.reset(((struct drives *)d)->ide, kind);
}

static inline void drives_state(void *d, struct archive *a)
{
	struct drives *both = d;
	archive_section(a, "pci");
	pci_type.state(both->pci, a);
	archive_section(a, "ide");
	ide_type.state(both->ide, a);
}

static inline void drives_destroy(void *d)
{
	struct drives *both = d;
	ide_type.destroy(both->ide);
	pci_type.destroy(both->pci);
	free(both);
}

static const struct device_type drives_type = {"drives", drives_reset, drives_state,
                                               drives_destroy};

#endif
