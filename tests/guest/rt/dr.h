/* The debug registers: SDM vol. 3, 17.2. */
#ifndef GUEST_DR_H
#define GUEST_DR_H

#include "rt.h"

#define DR_ACCESS(n)                                                                               \
	static inline void write_dr##n(u32 v)                                                      \
	{                                                                                          \
		asm volatile("mov %0, %%dr" #n : : "r"(v));                                        \
	}                                                                                          \
	static inline u32 read_dr##n(void)                                                         \
	{                                                                                          \
		u32 v;                                                                             \
		asm volatile("mov %%dr" #n ", %0" : "=r"(v));                                      \
		return v;                                                                          \
	}
DR_ACCESS(0)
DR_ACCESS(1)
DR_ACCESS(2)
DR_ACCESS(3)
DR_ACCESS(6)
DR_ACCESS(7)

enum { B0 = 1, B1 = 2, BD = 0x2000, BS = 0x4000, DR6_SET = 0xffff0ff0u, DR7_SET = 0x400 };
enum { EXECUTE = 0, WRITE = 1, IO = 2, ACCESS = 3, LEN1 = 0, LEN2 = 1, LEN4 = 3, GD = 0x2000 };

static inline u32 arm(unsigned n, u32 type, u32 len)
{
	return DR7_SET | 2u << (2 * n) | type << (16 + 4 * n) | len << (18 + 4 * n);
}

#endif
