/* PCI configuration mechanism 1, and the power management of a PIIX4 behind it. */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include "rt.h"

enum { HOST_BRIDGE = 0, ISA_BRIDGE = 1 << 3, POWER = 1 << 3 | 3 };

static inline void outl(u16 port, u32 v)
{
	asm volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline u32 inl(u16 port)
{
	u32 v;
	asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outw(u16 port, u16 v)
{
	asm volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline u16 inw(u16 port)
{
	u16 v;
	asm volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u32 pci_get(u32 function, u32 at)
{
	outl(0xcf8, 0x80000000 | function << 8 | at);
	return inl(0xcfc);
}

static inline void pci_set(u32 function, u32 at, u32 v)
{
	outl(0xcf8, 0x80000000 | function << 8 | at);
	outl(0xcfc, v);
}

static inline u16 pm_base(void)
{
	return (u16)(pci_get(POWER, 0x40) & 0xffc0);
}

#endif
