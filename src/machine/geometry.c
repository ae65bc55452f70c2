#include "machine/geometry.h"

enum {
	DRIVE_CYLINDERS = 16383, /* the most, of 16 heads and 63 sectors */
	DRIVE_HEADS = 16,
	TRACK = 63,
	BIOS_CYLINDERS = 1024,
	BIOS_HEADS = 255,

	/* of the first sector */
	PARTITIONS = 0x1be,
	PARTITION_BYTES = 16,
	SIGNATURE = 0x1fe,
	TYPE = 4,
	END_HEAD = 5,
	END_SECTOR = 6, /* its lower six bits */
};

static struct ide_geometry usual(uint64_t sectors)
{
	uint64_t cylinders = sectors / (DRIVE_HEADS * TRACK);
	struct ide_geometry g = {DRIVE_CYLINDERS, DRIVE_HEADS, TRACK};
	if (cylinders < DRIVE_CYLINDERS)
		g.cylinders = (uint16_t)cylinders;
	if (!cylinders) { /* less than one of these: tracks of one head */
		g.heads = 1;
		g.sectors = sectors < TRACK ? (uint8_t)sectors : TRACK;
		g.cylinders = (uint16_t)(sectors / g.sectors);
	}
	return g;
}

static uint16_t at_most(uint64_t v, uint16_t most)
{
	return v < most ? (uint16_t)v : most;
}

static void set_bios(struct geometry *g, uint64_t cylinders, uint16_t heads, uint8_t sectors)
{
	g->cylinders = at_most(cylinders ? cylinders : 1, BIOS_CYLINDERS);
	g->heads = heads;
	g->sectors = sectors;
}

/* Partitions end at a cylinder's end: with the last head and sector that who made them knew. */
static bool partitioned(struct geometry *g, uint64_t sectors, const uint8_t *first)
{
	if (!first || first[SIGNATURE] != 0x55 || first[SIGNATURE + 1] != 0xaa)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *p = first + PARTITIONS + i * PARTITION_BYTES;
		unsigned heads = p[END_HEAD] + 1, track = p[END_SECTOR] & 0x3f;
		if (!p[TYPE] || !track || heads == 1 || heads > BIOS_HEADS)
			continue;
		uint64_t cylinders = sectors / (heads * track);
		if (!cylinders || cylinders > DRIVE_CYLINDERS)
			continue;
		set_bios(g, cylinders, (uint16_t)heads, (uint8_t)track);
		return true;
	}
	return false;
}

static void translate_lba(struct geometry *g, uint64_t sectors)
{
	unsigned heads = DRIVE_HEADS;
	uint64_t tracks = sectors / TRACK;
	while (heads < 128 && tracks / heads > BIOS_CYLINDERS)
		heads *= 2;
	if (tracks / heads > BIOS_CYLINDERS)
		heads = BIOS_HEADS;
	set_bios(g, tracks / heads, (uint16_t)heads, TRACK);
}

static void translate_large(struct geometry *g)
{
	unsigned cylinders = g->drive.cylinders, heads = g->drive.heads;
	while (cylinders > BIOS_CYLINDERS && heads < 128) {
		cylinders /= 2;
		heads *= 2;
	}
	set_bios(g, cylinders, (uint16_t)heads, g->drive.sectors);
}

/* A geometry that fits the drive is the drive's, too: old systems compare. */
static void guess(struct geometry *g, uint64_t sectors, const uint8_t *first, bool given)
{
	if (partitioned(g, sectors, first)) {
		g->translation = g->heads > DRIVE_HEADS ? GEOMETRY_LBA : GEOMETRY_NONE;
		if (!given && g->heads <= DRIVE_HEADS)
			g->drive = (struct ide_geometry){
				at_most(sectors / (g->heads * g->sectors), DRIVE_CYLINDERS),
				(uint8_t)g->heads, g->sectors};
		return;
	}
	if (g->drive.cylinders <= BIOS_CYLINDERS) {
		set_bios(g, g->drive.cylinders, g->drive.heads, g->drive.sectors);
	} else {
		g->translation = GEOMETRY_LBA;
		translate_lba(g, sectors);
	}
}

struct geometry geometry_of(uint64_t sectors, const uint8_t *first, struct ide_geometry given,
                            enum geometry_translation translation)
{
	struct geometry g = {.drive = given.cylinders ? given : usual(sectors)};
	if (translation == GEOMETRY_AUTO) {
		guess(&g, sectors, first, given.cylinders);
		return g;
	}
	g.translation = translation;
	if (translation == GEOMETRY_LBA)
		translate_lba(&g, sectors);
	else if (translation == GEOMETRY_LARGE)
		translate_large(&g);
	else
		set_bios(&g, g.drive.cylinders, g.drive.heads, g.drive.sectors);
	return g;
}
