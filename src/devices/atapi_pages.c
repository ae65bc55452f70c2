#include "devices/atapi_internal.h"

#include <string.h>

enum {
	LEAD_OUT = 0xaa,
	DATA_TRACK = 0x14, /* ADR 1: a position; control 4: data */
	NO_AUDIO = 0x15,   /* that has been played */

	READ_SPEED = 4234, /* kB/s: 24 times */
	CACHE_KIB = 512,

	MODE_RECOVERY = 0x01,
	MODE_PARAMETERS = 0x0d,
	MODE_AUDIO = 0x0e,
	MODE_CAPABILITIES = 0x2a,
	MODE_ALL = 0x3f,
};

static uint8_t *clear(struct atapi *a, unsigned n)
{
	memset(a->buffer, 0, n);
	return a->buffer;
}

/* As a number, or as a time behind a byte of 0. */
static void put_address(uint8_t *to, uint32_t sector, bool msf)
{
	if (msf) {
		to[0] = 0;
		cd_msf(sector, to + 1);
	} else {
		atapi_put32(to, sector);
	}
}

/* --- the drive --- */

static void put_text(uint8_t *to, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(*text ? *text++ : ' ');
}

/* SFF-8020i, INQUIRY: a removable CD-ROM drive, ATAPI version 2. */
int atapi_inquiry(struct atapi *a)
{
	uint8_t *b = clear(a, 36);
	b[0] = 0x05;
	b[1] = 0x80;
	b[3] = 0x21;
	b[4] = 36 - 5;
	put_text(b + 8, 8, "UNRING");
	put_text(b + 16, 16, "CD-ROM");
	put_text(b + 32, 4, "1.0");
	return 36;
}

/* Strings of ATA have the first of two characters in the upper half of their word. */
static void put_words(uint8_t *to, size_t n, const char *text)
{
	put_text(to, n, text);
	for (size_t i = 0; i < n; i += 2) {
		uint8_t first = to[i];
		to[i] = to[i + 1];
		to[i + 1] = first;
	}
}

static void put_word(uint8_t *to, unsigned word, uint16_t v)
{
	to[2 * word] = (uint8_t)v;
	to[2 * word + 1] = (uint8_t)(v >> 8);
}

/* ATA/ATAPI-6, 8.16.  The drive moves bytes in every mode as fast as it can. */
void atapi_identify(const struct atapi *a, uint8_t to[ATAPI_IDENTITY])
{
	memset(to, 0, ATAPI_IDENTITY);
	put_word(to, 0, 0x8580); /* a CD-ROM drive, removable; packets of 12 bytes */
	put_words(to + 20, 20, "1");
	put_words(to + 46, 8, "1.0");
	put_words(to + 54, 40, "UNRING CD-ROM");
	put_word(to, 49, 0x0b00); /* IORDY, which may be disabled; LBA; DMA */
	put_word(to, 51, 0x0200); /* PIO 2 */
	put_word(to, 53, 0x0006); /* words 64 to 70, and 88, mean something */
	put_word(to, 63, 0x0007); /* multiword DMA 0 to 2 */
	put_word(to, 64, 0x0003); /* PIO 3 and 4 */
	for (unsigned word = 65; word <= 68; word++)
		put_word(to, word, 120); /* ns a cycle */
	put_word(to, 80, 0x0070);        /* ATA/ATAPI-4 to 6 */
	put_word(to, 82, 0x4210);        /* NOP, DEVICE RESET, PACKET */
	put_word(to, 83, 0x4000);
	put_word(to, 84, 0x4000);
	put_word(to, 85, 0x4210);
	put_word(to, 87, 0x4000);
	put_word(to, 88, 0x0007); /* Ultra DMA 0 to 2 */
}

int atapi_mechanism(struct atapi *a)
{
	uint8_t *b = clear(a, 8);
	b[1] = a->open ? 0x10 : 0;
	b[2] = (uint8_t)(a->place >> 16);
	atapi_put16(b + 3, (uint16_t)a->place);
	return 8;
}

/* MMC-5: of all classes, media alone has events. */
int atapi_event(struct atapi *a, uint8_t classes)
{
	enum { MEDIA = 4, NOTHING = 0x80 };
	uint8_t *b = clear(a, 8);
	bool asked = classes & 1 << MEDIA;
	b[2] = asked ? MEDIA : NOTHING;
	b[3] = 1 << MEDIA;
	atapi_put16(b, asked ? 6 : 2);
	if (!asked)
		return 4;
	b[4] = a->news;
	b[5] = (uint8_t)((atapi_disc(a) ? 2 : 0) | (a->open ? 1 : 0));
	a->news = EVENT_NONE;
	return 8;
}

