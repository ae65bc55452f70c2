/* Counters for --stats.  A counter is declared once, in stats.inc. */
#ifndef UNRING_BASE_STATS_H
#define UNRING_BASE_STATS_H

#include <stdint.h>
#include <stdio.h>

struct stats {
#define STAT(name, help) uint64_t name;
#include "base/stats.inc"
#undef STAT
};

/* One process runs one VM, whose counters these are. */
extern struct stats stats;

/* Writes "name value" lines, in the order of stats.inc. */
void stats_write(FILE *f);

#endif
