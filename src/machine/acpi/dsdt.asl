/* What an operating system cannot find out by itself about the board (src/machine/board.c): the
 * PCI bus and what it takes of the address spaces, where its interrupts lead, the devices of the
 * ISA bus.  ACPI Specification 1.0b, chapters 5, 6 and 15. */
#define SLOT(at, a, b, c, d) \
	Package () { at, 0, a, 0 }, Package () { at, 1, b, 0 }, \
	Package () { at, 2, c, 0 }, Package () { at, 3, d, 0 }

#define LINK(name, number, route) \
	Device (name) { \
		Name (_HID, EisaId ("PNP0C0F")) \
		Name (_UID, number) \
		Method (_PRS) { Return (LRES) } \
		Method (_STA) { Return (LSTA (\_SB.PCI0.ISA.route)) } \
		Method (_DIS) { Or (\_SB.PCI0.ISA.route, 0x80, \_SB.PCI0.ISA.route) } \
		Method (_CRS) { Return (LCRS (\_SB.PCI0.ISA.route)) } \
		Method (_SRS, 1) { Store (LIRQ (Arg0), \_SB.PCI0.ISA.route) } \
	}

/* Without a serial port nothing answers there. */
#define COM(name, number, port, scratch, irq) \
	Device (name) { \
		Name (_HID, EisaId ("PNP0501")) \
		Name (_UID, number) \
		OperationRegion (UART, SystemIO, scratch, 1) \
		Field (UART, ByteAcc, NoLock, Preserve) { SCR, 8 } \
		Method (_STA) { \
			Store (0x5a, SCR) \
			If (LEqual (SCR, 0x5a)) { Return (0x0f) } \
			Return (0) \
		} \
		Name (_CRS, ResourceTemplate () { \
			IO (Decode16, port, port, 1, 8) \
			IRQNoFlags () { irq } \
		}) \
	}

