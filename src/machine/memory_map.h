/* Devices in guest-physical memory: the mmu's map follows the regions of the bus. */
#ifndef UNRING_MACHINE_MEMORY_MAP_H
#define UNRING_MACHINE_MEMORY_MAP_H

#include "devices/bus.h"
#include "mmu/mmu.h"

struct memory_map;
/* The mmu as it was created: RAM alone. */
struct memory_map *memory_map_create(struct mmu *mmu);
void memory_map_destroy(struct memory_map *m);

/* Regions of the bus have come, gone or moved: pages that any of them reaches are devices from now
 * on, those that none reaches any more what they were at creation. */
void memory_map_follow(struct memory_map *m, const struct bus *bus);

#endif