/* --- GET CONFIGURATION: MMC-5, 5 --- */

enum { PERSISTENT = 0x02, CURRENT = 0x01 };

/* What a feature is current with: the profiles, or always. */
enum feature_use { ALWAYS, WITH_CD, WITH_DVD, WITH_BOTH };

static const struct feature {
	uint16_t code;
	uint8_t version;
	enum feature_use use;
	uint8_t n, data[8];
} features[] = {
	/* the profiles, the larger first; their bits of being current come later */
	{0x0000, 0, ALWAYS, 8, {0, PROFILE_DVD, 0, 0, 0, PROFILE_CD, 0, 0}},
	{0x0001, 0, ALWAYS, 4, {0, 0, 0, 2}},                /* core: ATAPI */
	{0x0002, 0, ALWAYS, 4, {0}},                         /* morphing: none of it */
	{0x0003, 0, ALWAYS, 4, {0x29}},                      /* removable: a tray, ejects, locks */
	{0x0010, 0, WITH_BOTH, 8, {0, 0, 8, 0, 0, 1, 0, 0}}, /* sectors of 2048 bytes, one by one */
	{0x001d, 0, WITH_CD, 0, {0}},                        /* reads all kinds of CD */
	{0x001e, 0, WITH_CD, 4, {0}},                        /* READ CD, without CD-Text */
	{0x001f, 0, WITH_DVD, 0, {0}},                       /* reads DVDs */
};

static bool is_current(const struct atapi *a, const struct feature *f)
{
	uint16_t profile = atapi_profile(a);
	switch (f->use) {
	case ALWAYS:
		return true;
	case WITH_CD:
		return profile == PROFILE_CD;
	case WITH_DVD:
		return profile == PROFILE_DVD;
	default:
		return profile != PROFILE_NONE;
	}
}

static unsigned put_feature(const struct atapi *a, const struct feature *f, uint8_t *to)
{
	bool current = is_current(a, f);
	uint16_t profile = atapi_profile(a);
	atapi_put16(to, f->code);
	to[2] = (uint8_t)(f->version << 2 | (f->use == ALWAYS ? PERSISTENT : 0) |
	                  (current ? CURRENT : 0));
	to[3] = f->n;
	memcpy(to + 4, f->data, f->n);
	if (!f->code) {
		to[4 + 2] = profile == PROFILE_DVD ? CURRENT : 0;
		to[4 + 6] = profile == PROFILE_CD ? CURRENT : 0;
	}
	return 4u + f->n;
}

/* how: 0 all features from the first on, 1 those that are current, 2 the first alone. */
int atapi_configuration(struct atapi *a, unsigned how, uint16_t first)
{
	uint8_t *b = clear(a, 8);
	unsigned n = 8;
	if (how > 2)
		return -1;
	for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
		const struct feature *f = &features[i];
		bool wanted = how == 2 ? f->code == first : f->code >= first;
		if (wanted && (how != 1 || is_current(a, f)))
			n += put_feature(a, f, b + n);
	}
	atapi_put32(b, n - 4);
	atapi_put16(b + 6, atapi_profile(a));
	return (int)n;
}

/* --- the disc: one session with one track of data --- */

static uint8_t *put_track(uint8_t *b, uint8_t track, uint32_t sector, bool msf)
{
	b[0] = 0;
	b[1] = DATA_TRACK;
	b[2] = track;
	b[3] = 0;
	put_address(b + 4, sector, msf);
	return b + 8;
}

static int toc_tracks(struct atapi *a, bool msf, uint8_t first)
{
	uint8_t *b = clear(a, 4), *to = b + 4;
	if (first > 1 && first != LEAD_OUT)
		return -1;
	if (first <= 1)
		to = put_track(to, 1, 0, msf);
	to = put_track(to, LEAD_OUT, a->sectors, msf);
	atapi_put16(b, (uint16_t)(to - b - 2));
	b[2] = b[3] = 1;
	return (int)(to - b);
}

static int toc_sessions(struct atapi *a, bool msf)
{
	uint8_t *b = clear(a, 4);
	atapi_put16(b, 10);
	b[2] = b[3] = 1;
	put_track(b + 4, 1, 0, msf);
	return 12;
}

