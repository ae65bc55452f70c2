#include "devices/ide_disk.h"

#include <string.h>

#define MODEL "unring disk"
#define FIRMWARE "1.0"

void ide_put_word(uint8_t *data, unsigned word, uint16_t v)
{
	data[2 * word] = v;
	data[2 * word + 1] = v >> 8;
}

void ide_put_text(uint8_t *data, unsigned word, unsigned bytes, const char *text)
{
	size_t n = strlen(text);
	for (unsigned i = 0; i < bytes; i++)
		data[2 * word + (i ^ 1)] = i < n ? text[i] : ' ';
}

static void put_number(uint8_t *data, unsigned word, unsigned words, uint64_t v)
{
	for (unsigned i = 0; i < words; i++)
		ide_put_word(data, word + i, v >> 16 * i);
}

/* By their numbers, as the sections that describe the words have them: ATA/ATAPI-6, 8.15; words 5,
 * 20 to 22, 51 and 52: ATA-2 (X3T10/948D), 8.8. */
static void put_geometry(const struct ide_disk *k, uint8_t *data)
{
	uint32_t current = (uint32_t)k->cylinders * k->heads * k->track;
	ide_put_word(data, 1, k->geometry.cylinders);
	ide_put_word(data, 3, k->geometry.heads);
	ide_put_word(data, 4, k->geometry.sectors * IDE_SECTOR);
	ide_put_word(data, 5, IDE_SECTOR);
	ide_put_word(data, 6, k->geometry.sectors);
	ide_put_word(data, 54, k->cylinders);
	ide_put_word(data, 55, k->heads);
	ide_put_word(data, 56, k->track);
	put_number(data, 57, 2, current);
	put_number(data, 60, 2, k->sectors < DISK_LBA28 ? k->sectors : DISK_LBA28 - 1);
	put_number(data, 100, 4, k->sectors);
}

/* The modes up to the best; the one that is set, in the upper byte. */
static uint16_t modes(const struct ide_disk *k, uint8_t first, unsigned best)
{
	uint16_t v = (1u << (best + 1)) - 1;
	if (k->mode >= first && k->mode <= first + best)
		v |= 1u << (8 + k->mode - first);
	return v;
}

static void put_abilities(const struct ide_disk *k, uint8_t *data)
{
	uint16_t caches = k->write_cache << 5 | k->look_ahead << 6;
	ide_put_word(data, 47, 0x8000 | DISK_MULTIPLE);
	ide_put_word(data, 48, 0x0001); /* transfers of 32 bits */
	ide_put_word(data, 49, 0x2f00); /* standby timers, IORDY, LBA, DMA */
	ide_put_word(data, 50, 0x4000);
	ide_put_word(data, 51, 0x0200);
	ide_put_word(data, 52, 0x0200);
	ide_put_word(data, 53, 0x0007);
	ide_put_word(data, 59, k->multiple ? 0x0100 | k->multiple : 0);
	ide_put_word(data, 63, modes(k, 0x20, DISK_MWDMA));
	ide_put_word(data, 64, 0x0003);
	for (unsigned word = 65; word <= 68; word++)
		ide_put_word(data, word, 120); /* ns */
	ide_put_word(data, 80, 0x007e);        /* ATA-1 to ATA/ATAPI-6 */
	ide_put_word(data, 82, 0x4068);        /* NOP; look-ahead, write cache, power management */
	ide_put_word(data, 83, 0x7400);        /* both flushes, LBA48 */
	ide_put_word(data, 84, 0x4000);
	ide_put_word(data, 85, 0x4008 | caches);
	ide_put_word(data, 86, 0x3400);
	ide_put_word(data, 87, 0x4000);
	ide_put_word(data, 88, modes(k, 0x40, DISK_UDMA));
	ide_put_word(data, 93, 0x6001); /* a cable of 80 wires */
}

void ide_identify(const struct ide_disk *k, uint8_t data[IDE_SECTOR])
{
	uint8_t sum = 0;
	memset(data, 0, IDE_SECTOR);
	ide_put_word(data, 0, 0x0040); /* a disk that stays in */
	put_geometry(k, data);
	ide_put_text(data, 10, IDE_SERIAL, k->serial);
	ide_put_word(data, 20, 0x0003);
	ide_put_word(data, 21, IDE_CHUNK / IDE_SECTOR);
	ide_put_word(data, 22, 4);
	ide_put_text(data, 23, 8, FIRMWARE);
	ide_put_text(data, 27, 40, MODEL);
	put_abilities(k, data);
	ide_put_word(data, 255, 0x00a5);
	for (unsigned i = 0; i < IDE_SECTOR - 1; i++)
		sum += data[i];
	data[IDE_SECTOR - 1] = -sum;
}
