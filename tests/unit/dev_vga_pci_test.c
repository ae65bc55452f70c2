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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_function)};
	return cmocka_run_group_tests_name("vga on pci", tests, NULL, NULL);
}
