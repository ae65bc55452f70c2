/* links: devices */
/* A0000h to BFFFFh against a second model: four planes of bytes, each access bit by bit as IBM's
 * reference draws the data path, under random registers; by single accesses, by runs, and, where
 * the VGA shows its memory, without it. */
#include "dev_vga_fixture.h"

enum { BYTES = 256 << 10, PAGE = 16 };

static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % below;
}

struct model {
	uint8_t misc, seq[5], gc[9];
	uint8_t plane[4][65536], latch[4];
};

static bool bit(unsigned value, unsigned n)
{
	return value >> n & 1;
}

/* Where in the window an address is; -1: it is not. */
static int32_t in_window(const struct model *m, uint32_t a)
{
	if (!bit(m->misc, 1))
		return -1;
	switch (m->gc[6] >> 2 & 3) {
	case 0:
		return a - 0xa0000;
	case 1:
		return a < 0xb0000 ? (int32_t)(a - 0xa0000) : -1;
	case 2:
		return a >= 0xb0000 && a < 0xb8000 ? (int32_t)(a - 0xb0000) : -1;
	default:
		return a >= 0xb8000 ? (int32_t)(a - 0xb8000) : -1;
	}
}

/* The address at the planes: chained by four, A14 and A15 are what its lowest bits are; by two, A16
 * is its lowest. */
static unsigned place(const struct model *m, unsigned a)
{
	if (bit(m->seq[4], 3))
		return (a & 0xfffc) + (a / 0x4000) % 4;
	if (bit(m->gc[6], 1))
		return (a & 0xfffe) + (a / 0x10000) % 2;
	return a & 0xffff;
}

static void model_write(struct model *m, uint32_t address, uint8_t byte)
{
	int32_t a = in_window(m, address);
	if (a < 0)
		return;
	unsigned mode = m->gc[5] & 3, rotate = m->gc[3] & 7;
	for (unsigned p = 0; p < 4; p++) {
		bool on = bit(m->seq[2], p);
		if (bit(m->seq[4], 3))
			on = on && p == a % 4u;
		else if (!bit(m->seq[4], 2))
			on = on && p % 2 == a % 2u;
		uint8_t result = 0;
		for (unsigned i = 0; i < 8; i++) {
			bool turned = bit(byte, (i + rotate) % 8), was = bit(m->latch[p], i), now;
			bool takes = bit(m->gc[8], i);
			if (mode == 0)
				now = bit(m->gc[1], p) ? bit(m->gc[0], p) : turned;
			else if (mode == 2)
				now = bit(byte, p);
			else
				now = bit(m->gc[0], p);
			if (mode == 3)
				takes = takes && turned;
			switch (m->gc[3] >> 3 & 3) {
			case 1:
				now = now && was;
				break;
			case 2:
				now = now || was;
				break;
			case 3:
				now = now != was;
				break;
			}
			if (mode == 1 || !takes)
				now = was;
			result |= now << i;
		}
		if (on)
			m->plane[p][place(m, a)] = result;
	}
}

static uint8_t model_read(struct model *m, uint32_t address)
{
	int32_t a = in_window(m, address);
	if (a < 0)
		return 0xff;
	unsigned plane = m->gc[4] & 3;
	for (unsigned p = 0; p < 4; p++)
		m->latch[p] = m->plane[p][place(m, a)];
	if (bit(m->gc[5], 3)) {
		uint8_t value = 0;
		for (unsigned i = 0; i < 8; i++) {
			bool same = true;
			for (unsigned p = 0; p < 4; p++)
				same &= !bit(m->gc[7], p) ||
				        bit(m->latch[p], i) == bit(m->gc[2], p);
			value |= same << i;
		}
		return value;
	}
	if (bit(m->seq[4], 3))
		plane = a % 4;
	else if (bit(m->gc[5], 4))
		plane = (plane & 2) + a % 2;
	return m->latch[plane];
}

/* --- the VGA, as a processor reaches it --- */

static struct {
	struct rig r;
	struct vga *v;
	uint8_t *memory;
	uint8_t drawn[BYTES]; /* the memory as those have it who look when they are told */
	struct model m;
	unsigned by_itself; /* accesses that did not come to the VGA */
	unsigned leaves;    /* accesses that were done by leaves */
	uint32_t told;      /* the sum of what it said it had stored */
} s;

static void on_stored(void *ctx, uint32_t offset, uint32_t bytes)
{
	assert_true(offset + (uint64_t)bytes <= BYTES);
	memcpy(s.drawn + offset, s.memory + offset, bytes);
	s.told += bytes;
}

/* What the processor finds there by itself; NULL: it asks the VGA. */
static uint8_t *shown(uint32_t a)
{
	unsigned n;
	const struct bus_range *range = bus_memory(s.r.bus, &n);
	assert_int_equal(n, 1);
	uint32_t at = a - (uint32_t)range->base;
	if (at - range->memory.offset >= range->memory.length)
		return NULL;
	s.by_itself++;
	return s.memory + ((range->memory.page - PAGE) * 4096 + (at - range->memory.offset));
}

