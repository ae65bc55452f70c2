#include "devices/fwcfg.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
	BASE = 0x510,
	PORTS = 12,
	SELECTOR = 0, /* of 16 bits */
	DATA = 1,
	DMA_HIGH = 4, /* address of a request, big-endian */
	DMA_LOW = 8,  /* whose writing starts it */

	ID_PORTS = 0x01,
	ID_DMA = 0x02,

	/* control word of a request */
	DMA_ERROR = 0x01,
	DMA_READ = 0x02,
	DMA_SKIP = 0x04,
	DMA_SELECT = 0x08, /* the key is in the upper half */
	DMA_WRITE = 0x10,

	NAME = 56,
	MAX_ITEMS = 64,
	CHUNK = 4096,
};

/* "QEMU CFG", which the address reads as. */
#define DMA_SIGNATURE 0x51454d5520434647ull

struct item {
	char name[NAME]; /* empty: none, but a key of its own */
	uint16_t key;
	uint8_t *data;
	size_t bytes;
};

struct fwcfg {
	struct dma_memory memory;
	struct item items[MAX_ITEMS]; /* files are in the order of their names */
	unsigned count;
	/* what the guest changes */
	uint16_t key;
	uint32_t at; /* the next byte of the item */
	uint32_t dma_high;
};

/* To big-endian, and back. */
static uint32_t big32(uint32_t v)
{
	return __builtin_bswap32(v);
}

/* --- items --- */

static const struct item *item_of(const struct fwcfg *f, uint16_t key)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->items[i].key == key)
			return &f->items[i];
	return NULL;
}

static void item_set(struct item *i, const void *data, size_t bytes)
{
	free(i->data);
	i->data = malloc(bytes ? bytes : 1);
	CHECK(i->data);
	memcpy(i->data, data, bytes);
	i->bytes = bytes;
}

/* Room for one more, before item i. */
static struct item *item_insert(struct fwcfg *f, unsigned i)
{
	CHECK(f->count < MAX_ITEMS);
	memmove(&f->items[i + 1], &f->items[i], (f->count - i) * sizeof f->items[0]);
	f->count++;
	f->items[i] = (struct item){0};
	return &f->items[i];
}

void fwcfg_add(struct fwcfg *f, enum fwcfg_key key, const void *data, size_t bytes)
{
	struct item *i = (struct item *)item_of(f, key);
	if (!i)
		i = item_insert(f, 0);
	i->key = key;
	item_set(i, data, bytes);
}

struct directory_entry {
	uint32_t bytes;
	uint16_t key, reserved;
	char name[NAME];
} __attribute__((packed));

/* Keys go by the files' order; the directory says which. */
static void number_files(struct fwcfg *f)
{
	struct {
		uint32_t count;
		struct directory_entry entry[MAX_ITEMS];
	} __attribute__((packed)) d = {0};
	unsigned n = 0;
	for (unsigned i = 0; i < f->count; i++) {
		struct item *file = &f->items[i];
		if (!*file->name)
			continue;
		file->key = (uint16_t)(FWCFG_FILES + n);
		struct directory_entry *e = &d.entry[n++];
		e->bytes = big32((uint32_t)file->bytes);
		e->key = __builtin_bswap16(file->key);
		memcpy(e->name, file->name, NAME);
	}
	d.count = big32(n);
	fwcfg_add(f, FWCFG_DIRECTORY, &d, sizeof d.count + n * sizeof d.entry[0]);
}

void fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t bytes)
{
	unsigned i = 0;
	CHECK(*name && strlen(name) < NAME);
	while (i < f->count && strcmp(f->items[i].name, name) < 0)
		i++;
	struct item *file = &f->items[i];
	if (i == f->count || strcmp(file->name, name) != 0)
		file = item_insert(f, i);
	memcpy(file->name, name, strlen(name) + 1);
	item_set(file, data, bytes);
	number_files(f);
}

/* --- what the guest does --- */

static void choose(struct fwcfg *f, uint16_t key)
{
	f->key = key;
	f->at = 0;
}

