#include "base/stats.h"

struct stats stats;

void stats_write(FILE *f)
{
#define STAT(name, help) fprintf(f, "%s %llu\n", #name, (unsigned long long)stats.name);
#include "base/stats.inc"
#undef STAT
}
