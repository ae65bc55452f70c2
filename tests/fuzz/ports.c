/* A guest that means harm to devices: random values, and commands that are nearly right, at all
 * ports and in the memory of devices.  It lies at 2 MiB, where A20 is nothing to it. */
#include "../guest/rt/rt.h"

enum {
	RAM = 16 << 20,
	ARENA = 4 << 20, /* for strings, DMA and tables */
	ARENA_BYTES = 1 << 20,
	LINE = 1024, /* operations */
};

static u32 seed;
u8 again_stack[8192];

static u32 any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static u32 below(u32 n)
{
	return any() % n;
}

static bool one_in(u32 n)
{
	return !below(n);
}

static u32 value(void)
{
	static const u32 edges[] = {0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x8000, 0x7fffffff, 0xffffffff};

	switch (below(4)) {
	case 0:
		return edges[below(sizeof edges / sizeof *edges)];
	case 1:
		return 1u << below(32);
	default:
		return any();
	}
}

/* --- memory --- */

static u32 bars[16]; /* where functions of PCI had their memory and ports last */

static u32 address(void)
{
	switch (below(8)) {
	case 0:
		return 0xa0000 + below(0x60000);
	case 1:
		return 0xfff00000 + below(0x100000);
	case 2:
		return bars[below(16)] + below(0x10000);
	case 3:
		/* Both APICs, or the end of memory. */
		return one_in(2) ? 0xfec00000 + below(2) * 0x200000 + below(0x400)
		                 : RAM + below(0x1000);
	case 4:
		return any() | 0x80000000;
	default:
		return 0xa0000 + below(0x20000);
	}
}

static void touch_memory(u32 at)
{
	u32 v = value(), n = below(one_in(32) ? 0x400 : 16),
	    other = ARENA + below(ARENA_BYTES - 0x1000);

	switch (below(14)) {
	case 0:
		*(volatile u8 *)at = (u8)v;
		break;
	case 1:
		*(volatile u16 *)at = (u16)v;
		break;
	case 2:
		*(volatile u32 *)at = v;
		break;
	case 3:
		(void)*(volatile u8 *)at;
		break;
	case 4:
		(void)*(volatile u16 *)at;
		break;
	case 5:
		(void)*(volatile u32 *)at;
		break;
	case 6:
		asm volatile("xorl %1, (%0); xchgb %b1, 3(%0); addw $7, 5(%0)"
		             :
		             : "r"(at), "q"(v)
		             : "memory");
		break;
	case 7:
		asm volatile("fldl (%0); fstpt (%1); fninit"
		             :
		             : "r"(at), "r"(at + below(16))
		             : "memory");
		break;
	case 8:
		asm volatile("movups (%0), %%xmm0; movups %%xmm0, (%1)"
		             :
		             : "r"(at), "r"(at + below(64))
		             : "memory");
		break;
	case 9:
		asm volatile("rep stosl" : "+D"(at), "+c"(n) : "a"(v) : "memory");
		break;
	case 10:
		asm volatile("rep movsb" : "+D"(at), "+S"(other), "+c"(n) : : "memory");
		break;
	case 11:
		asm volatile("rep movsl" : "+D"(other), "+S"(at), "+c"(n) : : "memory");
		break;
	case 12:
		asm volatile("std; repe scasw; cld" : "+D"(at), "+c"(n) : "a"(v) : "memory");
		break;
	default:
		asm volatile("repne cmpsb" : "+D"(at), "+S"(other), "+c"(n) : : "memory");
	}
}

/* --- ports --- */

static u16 port(void)
{
	static const struct {
		u16 first, ports;
	} ranges[] = {
		{0x00, 0x20}, {0x20, 2},   {0x40, 4},   {0x60, 5},     {0x70, 2},     {0x80, 0x10},
		{0x92, 1},    {0xa0, 2},   {0xb2, 2},   {0xc0, 0x20},  {0xf0, 2},     {0x170, 8},
		{0x1ce, 4},   {0x1f0, 8},  {0x2f8, 8},  {0x3b0, 0x30}, {0x3b0, 0x30}, {0x3c0, 0x20},
		{0x3f0, 8},   {0x3f0, 8},  {0x376, 1},  {0x3f8, 8},    {0xc000, 16},  {0x402, 1},
		{0x4d0, 2},   {0x510, 12}, {0x600, 64}, {0xb000, 64},  {0x700, 16},   {0xcf8, 8},
		{0xcf8, 8},   {0x8900, 1}, {0x378, 4},  {0x5658, 4},
	};

	if (one_in(16))
		return (u16)any();
	if (one_in(16))
		return (u16)(bars[below(16)] + below(64));
	unsigned i = below(sizeof ranges / sizeof *ranges);
	return (u16)(ranges[i].first + below(ranges[i].ports));
}