/* The item's next bytes; behind its end, and where there is none, 0. */
static void take(struct fwcfg *f, uint8_t *dst, uint32_t n)
{
	const struct item *i = item_of(f, f->key);
	uint32_t left = i && f->at < i->bytes ? (uint32_t)i->bytes - f->at : 0;
	uint32_t some = n < left ? n : left;
	if (some)
		memcpy(dst, i->data + f->at, some);
	memset(dst + some, 0, n - some);
	f->at += some;
}

static void transfer(struct fwcfg *f, uint64_t to, uint32_t n)
{
	uint8_t buf[CHUNK];
	while (n) {
		uint32_t some = n < CHUNK ? n : CHUNK;
		if (to >> 32) /* nothing is there */
			return;
		take(f, buf, some);
		f->memory.write(f->memory.ctx, to, buf, some);
		to += some;
		n -= some;
	}
}

static void skip(struct fwcfg *f, uint32_t n)
{
	const struct item *i = item_of(f, f->key);
	uint32_t left = i && f->at < i->bytes ? (uint32_t)i->bytes - f->at : 0;
	f->at += n < left ? n : left;
}

static void run_request(struct fwcfg *f, uint64_t at)
{
	struct {
		uint32_t control, bytes;
		uint64_t address;
	} r;
	f->memory.read(f->memory.ctx, at, &r, sizeof r);
	uint32_t control = big32(r.control), bytes = big32(r.bytes), result = 0;
	if (control & DMA_SELECT)
		choose(f, (uint16_t)(control >> 16));
	if (control & DMA_READ)
		transfer(f, __builtin_bswap64(r.address), bytes);
	else if (control & DMA_WRITE) /* nothing is writable */
		result = DMA_ERROR;
	else if (control & DMA_SKIP)
		skip(f, bytes);
	result = big32(result);
	f->memory.write(f->memory.ctx, at, &result, sizeof result);
}

static uint32_t fwcfg_read(void *ctx, uint32_t offset, unsigned size)
{
	struct fwcfg *f = ctx;
	if (offset == DATA && size == 1) {
		uint8_t v;
		take(f, &v, 1);
		return v;
	}
	if (offset < DMA_HIGH)
		return 0;
	/* Its first byte is at the lowest port. */
	uint32_t v = 0;
	for (unsigned i = 0; i < size; i++)
		v |= (uint32_t)(uint8_t)(DMA_SIGNATURE >> (56 - 8 * (offset - DMA_HIGH + i)))
		     << 8 * i;
	return v;
}

static void fwcfg_write(void *ctx, uint32_t offset, unsigned size, uint32_t value)
{
	struct fwcfg *f = ctx;
	if (offset == SELECTOR && size == 2)
		choose(f, (uint16_t)value);
	if (size != 4)
		return;
	if (offset == DMA_HIGH)
		f->dma_high = big32(value);
	if (offset == DMA_LOW) {
		uint64_t at = (uint64_t)f->dma_high << 32 | big32(value);
		f->dma_high = 0;
		run_request(f, at);
	}
}

static void fwcfg_reset(void *d, enum reset_kind kind)
{
	struct fwcfg *f = d;
	choose(f, FWCFG_SIGNATURE);
	f->dma_high = 0;
}

static void fwcfg_state(void *d, struct archive *a)
{
	struct fwcfg *f = d;
	ARCHIVE(a, f, key);
	ARCHIVE(a, f, at);
	ARCHIVE(a, f, dma_high);
}

static void fwcfg_destroy(void *d)
{
	struct fwcfg *f = d;
	for (unsigned i = 0; i < f->count; i++)
		free(f->items[i].data);
	free(f);
}

const struct device_type fwcfg_type = {"fwcfg", fwcfg_reset, fwcfg_state, fwcfg_destroy};

struct fwcfg *fwcfg_create(struct bus *bus, struct dma_memory memory)
{
	static const uint32_t can = ID_PORTS | ID_DMA;
	struct fwcfg *f = calloc(1, sizeof *f);
	CHECK(f);
	f->memory = memory;
	fwcfg_add(f, FWCFG_SIGNATURE, "QEMU", 4);
	fwcfg_add(f, FWCFG_ID, &can, sizeof can);
	number_files(f);
	struct region_handler h = {.ctx = f, .read = fwcfg_read, .write = fwcfg_write, .max = 4};
	CHECK(bus_map(bus, SPACE_PORT, BASE, PORTS, h) > 0);
	return f;
}
