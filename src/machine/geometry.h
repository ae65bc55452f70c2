/* How disks are counted in cylinders, heads and sectors: by the drive, and by a BIOS, whose calls
 * have no room for as many cylinders.  ATA/ATAPI-5 (T13/1321D), annex C; Phoenix, Enhanced Disk
 * Drive Specification 1.1, "Translations". */
#ifndef UNRING_MACHINE_GEOMETRY_H
#define UNRING_MACHINE_GEOMETRY_H

#include "devices/ide.h"

#include <stddef.h>

/* How a BIOS makes its heads of the drive's, by the numbers that SeaBIOS has for them in CMOS. */
enum geometry_translation {
	GEOMETRY_NONE,
	GEOMETRY_LBA,
	GEOMETRY_LARGE,
	GEOMETRY_AUTO, /* as its partitions tell, or as it is large; never in a disk's geometry */
};

struct geometry {
	struct ide_geometry drive;
	enum geometry_translation translation;
	uint16_t cylinders; /* the BIOS's: 1 to 1024; */
	uint16_t heads;     /* 1 to 255 */
	uint8_t sectors;
};

/* Of a disk of so many sectors, of which the first is this (NULL: unknown), with the drive's geometry
 * if that is given (cylinders not 0). */
struct geometry geometry_of(uint64_t sectors, const uint8_t *first, struct ide_geometry given,
                            enum geometry_translation translation);

#endif