/* What only ends the run, or this guest's own memory, comes seldom. */
static u32 power; /* where the ports of the power management are */

static bool ends(u16 p, unsigned size, u32 v)
{
	for (unsigned i = 0; i < size; i++, v >>= 8) {
		u32 at = (p + i) & 0xffff;
		if (at == 0x64 ? (v & 0xf0) == 0xf0 : at == 0x92 ? v & 1 : at == power + 5)
			return true;
		/* 0xe9: our counts. */
		if (at == 0xcf9 || at == 0x8900 || at == 0xb2 || at == 0xe9)
			return true;
	}
	return false;
}

static void out(u16 p, unsigned size, u32 v)
{
	if (ends(p, size, v) && !one_in(256))
		return;
	if (size == 1)
		asm volatile("outb %b0, %1" : : "a"(v), "d"(p));
	else if (size == 2)
		asm volatile("outw %w0, %1" : : "a"(v), "d"(p));
	else
		asm volatile("outl %0, %1" : : "a"(v), "d"(p));
}

static u32 in(u16 p, unsigned size)
{
	u32 v = 0;

	if (size == 1)
		asm volatile("inb %1, %b0" : "+a"(v) : "d"(p));
	else if (size == 2)
		asm volatile("inw %1, %w0" : "+a"(v) : "d"(p));
	else
		asm volatile("inl %1, %0" : "+a"(v) : "d"(p));
	return v;
}

static void touch_port(u16 p)
{
	u32 n = below(one_in(32) ? 0x300 : 16), at = ARENA + below(ARENA_BYTES - 0x1000);

	if (one_in(16))
		at = address();
	switch (below(16)) {
	case 0:
		asm volatile("rep insb" : "+D"(at), "+c"(n) : "d"(p) : "memory");
		break;
	case 1:
		asm volatile("rep insw" : "+D"(at), "+c"(n) : "d"(p) : "memory");
		break;
	case 2:
		asm volatile("rep insl" : "+D"(at), "+c"(n) : "d"(p) : "memory");
		break;
	case 3:
		if (!ends(p, 4, ~0u))
			asm volatile("rep outsb" : "+S"(at), "+c"(n) : "d"(p) : "memory");
		break;
	case 4:
		if (!ends(p, 4, ~0u))
			asm volatile("rep outsw" : "+S"(at), "+c"(n) : "d"(p) : "memory");
		break;
	case 5 ... 7:
		in(p, 1u << below(3));
		break;
	case 8:
		out(p, 2, value());
		break;
	case 9:
		out(p, 4, value());
		break;
	default:
		out(p, 1, value());
	}
}

/* --- commands that are nearly right --- */

static void pci(void)
{
	u32 device = one_in(4) ? below(32) : below(4), function = one_in(4) ? below(8) : below(4);
	u32 at = one_in(2) ? 0x10 + below(8) * 4 : below(256);

	out(0xcf8, 4, 0x80000000 | device << 11 | function << 8 | (at & 0xfc));
	u32 v = in(0xcfc, 4);
	/* Not in RAM, where this guest is. */
	if (at >= 0x10 && at < 0x28 && v != 0xffffffff && (v >= RAM || v <= 0xffff))
		bars[below(16)] = v & ~15u;
	/* Bars in RAM, in each other, at the end, in the PC's ports. */
	v = one_in(2) ? value() : one_in(2) ? address() : (u32)port() | 1;
	out(0xcfc + (at & 3), one_in(2) ? 4 : 1u << below(3), v);
	out(0xcf8, 4, 0x80000004 | device << 11 | function << 8);
	out(0xcfc, 2, one_in(8) ? value() : 7);
	out(0xcf8, 4, 0x80000b40);
	power = in(0xcfc, 4) & 0xffc0;
}

static void fwcfg(void)
{
	u32 at = one_in(8) ? address() : ARENA + (below(ARENA_BYTES - 64) & ~3u);

	if (one_in(2)) {
		out(0x510, 2, one_in(2) ? below(0x40) : value());
		touch_port(0x511);
		return;
	}
	/* Big-endian: control, length, address.  A read of any length would overwrite us. */
	bool any_length = one_in(4);
	u32 control = (below(64) & (any_length ? ~2u : ~0u)) | below(0x40) << 16;
	*(volatile u32 *)at = __builtin_bswap32(control);
	*(volatile u32 *)(at + 4) = __builtin_bswap32(any_length ? value() : below(0x2000));
	*(volatile u32 *)(at + 8) = one_in(8) ? value() : 0;
	*(volatile u32 *)(at + 12) =
		__builtin_bswap32(one_in(4) ? address() : ARENA + below(ARENA_BYTES));
	if (one_in(8))
		out(0x514, 4, value());
	out(0x518, 4, __builtin_bswap32(at));
}

