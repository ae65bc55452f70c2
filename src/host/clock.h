/* The host's clocks. */
#ifndef UNRING_HOST_CLOCK_H
#define UNRING_HOST_CLOCK_H

#include "base/types.h"

/* Nanoseconds of CLOCK_MONOTONIC; of the time of day (UTC, since 1970). */
uint64_t host_monotonic_ns(void);
int64_t host_utc_ns(void);
/* What a clock on the wall shows now, by the host's time zone, as if it were UTC.  Opens files. */
int64_t host_wall_ns(void);
/* Processor time of the calling thread. */
uint64_t host_thread_cpu_ns(void);

#endif