DefinitionBlock ("dsdt.aml", "DSDT", 1, "UNRING", "UNRINGPC", 1)
{
	/* The end of RAM below 4 GiB, or where memory of PCI begins: acpi.c puts it here. */
	Name (PMEM, 0xfffffff0)

	Name (\_S5, Package () { 0, 0, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			/* SeaBIOS looks for the keyboard here, and knows no fields but in methods. */
			Method (_CRS, 0, Serialized)
			{
				Name (RES, ResourceTemplate ()
				{
					WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
						0, 0, 0xff, 0, 0x100)
					IO (Decode16, 0xcf8, 0xcf8, 1, 8)
					WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
						0, 0, 0xcf7, 0, 0xcf8)
					WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
						0, 0xd00, 0xffff, 0, 0xf300)
					DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
						Cacheable, ReadWrite,
						0, 0xa0000, 0xbffff, 0, 0x20000)
					DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
						NonCacheable, ReadWrite,
						0, 0xe0000000, 0xfebfffff, 0, 0x1ec00000,
						, , PCIM)
				})
				CreateDWordField (RES, PCIM._MIN, PMIN)
				CreateDWordField (RES, PCIM._MAX, PMAX)
				CreateDWordField (RES, PCIM._LEN, PLEN)
				Store (PMEM, PMIN)
				Add (Subtract (PMAX, PMIN), 1, PLEN)
				Return (RES)
			}

			/* By device, where its INTA# to INTD# lead. */
			Name (_PRT, Package ()
			{
				SLOT (0x0000ffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x0001ffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x0002ffff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x0003ffff, LNKC, LNKD, LNKA, LNKB),
				SLOT (0x0004ffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x0005ffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x0006ffff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x0007ffff, LNKC, LNKD, LNKA, LNKB),
				SLOT (0x0008ffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x0009ffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x000affff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x000bffff, LNKC, LNKD, LNKA, LNKB),
				SLOT (0x000cffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x000dffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x000effff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x000fffff, LNKC, LNKD, LNKA, LNKB),
				SLOT (0x0010ffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x0011ffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x0012ffff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x0013ffff, LNKC, LNKD, LNKA, LNKB),
				SLOT (0x0014ffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x0015ffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x0016ffff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x0017ffff, LNKC, LNKD, LNKA, LNKB),
				SLOT (0x0018ffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x0019ffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x001affff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x001bffff, LNKC, LNKD, LNKA, LNKB),
				SLOT (0x001cffff, LNKD, LNKA, LNKB, LNKC),
				SLOT (0x001dffff, LNKA, LNKB, LNKC, LNKD),
				SLOT (0x001effff, LNKB, LNKC, LNKD, LNKA),
				SLOT (0x001fffff, LNKC, LNKD, LNKA, LNKB)
			})

			Device (ISA)
			{
				Name (_ADR, 0x00010000)
				OperationRegion (ROUT, PCI_Config, 0x60, 4)
				Field (ROUT, ByteAcc, NoLock, Preserve)
				{
					RTA, 8, RTB, 8, RTC, 8, RTD, 8
				}

				Device (PIC)
				{
					Name (_HID, EisaId ("PNP0000"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x20, 0x20, 1, 2)
						IO (Decode16, 0xa0, 0xa0, 1, 2)
						IO (Decode16, 0x4d0, 0x4d0, 1, 2)
						IRQNoFlags () { 2 }
					})
				}
				Device (TIMR)
				{
					Name (_HID, EisaId ("PNP0100"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x40, 0x40, 1, 4)
						IRQNoFlags () { 0 }
					})
				}
				Device (DMAC)
				{
					Name (_HID, EisaId ("PNP0200"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x00, 0x00, 1, 0x10)
						IO (Decode16, 0x81, 0x81, 1, 0x0f)
						IO (Decode16, 0xc0, 0xc0, 1, 0x20)
						DMA (Compatibility, NotBusMaster, Transfer8) { 4 }
					})
				}
				Device (CMOS)
				{
					Name (_HID, EisaId ("PNP0B00"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x70, 0x70, 1, 2)
						IRQNoFlags () { 8 }
					})
				}
				Device (SPKR)
				{
					Name (_HID, EisaId ("PNP0800"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x61, 0x61, 1, 1)
					})
				}
				Device (NPX)
				{
					Name (_HID, EisaId ("PNP0C04"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0xf0, 0xf0, 1, 0x10)
						IRQNoFlags () { 13 }
					})
				}
				Device (KBD)
				{
					Name (_HID, EisaId ("PNP0303"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x60, 0x60, 1, 1)
						IO (Decode16, 0x64, 0x64, 1, 1)
						IRQNoFlags () { 1 }
					})
				}
				Device (MOU)
				{
					Name (_HID, EisaId ("PNP0F13"))
					Name (_CRS, ResourceTemplate ()
					{
						IRQNoFlags () { 12 }
					})
				}
				Device (FDC)
				{
					Name (_HID, EisaId ("PNP0700"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x3f2, 0x3f2, 1, 4)
						IO (Decode16, 0x3f7, 0x3f7, 1, 1)
						IRQNoFlags () { 6 }
						DMA (Compatibility, NotBusMaster, Transfer8) { 2 }
					})
				}
				Device (LPT)
				{
					Name (_HID, EisaId ("PNP0400"))
					/* Its data can be read back, if it is there. */
					OperationRegion (PORT, SystemIO, 0x378, 1)
					Field (PORT, ByteAcc, NoLock, Preserve) { DATA, 8 }
					Method (_STA)
					{
						Store (0x5a, DATA)
						If (LEqual (DATA, 0x5a)) { Return (0x0f) }
						Return (0)
					}
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x378, 0x378, 1, 3)
						IRQNoFlags () { 7 }
					})
				}
				COM (COM1, 1, 0x3f8, 0x3ff, 4)
				COM (COM2, 2, 0x2f8, 0x2ff, 3)
			}
		}

		/* PIRQ route registers: bit 7 set disables one (82371SB, 60h to 63h). */
		Name (LRES, ResourceTemplate ()
		{
			IRQ (Level, ActiveLow, Shared) { 5, 10, 11 }
		})
		Name (CUR, ResourceTemplate ()
		{
			IRQ (Level, ActiveLow, Shared) { 5 }
		})
		Method (LCRS, 1, Serialized)
		{
			CreateWordField (CUR, 1, MASK)
			Store (0, MASK)
			If (LEqual (And (Arg0, 0x80), 0)) { Store (ShiftLeft (1, And (Arg0, 15)), MASK) }
			Return (CUR)
		}
		Method (LIRQ, 1)
		{
			CreateWordField (Arg0, 1, MASK)
			FindSetRightBit (MASK, Local0)
			If (Local0) { Return (Subtract (Local0, 1)) }
			Return (0x80)
		}
		Method (LSTA, 1)
		{
			If (And (Arg0, 0x80)) { Return (0x09) }
			Return (0x0b)
		}
		LINK (LNKA, 1, RTA)
		LINK (LNKB, 2, RTB)
		LINK (LNKC, 3, RTC)
		LINK (LNKD, 4, RTD)
	}
}