static void dma(void)
{
	unsigned channel = below(8), base = channel < 4 ? 0 : 0xc0, step = channel < 4 ? 1 : 2;
	static const u16 pages[] = {0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a};

	out((u16)(base + 12 * step), 1, 0);
	out((u16)(base + (channel & 3) * 2 * step), 1, any());
	out((u16)(base + (channel & 3) * 2 * step), 1, any());
	out((u16)(base + ((channel & 3) * 2 + 1) * step), 1, any());
	out((u16)(base + ((channel & 3) * 2 + 1) * step), 1, one_in(2) ? below(4) : any());
	out(pages[channel], 1, one_in(4) ? any() : 0x40 + below(16));
	out((u16)(base + 11 * step), 1, (any() & 0xfc) | (channel & 3));
	out((u16)(base + 10 * step), 1, channel & 3);
}

static void floppy(void)
{
	static const u8 commands[][2] = {{0x06, 8}, {0x05, 8}, {0x0d, 5}, {0x0a, 1}, {0x0f, 2},
	                                 {0x07, 1}, {0x08, 0}, {0x04, 1}, {0x03, 2}, {0x13, 3},
	                                 {0x11, 8}, {0x16, 8}, {0x02, 8}, {0x0c, 8}, {0x09, 8},
	                                 {0x10, 0}, {0x12, 1}, {0x14, 0}, {0x0e, 0}, {0x8f, 2}};
	unsigned i = below(sizeof commands / sizeof *commands);

	if (one_in(2))
		out(0x3f2, 1, one_in(4) ? any() : 0x1c | 0x30 | below(2));
	if (one_in(4))
		out(0x3f7, 1, below(4));
	if (one_in(3))
		out(0x3f4, 1, any());
	if (one_in(2))
		dma();
	out(0x3f5, 1, commands[i][0] | (one_in(2) ? any() & 0xe0 : 0x40));
	for (unsigned n = commands[i][1]; n; n--)
		out(0x3f5, 1, one_in(8) ? any() : one_in(2) ? below(3) : below(90));
	for (unsigned n = below(one_in(16) ? 600 : 8); n && (in(0x3f4, 1) & 0x20); n--)
		if (one_in(2))
			in(0x3f5, 1);
		else
			out(0x3f5, 1, any());
	for (unsigned n = below(12); n; n--)
		in(0x3f5, 1);
}

static void ide(void)
{
	static const u8 commands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40,
	                              0xc4, 0xc5, 0xc8, 0xca, 0xec, 0xc6, 0x91, 0xef, 0xe7,
	                              0x90, 0x08, 0x70, 0x10, 0xe4, 0xe8, 0xa0, 0xa1, 0xf8};
	u16 base = one_in(2) ? 0x170 : 0x1f0, master = base == 0x170 ? 0xc008 : 0xc000;
	u32 table = ARENA + (below(ARENA_BYTES - 256) & ~3u);

	if (one_in(8)) { /* where the bus master is, and whether; which channels are */
		out(0xcf8, 4, 0x80000920);
		out(0xcfc, 4, 0xc000);
		out(0xcf8, 4, 0x80000904);
		out(0xcfc, 2, one_in(8) ? value() : 5);
		out(0xcf8, 4, 0x80000940);
		out(0xcfc, 4, one_in(8) ? value() : 0x80008000);
	}
	if (one_in(8))
		out(base + 0x206, 1, one_in(2) ? below(2) * 4 : value());
	for (unsigned n = below(24); n; n--)
		*(volatile u32 *)(table + below(64) * 4) =
			one_in(4) ? value() : ARENA + below(ARENA_BYTES / 2);
	out(master, 1, below(2) * 8);
	out(master + 4, 4, one_in(8) ? address() : table);
	for (unsigned n = below(12); n; n--)
		out(base + 1 + (u16)below(5), 1, one_in(4) ? any() : below(3));
	out(base + 6, 1, one_in(8) ? any() : 0xe0 | below(2) << 4);
	out(base + 7, 1, one_in(16) ? any() : commands[below(sizeof commands)]);
	if (one_in(2))
		out(master, 1, 1 | below(2) * 8);
	for (unsigned n = below(8); n; n--) {
		in(base + 7, 1);
		touch_port(base);
	}
}

