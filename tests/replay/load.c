/* load FOLDER SEED ROUNDS: makes the folder, and writes files there as programs do that mean to keep
 * them, and as others do. When the system has said that something is kept, a line claims it:
 *
 *   FOLDER: file N BYTES     FOLDER/kept/N has so many bytes, made from N
 *   FOLDER: version N        FOLDER/replaced is that of N, or a later one, whole
 *   FOLDER: transaction N    the database has it, or a later one
 *
 * The database, FOLDER/base, is pages of 4 KiB whose amounts sum up to nothing. A transaction moves some
 * from one to another; FOLDER/base.undo has the two as they were, until it is done. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 24, MOST = 48 << 10 };

struct page {
	uint32_t number, transaction;
	int32_t amount;
	uint32_t sum; /* of the page's words, all in all nothing */
	uint8_t rest[PAGE - 16];
};

static const char *name; /* of the folder */
static uint32_t state;
static uint8_t bytes[MOST];

static uint32_t any(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static void need(int fine, const char *what)
{
	if (fine)
		return;
	printf("load: %s: error %d\n", what, errno);
	exit(1);
}

static void sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	need(fd >= 0 && !fsync(fd), folder);
	close(fd);
}

/* A file whose bytes are made from n. */
static void put(const char *path, uint32_t n, uint32_t size, int keep)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	need(fd >= 0, path);
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(n * 31 + i * 7 + (i >> 8));
	for (uint32_t i = 0; i < size; i += 8192)
		need(write(fd, bytes + i, size - i < 8192 ? size - i : 8192) > 0, path);
	need(!keep || !fsync(fd), path);
	close(fd);
}

static void keep_file(uint32_t n)
{
	char path[32];
	uint32_t size = any(4) ? any(6000) : any(MOST);
	snprintf(path, sizeof path, "kept/%u", n);
	put(path, n, size, 1);
	sync_folder("kept");
	printf("%s: file %u %u\n", name, n, size);
}

static void replace(uint32_t n)
{
	put("replaced.new", n, 20000 + n % 5000, 1);
	need(!rename("replaced.new", "replaced"), "replaced");
	sync_folder(".");
	printf("%s: version %u\n", name, n);
}

/* What nobody waits for. */
static void litter(uint32_t n)
{
	char path[32], other[32];
	snprintf(path, sizeof path, "litter/%u", n % 40);
	snprintf(other, sizeof other, "litter/%u", any(40));
	mkdir("litter", 0755);
	switch (any(6)) {
	case 0:
		unlink(path);
		mkdir(path, 0755);
		break;
	case 1:
		rmdir(path);
		unlink(path);
		break;
	case 2:
		link(path, other);
		break;
	case 3:
		rename(path, other);
		break;
	case 4:
		truncate(path, any(MOST));
		break;
	default:
		rmdir(path);
		if (access(path, F_OK))
			put(path, n, any(MOST), 0);
	}
}

static void put_page(int fd, off_t at, struct page *p)
{
	uint32_t sum = 0;
	memset(p->rest, (int)p->transaction, sizeof p->rest);
	p->sum = 0;
	for (uint32_t i = 0; i < PAGE / 4; i++)
		sum += ((uint32_t *)p)[i];
	p->sum = -sum;
	need(pwrite(fd, p, PAGE, at) == PAGE, "base");
}

static int open_base(struct page *pages)
{
	int fd = open("base", O_RDWR | O_CREAT, 0644);
	need(fd >= 0, "base");
	for (uint32_t i = 0; i < PAGES; i++) {
		pages[i].number = i;
		put_page(fd, (off_t)i * PAGE, &pages[i]);
	}
	need(!fsync(fd), "base");
	sync_folder(".");
	return fd;
}

static void transact(int base, struct page *pages, uint32_t n)
{
	uint32_t from = any(PAGES), to = (from + 1 + any(PAGES - 1)) % PAGES, amount = any(1000);
	struct page *two[] = {&pages[from], &pages[to]};
	int undo = open("base.undo", O_WRONLY | O_CREAT | O_EXCL, 0644);
	need(undo >= 0, "base.undo");
	for (int i = 0; i < 2; i++)
		put_page(undo, i * PAGE, two[i]);
	need(!fsync(undo), "base.undo");
	close(undo);
	sync_folder(".");
	two[0]->amount -= (int32_t)amount;
	two[1]->amount += (int32_t)amount;
	for (int i = 0; i < 2; i++) {
		two[i]->transaction = n;
		put_page(base, (off_t)two[i]->number * PAGE, two[i]);
	}
	need(!fsync(base), "base");
	need(!unlink("base.undo"), "base.undo");
	sync_folder(".");
	printf("%s: transaction %u\n", name, n);
}

int main(int argc, char **argv)
{
	static struct page pages[PAGES];
	need(argc == 4 && !mkdir(argv[1], 0755) && !chdir(argv[1]),
	     "usage: load FOLDER SEED ROUNDS");
	name = argv[1];
	state = (uint32_t)atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	need(!mkdir("kept", 0755), "kept");
	int base = open_base(pages);
	for (uint32_t n = 1; n <= (uint32_t)atoi(argv[3]); n++) {
		litter(n);
		litter(n + 7);
		switch (any(3)) {
		case 0:
			keep_file(n);
			break;
		case 1:
			replace(n);
			break;
		default:
			transact(base, pages, n);
		}
	}
	printf("%s: done\n", name);
	return 0;
}
