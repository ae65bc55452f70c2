/* The version of unring. */
#ifndef UNRING_BASE_VERSION_H
#define UNRING_BASE_VERSION_H

enum { VERSION_MAJOR = 0, VERSION_MINOR = 1 };
#define VERSION "0.1"

#endif
