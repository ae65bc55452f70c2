/* links: devices */
/* The VGA as a PCI function: what a BIOS finds, its ROM, its registers in memory. */
#include "dev_vga_fixture.h"

#include "devices/vga_pci.h"

enum { REGISTERS = 0xe0000000, ROM = 0xe0010000 };

static uint32_t config_in(struct rig *r, uint8_t at)
{
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80001000 | at);
	return bus_read(r->bus, SPACE_PORT, 0xcfc, 4);
}

static void config_out(struct rig *r, uint8_t at, uint32_t value)
{
	bus_write(r->bus, SPACE_PORT, 0xcf8, 4, 0x80001000 | at);
	bus_write(r->bus, SPACE_PORT, 0xcfc, 4, value);
}

static uint32_t mem(struct rig *r, uint32_t a, unsigned size)
{
	return bus_read(r->bus, SPACE_MEMORY, a, size);
}

static void test_function(void **state)
{
	struct rig r;
	struct vga *v = open_vga(&r);
	struct pci *pci = pci_create(r.bus, 0);
	struct vga_pci *p = vga_pci_create(r.bus, pci, 2, v);
	uint8_t rom[40000];
	for (unsigned i = 0; i < sizeof rom; i++)
		rom[i] = i * 7;
	vga_pci_set_rom(p, rom, sizeof rom);

	assert_int_equal(config_in(&r, 0), 0x11111234);
	assert_int_equal(config_in(&r, 8) >> 8, 0x030000);
	config_out(&r, 0x18, 0xffffffff);
	assert_int_equal(config_in(&r, 0x18), 0xfffff000);
	config_out(&r, 0x30, 0xfffff800);
	assert_int_equal(config_in(&r, 0x30), 0xffff0000);
	config_out(&r, 0x18, REGISTERS);
	config_out(&r, 0x30, ROM | 1);
	assert_int_equal(mem(&r, ROM, 4), 0xffffffff);
	config_out(&r, 4, 3);

	assert_int_equal(mem(&r, ROM + 1, 2), 0x0e07);
	assert_int_equal(mem(&r, ROM + 39996, 4), rom[39996] | rom[39997] << 8 | rom[39998] << 16 |
	                                                  (uint32_t)rom[39999] << 24);
	assert_int_equal(mem(&r, ROM + 40000, 4), 0xffffffff);
	assert_int_equal(mem(&r, ROM + 0xfffc, 4), 0xffffffff);

	/* The ports, there too. */
	set_mode(&r, &text_80x25);
	bus_write(r.bus, SPACE_MEMORY, REGISTERS + 0x414, 2, 0x550e); /* 3D4h */
	assert_int_equal(crtc_in(&r, 0x0e), 0x55);
	assert_int_equal(mem(&r, REGISTERS + 0x40c, 1), 0x67); /* 3CCh */
	/* VBE's, without a change of the index. */
	bus_write(r.bus, SPACE_PORT, 0x1ce, 2, 10);
	bus_write(r.bus, SPACE_MEMORY, REGISTERS + 0x500, 2, 0xb0c2);
	assert_int_equal(mem(&r, REGISTERS + 0x500, 2), 0xb0c2);
	assert_int_equal(mem(&r, REGISTERS + 0x514, 2), 4);
	assert_int_equal(bus_read(r.bus, SPACE_PORT, 0x1cf, 2), 4);
	/* No EDID, and nothing beyond. */
	for (uint32_t a = 0; a < 4096; a += 2)
		if (a < 0x400 || a >= 0x516)
			assert_int_equal(mem(&r, REGISTERS + a, 2), 0xffff);

	vga_pci_type.destroy(p);
	pci_type.destroy(pci);
	close_vga(&r, v);
}

/* Detailed timings against those that VESA gives for reduced blanking. */
static void test_monitor(void **state)
{
	static const struct {
		unsigned width, height, clock, lines, sync;
	} modes[] = {{1024, 768, 5600, 790, 4},
	             {1280, 800, 7100, 823, 6},
	             {1920, 1080, 13850, 1111, 5},
	             {2560, 1600, 26850, 1646, 6}};
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
		struct rig r;
		struct vga *v = open_vga(&r);
		struct pci *pci = pci_create(r.bus, 0);
		struct vga_pci *p = vga_pci_create(r.bus, pci, 2, v);
		uint8_t e[EDID_BYTES], sum = 0, seen[EDID_BYTES];
		edid_make(e, modes[i].width, modes[i].height);
		vga_pci_set_edid(p, e);
		config_out(&r, 0x18, REGISTERS);
		config_out(&r, 4, 2);
		for (unsigned at = 0; at < EDID_BYTES; at++) {
			seen[at] = mem(&r, REGISTERS + at, 1);
			sum += seen[at];
		}
		assert_memory_equal(seen, e, EDID_BYTES);
		assert_int_equal(mem(&r, REGISTERS + EDID_BYTES, 2), 0xffff);
		assert_int_equal(sum, 0);
		assert_memory_equal(seen, "\0\xff\xff\xff\xff\xff\xff", 8);
		const uint8_t *d = seen + 54;
		unsigned height = d[5] | d[7] >> 4 << 8;
		assert_int_equal(d[0] | d[1] << 8, modes[i].clock);
		assert_int_equal(d[2] | d[4] >> 4 << 8, modes[i].width);
		assert_int_equal(d[3] | (d[4] & 15) << 8, 160);
		assert_int_equal(height, modes[i].height);
		assert_int_equal(height + (d[6] | (d[7] & 15) << 8), modes[i].lines);
		assert_int_equal(d[10], 3 << 4 | modes[i].sync);
		vga_pci_type.destroy(p);
		pci_type.destroy(pci);
		close_vga(&r, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_function),
	                                   cmocka_unit_test(test_monitor)};
	return cmocka_run_group_tests_name("vga on pci", tests, NULL, NULL);
}
