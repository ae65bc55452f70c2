/* links: machine */
/* The screen as UTF-8, PPM and PNG. */
#include "dev_fixture.h"

#include "machine/screen.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

static struct vga_text text;

static void put(unsigned row, unsigned col, const char *s)
{
	for (; *s; s++)
		text.cell[row][col++].ch = *s;
}

static void open_text(unsigned cols, unsigned rows)
{
	memset(&text, 0, sizeof text);
	text.cols = cols;
	text.rows = rows;
}

static void assert_text(const char *want)
{
	struct screen_bytes b = screen_text(&text);
	assert_string_equal((const char *)b.at, want);
	assert_int_equal(b.n, strlen(want));
	free(b.at);
}

static void test_text_is_trimmed(void **state)
{
	open_text(8, 6);
	assert_text("");
	put(1, 0, "A:\\>dir ");
	put(3, 2, "x");
	put(3, 4, " \xff\xff"); /* blanks of another kind */
	put(4, 0, "  ");
	assert_text("\nA:\\>dir\n\n  x\n");
	put(5, 7, "!");
	assert_text("\nA:\\>dir\n\n  x\n\n       !\n");
}

static void test_code_page(void **state)
{
	open_text(8, 1);
	put(0, 0, "\xc9\xcd\xbb\x01\x81\xe1\x7f~");
	assert_text("╔═╗☺üß⌂~\n");
	put(0, 0, "\xdb\xb0\x10\x9b\x9d\xfb\xfc\xfd");
	assert_text("█░►¢¥√ⁿ²\n");
	/* No two characters look alike but the blanks. */
	for (unsigned i = 1; i < 255; i++)
		for (unsigned j = 1; j < i; j++)
			assert_int_not_equal(screen_unicode(i), screen_unicode(j));
	for (unsigned i = 0x20; i < 0x7f; i++)
		assert_int_equal(screen_unicode(i), i);
}

static void fill(struct vga_image *image, unsigned width, unsigned height)
{
	*image = (struct vga_image){.width = width, .height = height};
	image->rgb = malloc((size_t)3 * width * height);
	for (unsigned i = 0; i < 3 * width * height; i++)
		image->rgb[i] = i * 37 >> 2;
}

static void test_ppm(void **state)
{
	struct vga_image image;
	fill(&image, 13, 7);
	struct screen_bytes b = screen_ppm(&image);
	static const char head[] = "P6\n13 7\n255\n";
	assert_int_equal(b.n, sizeof head - 1 + 3 * 13 * 7);
	assert_memory_equal(b.at, head, sizeof head - 1);
	assert_memory_equal(b.at + sizeof head - 1, image.rgb, 3 * 13 * 7);
	free(b.at);
	vga_image_free(&image);
}

/* libpng reads back what was given. */
static void test_png(void **state)
{
	static const struct {
		unsigned width, height;
	} sizes[] = {{1, 1}, {720, 400}, {4608, 3}};
	for (unsigned i = 0; i < 3; i++) {
		struct vga_image image;
		fill(&image, sizes[i].width, sizes[i].height);
		struct screen_bytes b = screen_png(&image);
		png_image png = {.version = PNG_IMAGE_VERSION};
		assert_true(png_image_begin_read_from_memory(&png, b.at, b.n));
		assert_int_equal(png.width, image.width);
		assert_int_equal(png.height, image.height);
		png.format = PNG_FORMAT_RGB;
		uint8_t *rgb = malloc(PNG_IMAGE_SIZE(png));
		assert_true(png_image_finish_read(&png, NULL, rgb, 0, NULL));
		assert_memory_equal(rgb, image.rgb, (size_t)3 * image.width * image.height);
		free(rgb);
		free(b.at);
		vga_image_free(&image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_trimmed),
		cmocka_unit_test(test_code_page),
		cmocka_unit_test(test_ppm),
		cmocka_unit_test(test_png),
	};
	return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
