/* What is at each guest-physical address: RAM, the firmware's ROM, shadow RAM, devices.  The mmu's
 * map follows. */
#ifndef UNRING_MACHINE_MEMORY_MAP_H
#define UNRING_MACHINE_MEMORY_MAP_H

#include "devices/bus.h"
#include "mmu/mmu.h"

struct memory_map;
/* RAM alone: bytes of it, but for A0000h to FFFFFh, where it only shows as shadow RAM.  The mmu has
 * that much, in whole MiB. */
struct memory_map *memory_map_create(struct mmu *mmu, uint64_t ram_bytes);
void memory_map_destroy(struct memory_map *m);

/* A ROM of whole 64 KiB, from page first of the mmu's memory on: below 4 GiB, and the last 128 KiB
 * of it below 1 MiB. */
void memory_map_rom(struct memory_map *m, uint32_t first, uint32_t bytes);

/* Whole pages in C0000h to FFFFFh: whether loads and stores reach RAM or, as at creation, what is
 * on the bus.  (82441FX, PAM registers.) */
void memory_map_shadow(struct memory_map *m, uint32_t base, uint32_t bytes, bool read, bool write);

/* Regions of the bus have come, gone or moved, or show memory: pages that any of them reaches are
 * devices from now on, or that memory, but for shadow RAM. */
void memory_map_follow(struct memory_map *m, const struct bus *bus);

#endif
