#include "case.h"

/* Changed dwords printed of one case; a checksum stands for the rest. */
enum { MEMORY_LINES = 400 };

static const struct window {
	uint32_t start, size;
} windows[] = WINDOWS;
enum { WINDOW_COUNT = sizeof(windows) / sizeof(*windows) };

static const char *const gpr_names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
static const char *const seg_names[] = {"es", "cs", "ss", "ds", "fs", "gs"};

static uint32_t load32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_text(void (*put)(char), const char *text)
{
	while (*text)
		put(*text++);
}

static void put_hex(void (*put)(char), uint32_t value, int digits)
{
	while (digits--)
		put("0123456789abcdef"[value >> digits * 4 & 15]);
}

static void put_decimal(void (*put)(char), uint32_t value)
{
	if (value >= 10)
		put_decimal(put, value / 10);
	put('0' + value % 10);
}

static void put_field(void (*put)(char), const char *name, uint32_t value, int digits)
{
	put(' ');
	put_text(put, name);
	put('=');
	put_hex(put, value, digits);
}

/* A register of the FXSAVE image, most significant byte first. */
static void put_wide(void (*put)(char), const char *name, int number, const uint8_t *now,
                     const uint8_t *before, int size)
{
	int same = 1;

	for (int i = 0; i < size; i++)
		same &= now[i] == before[i];
	if (same)
		return;
	put(' ');
	put_text(put, name);
	put('0' + number);
	put('=');
	while (size--)
		put_hex(put, now[size], 2);
}

static const uint8_t *physical(const uint8_t *image, int number)
{
	return image + 32 + 16 * ((number - (image[3] >> 3)) & 7);
}

static void put_fpu(void (*put)(char), const uint8_t *now, const uint8_t *before)
{
	if ((load32(now) ^ load32(before)) & 0xffff)
		put_field(put, "fcw", load32(now) & 0xffff, 4);
	if ((load32(now) ^ load32(before)) >> 16)
		put_field(put, "fsw", load32(now) >> 16, 4);
	if (now[4] != before[4])
		put_field(put, "ftw", now[4], 2);
	if (load32(now + 24) != load32(before + 24))
		put_field(put, "mxcsr", load32(now + 24), 8);
	/* By physical register: a push or pop changes few of them. */
	for (int i = 0; i < 8; i++)
		put_wide(put, "r", i, physical(now, i), physical(before, i), 10);
	for (int i = 0; i < 8; i++)
		put_wide(put, "xmm", i, now + 160 + 16 * i, before + 160 + 16 * i, 16);
}

static const uint8_t *pack_image(const struct asm_pack *pack, const struct asm_case *c)
{
	return (const uint8_t *)pack + pack->data_offset + c->data * IMAGE_SIZE;
}

static uint8_t *memory_at(const struct asm_memory *memory, uint32_t linear)
{
	return linear >= EDGE ? memory->edge + (linear - EDGE) : memory->area + (linear - AREA);
}

/* One range of memory; image NULL: every dword held its own address. */
static void put_memory(void (*put)(char), const struct asm_memory *memory, uint32_t start,
                       uint32_t size, const uint8_t *image)
{
	const uint8_t *bytes = memory_at(memory, start);
	uint32_t printed = 0, sum = 0;

	for (uint32_t i = 0; i < size; i += 4) {
		uint32_t now = load32(bytes + i);

		if (now == (image ? load32(image + i) : start + i))
			continue;
		if (printed++ < MEMORY_LINES) {
			put_text(put, " m");
			put_hex(put, start + i - AREA, 5);
			put('=');
			put_hex(put, now, 8);
		} else {
			sum = (sum << 5 | sum >> 27) ^ now ^ i;
		}
	}
	if (printed > MEMORY_LINES)
		put_field(put, "sum", sum, 8);
}

/* Whether the processor pushes an error code with the exception: SDM vol. 3, table 6-1. */
static int has_error(uint32_t trap)
{
	return trap < 32 && (1u << trap & 0x00027d00);
}

void result_print(void (*put)(char), const struct asm_pack *pack, uint32_t number,
                  const struct asm_result *result)
{
	const struct asm_case *c = pack_case(pack, number);

	put_decimal(put, number);
	put_field(put, "trap", result->trap, 2);
	put_field(put, "eip", result->eip, 8);
	if (has_error(result->trap))
		put_field(put, "error", result->error, 4);
	if (result->trap == 14)
		put_field(put, "cr2", result->cr2, 8);
	for (int i = 0; i < 8; i++)
		if (result->gpr[i] != c->gpr[i])
			put_field(put, gpr_names[i], result->gpr[i], 8);
	if (result->eflags != c->eflags)
		put_field(put, "flags", result->eflags, 8);
	for (int i = 0; i < 6; i++)
		if (result->seg[i] != c->seg[i])
			put_field(put, seg_names[i], result->seg[i], 4);
	put_fpu(put, result->fpu, pack_fpu(pack, c));
	if (c->kind & CASE_WRITTEN) {
		put_memory(put, &result->memory, AREA, AREA_SIZE, 0);
	} else {
		const uint8_t *image = pack_image(pack, c);

		for (const struct window *w = windows; w < windows + WINDOW_COUNT; w++) {
			put_memory(put, &result->memory, w->start, w->size, image);
			image += w->size;
		}
	}
	put('\n');
}

static int windowed(uint32_t linear)
{
	for (int i = 0; i < WINDOW_COUNT; i++)
		if (linear - windows[i].start < windows[i].size)
			return 1;
	return 0;
}

static uint32_t sum_range(const struct asm_memory *memory, uint32_t start, uint32_t size)
{
	uint32_t sum = 0;

	for (uint32_t i = start; i < start + size; i += 4)
		if (!windowed(i))
			sum = sum * 33 + load32(memory_at(memory, i));
	return sum;
}

void result_print_end(void (*put)(char), const struct asm_memory *memory)
{
	put_text(put, "end");
	put_field(put, "area", sum_range(memory, AREA, AREA_SIZE), 8);
	put_field(put, "edge", sum_range(memory, EDGE, EDGE_SIZE), 8);
	put('\n');
}

void case_prepare(const struct asm_pack *pack, const struct asm_case *c,
                  const struct asm_memory *memory, uint8_t *code)
{
	if (c->kind & CASE_WRITTEN) {
		const uint8_t *source = pack_code(pack, c);

		for (uint32_t i = 0; i < AREA_SIZE; i += 4)
			*(uint32_t *)(memory->area + i) = AREA + i;
		for (uint32_t i = 0; i < c->size; i++)
			code[i] = source[i];
		for (uint32_t i = c->size; i < CODE_SIZE; i++)
			code[i] = 0xcc;
	} else {
		const uint32_t *image = (const uint32_t *)pack_image(pack, c);

		for (const struct window *w = windows; w < windows + WINDOW_COUNT; w++) {
			uint32_t *p = (uint32_t *)memory_at(memory, w->start);

			for (uint32_t i = 0; i < w->size / 4; i++)
				p[i] = *image++;
		}
	}
}