static uint8_t *put_point(uint8_t *b, uint8_t point, const uint8_t place[3])
{
	memset(b, 0, 8);
	b[0] = 1; /* session */
	b[1] = DATA_TRACK;
	b[3] = point;
	memcpy(b + 8, place, 3);
	return b + 11;
}

/* As it lies in the lead-in, with times always: MMC-5, READ TOC. */
static int toc_full(struct atapi *a, uint8_t session)
{
	static const uint8_t first[3] = {1, 0, 0}, last[3] = {1, 0, 0}; /* A0h: 0, CD-ROM */
	uint8_t *b = clear(a, 4), *to = b + 4, start[3], end[3];
	if (session > 1)
		return -1;
	cd_msf(0, start);
	cd_msf(a->sectors, end);
	to = put_point(to, 0xa0, first);
	to = put_point(to, 0xa1, last);
	to = put_point(to, 0xa2, end);
	to = put_point(to, 0x01, start);
	atapi_put16(b, (uint16_t)(to - b - 2));
	b[2] = b[3] = 1;
	return (int)(to - b);
}

int atapi_toc(struct atapi *a, unsigned format, bool msf, uint8_t first)
{
	switch (format) {
	case 0:
		return toc_tracks(a, msf, first);
	case 1:
		return toc_sessions(a, msf);
	case 2:
		return toc_full(a, first);
	default:
		return -1;
	}
}

/* Formats: 1 position, 2 the disc's catalogue number, 3 the track's code; a disc of data has
 * neither of these. */
int atapi_subchannel(struct atapi *a, bool q, bool msf, uint8_t format)
{
	uint8_t *b = clear(a, 24);
	b[1] = NO_AUDIO;
	if (!q)
		return 4;
	if (format < 1 || format > 3)
		return -1;
	b[4] = format;
	if (format == 1) {
		b[5] = DATA_TRACK;
		b[6] = b[7] = 1; /* track, index */
		put_address(b + 8, a->place, msf);
		put_address(b + 12, a->place, msf);
	} else if (format == 3) {
		b[5] = DATA_TRACK;
		b[6] = 1;
	}
	unsigned n = format == 1 ? 16 : 24;
	atapi_put16(b + 2, (uint16_t)(n - 4));
	return (int)n;
}

int atapi_disc_information(struct atapi *a)
{
	uint8_t *b = clear(a, 34);
	atapi_put16(b, 34 - 2);
	b[2] = 3 << 2 | 2; /* last session, and disc: complete */
	b[3] = b[4] = b[5] = b[6] = 1;
	b[7] = 0x20;             /* no application restricts it */
	memset(b + 16, 0xff, 8); /* no room for another session */
	return 34;
}

/* how: number is a sector, a track, or a session. */
int atapi_track_information(struct atapi *a, unsigned how, uint32_t number)
{
	uint8_t *b = clear(a, 36);
	if (how > 2 || (how ? number != 1 : number >= a->sectors))
		return -1;
	atapi_put16(b, 36 - 2);
	b[2] = b[3] = 1; /* track, session */
	b[5] = DATA_TRACK & 0x0f;
	b[6] = 1; /* mode */
	atapi_put32(b + 24, a->sectors);
	return 36;
}

/* MMC-5, READ DVD STRUCTURE: what the disc's lead-in has, of a single layer without protection. */
int atapi_dvd_structure(struct atapi *a, uint8_t format, uint8_t layer)
{
	enum { DATA_START = 0x30000 }; /* the first sector's number on a DVD */
	uint8_t *b = clear(a, 4 + ATAPI_SECTOR);
	unsigned n = format == 1 ? 4 : ATAPI_SECTOR;
	if (layer || (format != 0 && format != 1 && format != 4))
		return -1;
	if (format == 0) {
		b[4] = 0x01; /* a DVD-ROM, part version 1 */
		b[5] = 0x0f; /* of 120 mm, its rate not specified */
		b[6] = 0x01; /* one layer, embossed */
		atapi_put32(b + 8, DATA_START);
		atapi_put32(b + 12, DATA_START + a->sectors - 1);
	}
	atapi_put16(b, (uint16_t)(n + 2));
	return (int)(4 + n);
}

/* --- mode pages: SFF-8020i, MODE SENSE; MMC-3 --- */

/* Error recovery: it tries 5 times.  Parameters: seconds a minute, frames a second.  Audio: two
 * channels, at two ports, at full volume. */
