/* What the test of save and restore does to a CD-ROM drive on its IDE channel. */
#ifndef UNRING_TESTS_DEV_STATE_CDROM_H
#define UNRING_TESTS_DEV_STATE_CDROM_H

#include "dev_state_fixture.h"

#include "devices/ide.h"
#include "devices/pci.h"

enum { CDROM_PLACE = 2, CDROM_SECTORS = 300, CDROM_MASTER = 0xc000 };

struct cdroms {
	struct pci *pci;
	struct ide *ide;
};

static inline void disc_submit(void *ctx, struct medium_request *r)
{
	memset(r->bytes, (int)(r->at / 2048), r->n);
	r->done(r->ctx, 0);
}

/* A table whose regions follow from their place, and end some time. */
static inline void cdroms_memory_read(void *ctx, uint64_t at, void *dst, size_t n)
{
	uint32_t prd[2] = {0x10000 + (uint32_t)at, ((uint32_t)at & 0x18 ? 0 : 0x80000000u) | 0x700};
	memset(dst, (int)at, n);
	memcpy(dst, prd, n < sizeof prd ? n : sizeof prd);
}

static inline void cdroms_tray(void *ctx, unsigned place, bool open)
{
	told += 5 + open;
}

static inline void cdroms_config(struct rig *r, uint8_t at, uint32_t v)
{
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80000900 | at);
	bus_write(r->bus, SPACE_PORT, 0xcfc, 4, v);
}

static inline void *new_cdroms(struct rig *r, unsigned which)
{
	struct cdroms *c = calloc(1, sizeof *c);
	struct medium disc = {NULL, CDROM_SECTORS * 2048, true, disc_submit, 0};
	c->pci = pci_create(r->bus, 0);
	c->ide = ide_create(r->bus, c->pci, r->clock,
	                    (struct ide_board){
				    .irq = {[1] = rig_line(r)},
				    .memory = {NULL, cdroms_memory_read, floppies_memory_write},
				    .tray = cdroms_tray,
			    });
	ide_add_cdrom(c->ide, CDROM_PLACE);
	ide_cdrom_insert(c->ide, CDROM_PLACE, &disc);
	cdroms_config(r, 0x20, CDROM_MASTER);
	cdroms_config(r, 0x40, 0x80008000);
	cdroms_config(r, 0x04, 5);
	return c;
}

/* A packet, of what takes some time and of what changes the drive. */
static inline void give_packet(struct rig *r, uint32_t v)
{
	static const uint8_t opcodes[] = {0x28, 0xa8, 0xbe, 0x00, 0x1b, 0x1e, 0x55, 0x5a,
	                                  0x4a, 0x12, 0x03, 0x28, 0x15, 0x2b, 0xbb, 0x28};
	uint8_t packet[12] = {
		opcodes[v & 15],           0, 0, 0, v >> 4 & 3, v >> 6, 0, 0, v >> 14 & 63,
		v >> 12 & 1 ? 0x10 : 0xf8, 0, 0};
	if (packet[0] == 0x28)
		packet[4] = 0;
	out(r, 0x171, v >> 16 & 1);
	out(r, 0x174, v >> 17 & 1 ? 0 : 200);
	out(r, 0x175, v >> 17 & 3);
	out(r, 0x177, 0xa0);
	for (unsigned i = 0; i < 12 && in(r, 0x376) & 0x08; i += 2)
		bus_write(r->bus, SPACE_PORT, 0x170, 2, packet[i] | packet[i + 1] << 8);
}

static inline void use_cdroms(void *d, unsigned which, uint32_t v)
{
	struct rig *r = rigs[which];
	switch (v & 3) {
	case 0:
		give_packet(r, v * 0x9e3779b1 >> 12);
		break;
	case 1: /* the bus master, from some region on */
		bus_write(r->bus, SPACE_PORT, CDROM_MASTER + 12, 4, v & 0xf8);
		out(r, CDROM_MASTER + 8, v >> 2 & 9);
		break;
	case 2:
		for (unsigned n = v >> 2 & 0x3ff; n && in(r, 0x376) & 0x08; n--)
			told = told * 3 + bus_read(r->bus, SPACE_PORT, 0x170, 2);
		break;
	default:
		for (unsigned n = v >> 2 & 0x3f; n && in(r, 0x376) & 0x08; n--)
			bus_write(r->bus, SPACE_PORT, 0x170, 2, n + v);
	}
}

static inline void cdroms_reset(void *d, enum reset_kind kind)
{
	struct cdroms *c = d;
	pci_type.reset(c->pci, kind);
	ide_type.reset(c->ide, kind);
}

static inline void cdroms_state(void *d, struct archive *a)
{
	struct cdroms *c = d;
	archive_section(a, "pci");
	pci_type.state(c->pci, a);
	archive_section(a, "ide");
	ide_type.state(c->ide, a);
}

static inline void cdroms_destroy(void *d)
{
	struct cdroms *c = d;
	ide_type.destroy(c->ide);
	pci_type.destroy(c->pci);
	free(c);
}

static const struct device_type cdroms_type = {"cdroms", cdroms_reset, cdroms_state,
                                               cdroms_destroy};

#endif