/* A packet for a CD-ROM drive, whose bytes are taken or given, more or fewer than there are. */
static void packet(void)
{
	static const u8 opcodes[] = {0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25, 0x28,
	                             0x28, 0x2b, 0x42, 0x43, 0x46, 0x4a, 0x51, 0x52, 0x55,
	                             0x5a, 0xa8, 0xad, 0xb9, 0xbb, 0xbd, 0xbe, 0xbe};
	static const u8 commands[] = {0x08, 0x90, 0xa1, 0xec, 0xef, 0xe5};
	u16 base = one_in(4) ? 0x1f0 : 0x170;
	bool by_dma = one_in(3);

	out(base + 6, 1, one_in(8) ? any() : below(2) << 4);
	if (one_in(16))
		out(base + 0x206, 1, any() & 6);
	out(base + 1, 1, one_in(16) ? any() : by_dma);
	out(base + 4, 1, any());
	out(base + 5, 1, one_in(2) ? 0 : any());
	out(base + 7, 1, one_in(8) ? commands[below(sizeof commands)] : 0xa0);
	out(base, 2, opcodes[below(sizeof opcodes)] | any() << 8);
	for (unsigned i = 2; i < 12; i += 2)
		out(base, 2, one_in(2) ? 0 : one_in(2) ? below(64) << 8 : any());
	for (unsigned n = below(one_in(8) ? 2000 : 40); n && (in(base + 0x206, 1) & 8); n--)
		if (in(base + 2, 1) & 2)
			in(base, one_in(4) ? 4 : 2);
		else
			out(base, 2, any());
}

static void vga(void)
{
	static const struct {
		u16 index;
		u8 registers;
	} sets[] = {{0x3c4, 8}, {0x3ce, 16}, {0x3d4, 32}, {0x3b4, 32}};

	for (unsigned n = 1 + below(8); n; n--) {
		unsigned i = below(4);
		u8 at = one_in(16) ? (u8)any() : (u8)below(sets[i].registers);
		out(sets[i].index, 2, at | any() << 8);
	}
	in(0x3da, 1);
	for (unsigned n = below(16); n; n--)
		out(0x3c0, 1, one_in(4) ? any() : 0x20 | below(32));
	if (one_in(2))
		out(0x3c2, 1, one_in(2) ? 0x67 : any());
	for (unsigned n = below(16); n; n--)
		touch_memory(0xa0000 + below(0x20000));
}

static void vbe_out(u16 index, u16 v)
{
	out(0x1ce, 2, index);
	out(0x1cf, 2, v);
}

/* Modes that there are, mostly; then what is shown as memory is stored to, and run. */
static void vbe(void)
{
	static const u16 sizes[] = {320, 640, 800, 1024, 1280, 4096};
	static const u8 depths[] = {4, 8, 15, 16, 24, 32};
	u32 frames = 0xe0000000 + below(4) * 0x1000000;

	vbe_out(4, 0);
	vbe_out(1, one_in(8) ? any() : sizes[below(6)]);
	vbe_out(2, one_in(8) ? any() : sizes[below(6)]);
	vbe_out(3, one_in(8) ? any() : depths[below(6)]);
	vbe_out(4, one_in(8) ? any() : 0x41 | (any() & 0xa2));
	for (unsigned n = below(4); n; n--)
		vbe_out((u16)(5 + below(5)), one_in(2) ? below(300) : any());
	if (one_in(2)) {
		out(0xcf8, 4, 0x80001010);
		out(0xcfc, 4, frames);
		out(0xcf8, 4, 0x80001004);
		out(0xcfc, 2, 7);
	}
	u32 at = one_in(2) ? 0xa0000 + below(0x10000) : frames + below(16 << 20);
	for (unsigned n = below(64); n; n--)
		touch_memory(at + below(32));
	*(volatile u8 *)at = 0xc3; /* RET */
	if (*(volatile u8 *)at == 0xc3)
		asm volatile("call *%0" : : "r"(at) : "memory");
	if (one_in(2))
		vga();
}

static void keyboard(void)
{
	static const u8 commands[] = {0x20, 0x60, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xad, 0xae, 0xc0,
	                              0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xe0, 0xdd, 0xdf, 0xc1, 0xc2};
	static const u8 keyboards[] = {0xed, 0xee, 0xf0, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
	                               0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};

	if (one_in(2)) {
		u8 c = commands[below(sizeof commands)];
		out(0x64, 1, c);
		/* A pulse of the reset line but seldom. */
		out(0x60, 1, c == 0xd1 && !one_in(1024) ? any() | 1 : any());
	} else {
		out(0x60, 1, one_in(4) ? any() : keyboards[below(sizeof keyboards)]);
		out(0x60, 1, one_in(2) ? below(4) : any());
	}
	for (unsigned n = below(20); n; n--)
		in(0x60, 1);
}