/* By a leaf or without, at random: nobody is to see a difference. */
static bool by_leaf(enum bus_space space, uint32_t a, unsigned size, bool write, uint32_t *value)
{
	bool done = any(2) &&
	            (space == SPACE_PORT ? bus_port_leaf(s.r.bus, (uint16_t)a, size, write, value)
	                                 : bus_memory_leaf(s.r.bus, gpa(a), size, write, value));
	s.leaves += done;
	return done;
}

static uint32_t load_wide(uint32_t a, unsigned size)
{
	uint32_t value;
	if (by_leaf(SPACE_MEMORY, a, size, false, &value))
		return value;
	return (uint32_t)bus_read(s.r.bus, SPACE_MEMORY, a, size);
}

static void write_wide(enum bus_space space, uint32_t a, unsigned size, uint32_t value)
{
	if (!by_leaf(space, a, size, true, &value))
		bus_write(s.r.bus, space, a, size, value);
}

static uint8_t load(uint32_t a)
{
	const uint8_t *at = shown(a);
	return at ? *at : (uint8_t)load_wide(a, 1);
}

static void store(uint32_t a, uint8_t byte)
{
	uint8_t *at = shown(a);
	if (at)
		*at = byte;
	else
		write_wide(SPACE_MEMORY, a, 1, byte);
}

static int open_window(void **state)
{
	memset(&s.m, 0, sizeof s.m);
	rig_open(&s.r);
	s.memory = calloc(1, BYTES);
	struct vga_memory memory = {
		.at = s.memory, .bytes = BYTES, .page = PAGE, .stored = on_stored};
	s.v = vga_create(s.r.bus, s.r.clock, memory);
	s.by_itself = s.leaves = s.told = 0;
	memset(s.drawn, 0, BYTES);
	return 0;
}

static int close_window(void **state)
{
	vga_type.destroy(s.v);
	free(s.memory);
	rig_close(&s.r);
	return 0;
}

/* --- registers --- */

static void set_misc(uint8_t value)
{
	s.m.misc = value;
	write_wide(SPACE_PORT, 0x3c2, 1, value);
}

static void set_seq(unsigned index, uint8_t value)
{
	s.m.seq[index] = value;
	write_wide(SPACE_PORT, 0x3c4, 2, value << 8 | index);
}

static void set_gc(unsigned index, uint8_t value)
{
	s.m.gc[index] = value;
	write_wide(SPACE_PORT, 0x3ce, 2, value << 8 | index);
}

static void plain_chain_4(void)
{
	static const uint8_t regs[9] = {0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff};
	set_misc(0x63);
	set_seq(2, 0x0f);
	set_seq(4, 0x0e);
	for (unsigned i = 0; i < 9; i++)
		set_gc(i, regs[i]);
}

static void change_register(void)
{
	unsigned index = any(9), value = any(4) ? any(256) : 0;
	switch (any(8)) {
	case 0:
		set_misc(any(8) ? 0x63 : 0x61);
		break;
	case 1:
		set_seq(2, any(2) ? 0x0f : any(16));
		break;
	case 2:
		set_seq(4, any(8) << 1);
		break;
	case 3:
		plain_chain_4();
		break;
	default:
		set_gc(index, index == 8 && any(2) ? 0xff : value);
	}
}

static void compare_planes(void)
{
	set_misc(0x63);
	set_seq(4, 0x06);
	set_gc(5, 0);
	set_gc(6, 0x05);
	for (unsigned p = 0; p < 4; p++) {
		set_gc(4, p);
		for (unsigned a = 0; a < 65536; a++)
			if (load(0xa0000 + a) != s.m.plane[p][a])
				fail_msg("plane %u, %04x", p, a);
	}
}

/* An address in a few lines of the window, so that accesses meet. */
static uint32_t address(unsigned room)
{
	static const uint32_t bases[] = {0xa0000, 0xa4000, 0xa8ff0, 0xafff8,
	                                 0xb0000, 0xb7ff0, 0xb8000, 0xbc000};
	uint32_t a = bases[any(8)] + any(24);
	return a + room > 0xc0000 ? 0xc0000 - room : a;
}

/* --- tests --- */

static void wide_access(uint32_t a, unsigned size)
{
	uint32_t value = any(UINT32_MAX), found;
	if (any(2)) {
		write_wide(SPACE_MEMORY, a, size, value);
		for (unsigned i = 0; i < size; i++)
			model_write(&s.m, a + i, (uint8_t)(value >> 8 * i));
		return;
	}
	found = load_wide(a, size);
	for (unsigned i = 0; i < size; i++)
		assert_int_equal((uint8_t)(found >> 8 * i), model_read(&s.m, a + i));
}

static void single_access(void)
{
	uint32_t a = address(4);
	if (!shown(a) && !any(4)) {
		wide_access(a, 2u << any(2));
	} else if (any(2)) {
		uint8_t byte = any(256);
		store(a, byte);
		model_write(&s.m, a, byte);
	} else {
		assert_int_equal(load(a), model_read(&s.m, a));
	}
}