static const struct mode_page {
	uint8_t page, n;
	uint8_t initial[14], changeable[14];
} pages[] = {
	{MODE_RECOVERY, ATAPI_RECOVERY, {0, 5}, {0xff, 0xff}},
	{MODE_PARAMETERS, 6, {0, 0, 0, 60, 0, 75}, {0}},
	{MODE_AUDIO,
         ATAPI_AUDIO,
         {4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff},
         {0x02, 0, 0, 0, 0, 0, 0x0f, 0xff, 0x0f, 0xff}},
	{MODE_CAPABILITIES, 18, {0}, {0}},
};

enum { PAGES = sizeof pages / sizeof *pages };

/* Where it is kept what the host has changed of it; NULL: nothing can be. */
static uint8_t *changed(struct atapi *a, uint8_t page)
{
	return page == MODE_RECOVERY ? a->recovery : page == MODE_AUDIO ? a->audio : NULL;
}

void atapi_mode_reset(struct atapi *a)
{
	for (unsigned i = 0; i < PAGES; i++) {
		uint8_t *to = changed(a, pages[i].page);
		if (to)
			memcpy(to, pages[i].initial, pages[i].n);
	}
}

static void put_capabilities(const struct atapi *a, bool now, uint8_t *b)
{
	b[0] = 0x0f; /* reads CD-R, CD-RW and DVD */
	b[2] = 0x40; /* several sessions; plays nothing */
	b[4] = (uint8_t)(0x29 | (now && a->locked ? 0x02 : 0)); /* a tray, ejects, locks */
	atapi_put16(b + 6, READ_SPEED);
	atapi_put16(b + 10, CACHE_KIB);
	atapi_put16(b + 12, now && a->speed < READ_SPEED ? a->speed : READ_SPEED);
}

static unsigned put_page(struct atapi *a, const struct mode_page *p, unsigned which, uint8_t *b)
{
	const uint8_t *now = changed(a, p->page);
	b[0] = p->page;
	b[1] = p->n;
	memset(b + 2, 0, p->n);
	if (p->page == MODE_CAPABILITIES && which != MODE_CHANGEABLE)
		put_capabilities(a, which == MODE_CURRENT, b + 2);
	else if (p->page != MODE_CAPABILITIES)
		memcpy(b + 2,
		       which == MODE_CHANGEABLE       ? p->changeable
		       : now && which == MODE_CURRENT ? now
		                                      : p->initial,
		       p->n);
	return p->n + 2u;
}

/* What lies in the drive, as the header tells it. */
static uint8_t disc_type(const struct atapi *a)
{
	enum { DATA_120_MM = 0x01, NO_DISC = 0x70, OPEN = 0x71 };
	return a->open ? OPEN : a->sectors ? DATA_120_MM : NO_DISC;
}

int atapi_mode_pages(struct atapi *a, unsigned header, uint8_t page, unsigned which)
{
	uint8_t *b = clear(a, header);
	unsigned n = header;
	for (unsigned i = 0; i < PAGES; i++)
		if (page == MODE_ALL || page == pages[i].page)
			n += put_page(a, &pages[i], which, b + n);
	if (n == header)
		return -1;
	if (header == 4) {
		b[0] = (uint8_t)(n - 1);
		b[1] = disc_type(a);
	} else {
		atapi_put16(b, (uint16_t)(n - 2));
		b[2] = disc_type(a);
	}
	return (int)n;
}

static const struct mode_page *find_page(uint8_t page)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (pages[i].page == page)
			return &pages[i];
	return NULL;
}

/* Looks at all of them before it takes one: a list with a mistake changes nothing. */
static bool select_pages(struct atapi *a, const uint8_t *b, unsigned n, bool take)
{
	while (n) {
		const struct mode_page *p = find_page(b[0] & 0x3f);
		uint8_t *to = p ? changed(a, p->page) : NULL;
		if (!to || n < p->n + 2u || b[1] != p->n)
			return false;
		for (unsigned i = 0; take && i < p->n; i++)
			to[i] ^= (to[i] ^ b[2 + i]) & p->changeable[i];
		b += p->n + 2;
		n -= p->n + 2u;
	}
	return true;
}

bool atapi_mode_select(struct atapi *a, unsigned header, unsigned n)
{
	const uint8_t *b = a->buffer + header;
	return select_pages(a, b, n, false) && select_pages(a, b, n, true);
}