/* Commands with their parameters, and the calls of the absolute pointer. */
static void mouse(void)
{
	static const u8 commands[] = {0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xee,
	                              0xf0, 0xf2, 0xf3, 0xf4, 0xf4, 0xf4, 0xf5, 0xf6,
	                              0xfe, 0xff, 200,  100,  80,   10,   3};
	static const u32 words[] = {0x45414552, 0x53424152, 0x4c455252, 0xf5, 1, 4, 6, 0};

	for (unsigned n = below(6); n; n--) {
		out(0x64, 1, one_in(16) ? 0xa8 : 0xd4);
		out(0x60, 1, one_in(8) ? any() : commands[below(sizeof commands)]);
	}
	for (unsigned n = below(8); n; n--) {
		u32 a = one_in(16) ? any() : 0x564d5868, c = one_in(4) ? any() : 38 + below(4);
		u32 b = one_in(8) ? any() : words[below(sizeof words / sizeof *words)];
		u32 d = 0x5658;
		asm volatile("inl %%dx, %%eax" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
	}
	for (unsigned n = below(20); n; n--)
		in(0x60, 1);
}

static void timers(void)
{
	/* One-shots, periods of a tick, and the clock's alarms and dates. */
	switch (below(4)) {
	case 0:
		out(0x43, 1, any());
		for (unsigned n = below(6); n; n--)
			out(0x40 + below(3), 1, one_in(2) ? below(3) : any());
		break;
	case 1:
		out(0x70, 1, 0x80 | below(16));
		out(0x71, 1, value());
		break;
	case 2: /* the interrupt controllers' words */
		out(one_in(2) ? 0x20 : 0xa0, 1, one_in(2) ? 0x10 | any() : any());
		for (unsigned n = below(4); n; n--)
			out(one_in(2) ? 0x21 : 0xa1, 1, any());
		break;
	default:
		for (unsigned n = below(8); n; n--)
			out((u16)((one_in(2) ? 0x2f8 : 0x3f8) + below(8)), 1, value());
	}
}

/* Once more after an exception: DMA may have written anywhere. */
void again(void)
{
	static u32 operations;

	for (;;) {
		static void (*const devices[])(void) = {pci, fwcfg, dma,      floppy, ide,   packet,
		                                        vga, vbe,   keyboard, mouse,  timers};

		switch (below(8)) {
		case 0 ... 2:
			devices[below(sizeof devices / sizeof *devices)]();
			break;
		case 3:
			touch_memory(address());
			break;
		default:
			touch_port(port());
		}
		if (one_in(32))
			asm volatile("sti; nop; nop; nop; cli");
		if (++operations % LINE == 0)
			outb(0xe9, 0x2e);
	}
}

/* All vectors, whatever the interrupt controllers call them.  One interrupt and no more: a line
 * that has become sensitive to its level may be stuck. */
asm(".pushsection .text\n"
    "acknowledge: push %eax\n mov $0x20, %al\n out %al, $0x20\n out %al, $0xa0\n"
    "andl $~0x200, 12(%esp)\n pop %eax\n iret\n"
    "restart: mov $again_stack + 8192, %esp\n jmp again\n"
    ".popsection");
extern u8 acknowledge[], restart[], image_end[];

void guest_main(void)
{
	const char *p = cmdline;

	while (*p && *p != '=')
		p++;
	while (*p && *++p)
		seed = seed * 10 + (u32)(*p - '0');
	seed = seed * 2654435761u + 0x9e3779b9;
	/* A reset would begin the same again: CMOS counts them. */
	outb(0x70, 0x40);
	seed += inb(0x71);
	outb(0x71, (u8)(inb(0x71) + 1));
	if (!seed)
		seed = 1;
	for (unsigned i = 0; i < 64; i++)
		any();
	for (unsigned v = 0; v < 256; v++)
		idt_set((u8)v, CODE0, v < 32 && v != 8 ? (u32)restart : (u32)acknowledge,
		        GATE_INT32);
	memset(image_end, 0xcc, RAM - (u32)image_end);
	pci();
	write_cr0(CR0_PE | CR0_NE);
	write_cr4(CR4_OSFXSR | CR4_OSXMMEXCPT);
	again();
}
