/* Guest address types.  Guest-linear and guest-physical addresses are distinct
 * structs, so that mixing them is a compile error; a host-virtual address is a
 * plain pointer. */
#ifndef UNRING_BASE_TYPES_H
#define UNRING_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096u
#define PAGE_MASK 4095u

/* A guest-linear address: 32 bits, wraps. */
typedef struct {
	uint32_t v;
} gla_t;

/* A guest-physical address: up to 36 bits with PAE. */
typedef struct {
	uint64_t v;
} gpa_t;

static inline gla_t gla(uint32_t v)
{
	return (gla_t){v};
}

static inline gpa_t gpa(uint64_t v)
{
	return (gpa_t){v};
}

/* Guest page frame number of a guest-physical address. */
static inline uint32_t gpa_gfn(gpa_t a)
{
	return (uint32_t)(a.v >> PAGE_SHIFT);
}

#define NO_GFN 0xffffffffu  /* none */
#define NO_PAGE 0xffffffffu /* of memory */

/* Virtual page number (20 bits) of a guest-linear address. */
static inline uint32_t gla_vpn(gla_t a)
{
	return a.v >> PAGE_SHIFT;
}

#endif
