#define _GNU_SOURCE
#include "page.h"

#include "host/file.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 512, MOST = 4 << 20, OPEN = 8 };

/* A program serves one page. */
static struct page_file files[FILES];
static unsigned count;
static size_t prefix;

static const char *type_of(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript"},
		{".css", "text/css"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".json", "application/json"},
		{".ico", "image/x-icon"},
		{".woff", "font/woff"},
		{".ttf", "font/ttf"},
		{".mp3", "audio/mpeg"},
		{".oga", "audio/ogg"},
	};
	const char *dot = strrchr(path, '.');
	for (unsigned i = 0; dot && i < sizeof types / sizeof *types; i++)
		if (!strcmp(dot, types[i].end))
			return types[i].type;
	return "application/octet-stream";
}

static int add(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	struct blob b = {0};
	if (flag != FTW_F)
		return 0;
	if (count == FILES)
		return -ENFILE;
	int fd = file_open(path), err = fd < 0 ? fd : file_read(fd, MOST, &b);
	file_close(fd);
	char *name = strdup(path + prefix);
	if (!err)
		files[count++] = (struct page_file){name, type_of(name), (char *)b.data, b.size};
	return 0; /* the others are there all the same */
}

int page_read(const char *folder)
{
	prefix = strlen(folder) + 1;
	int err = nftw(folder, add, OPEN, 0);
	return err < -1 ? err : err ? -errno : 0;
}

const struct page_file *page_find(const char *path)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(files[i].path, path))
			return &files[i];
	return NULL;
}