static void test_accesses(void **state)
{
	set_misc(0x63);
	for (unsigned round = 0; round < 20000; round++) {
		change_register();
		/* Latches are not loaded by what the VGA does not see; nor does it use them then. */
		for (unsigned i = any(80); i; i--)
			single_access();
		uint32_t a = address(4);
		if (!shown(a))
			assert_int_equal(bus_read(s.r.bus, SPACE_MEMORY, a, 1),
			                 model_read(&s.m, a));
		else
			plain_chain_4();
		if (shown(0xa0000))
			set_seq(4, 0x06);
		peek(&s.r, 0xa0000);
		model_read(&s.m, 0xa0000);
	}
	compare_planes();
	assert_true(s.by_itself > 1000 && s.leaves > 100000);
	assert_true(s.told > 0);
}

static void model_run(const struct mem_run *r)
{
	uint8_t *buf = r->buf, element[4] = {0};
	for (size_t i = 0; i < r->n; i++, buf += r->kind == RUN_FILL ? 0 : r->size) {
		uint64_t at = r->at + i * r->size;
		for (unsigned k = 0; k < r->size && r->kind == RUN_MOVE; k++)
			element[k] = model_read(&s.m, r->from + i * r->size + k);
		for (unsigned k = 0; k < r->size; k++)
			if (r->kind == RUN_LOAD)
				assert_int_equal(buf[k], model_read(&s.m, at + k));
			else
				model_write(&s.m, at + k,
				            r->kind == RUN_MOVE ? element[k] : buf[k]);
	}
}

static void test_runs(void **state)
{
	set_misc(0x63);
	for (unsigned round = 0; round < 30000; round++) {
		uint8_t buf[256];
		struct mem_run r = {.kind = any(4), .size = 1u << any(3), .buf = buf};
		r.n = 1 + any(64 / r.size);
		r.at = address(64);
		r.from = any(2) ? r.at + any(8) : address(64);
		if (r.from + 64 > 0xc0000)
			r.from = 0xc0000 - 64;
		for (unsigned i = 0; i < sizeof buf; i++)
			buf[i] = any(256);
		change_register();
		if (shown(0xa0000))
			set_seq(2, 1);
		assert_true(bus_run(s.r.bus, &r));
		model_run(&r);
		if (round % 64 == 0)
			assert_memory_equal(s.drawn, s.memory, BYTES);
	}
	compare_planes();
	/* Not all of it in the region: nothing is done. */
	uint8_t buf[8];
	struct mem_run r = {.kind = RUN_LOAD, .size = 4, .n = 2, .at = 0xbfffc, .buf = buf};
	assert_false(bus_run(s.r.bus, &r));
	r.at = 0x9fffc;
	assert_false(bus_run(s.r.bus, &r));
	r = (struct mem_run){.kind = RUN_MOVE, .size = 4, .n = 2, .at = 0xa0000, .from = 0xbfffc};
	assert_false(bus_run(s.r.bus, &r));
}

/* Shown after some accesses; any register that means more than memory takes it back at once. */
static void test_shown(void **state)
{
	static const struct {
		unsigned index, value;
	} changes[] = {{0x102, 0x07}, {0x104, 0x06}, {5, 0x41}, {5, 0x48}, {3, 0x08},
	               {3, 0x01},     {1, 0x01},     {8, 0x7f}, {6, 0x09}, {6, 0x0d}};
	for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++) {
		plain_chain_4();
		peek(&s.r, 0xa0000);
		assert_null(shown(0xa0000));
		for (unsigned k = 0; k < 64; k++)
			poke(&s.r, 0xa0000 + k, k + i);
		for (unsigned k = 0; k < 64; k++)
			assert_int_equal(*shown(0xa0000 + k), k + i);
		assert_non_null(shown(0xaffff));
		assert_null(shown(0xb0000));
		if (changes[i].index & 0x100)
			set_seq(changes[i].index & 0xff, changes[i].value);
		else
			set_gc(changes[i].index, changes[i].value);
		for (unsigned k = 0; k < 64; k++)
			peek(&s.r, 0xa0000);
		assert_null(shown(0xa0000));
	}
	plain_chain_4();
	for (unsigned k = 0; k < 64; k++)
		peek(&s.r, 0xa0000);
	set_misc(0x61);
	assert_null(shown(0xa0000));
	set_misc(0x63);
	for (unsigned k = 0; k < 64; k++)
		peek(&s.r, 0xa0000);
	out(&s.r, 0x3c3, 0);
	assert_null(shown(0xa0000));
	out(&s.r, 0x3c3, 1);
	for (unsigned k = 0; k < 64; k++)
		peek(&s.r, 0xa0000);
	vga_type.reset(s.v, RESET_HARD);
	assert_null(shown(0xa0000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_window, close_window)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_accesses), TEST(test_runs), TEST(test_shown)};
	return cmocka_run_group_tests_name("vga memory", tests, NULL, NULL);
}
