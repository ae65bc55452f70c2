#include "devices/atapi_internal.h"

#include <string.h>

/* --- life --- */

void atapi_init(struct atapi *a, void *ctx, void (*tray)(void *ctx, bool open))
{
	*a = (struct atapi){.ctx = ctx, .tray = tray};
	atapi_reset(a);
}

void atapi_abort(struct atapi *a)
{
	a->step = ATAPI_DONE;
	a->left = a->from = a->end = 0;
	a->cut = false;
}

void atapi_reset(struct atapi *a)
{
	atapi_abort(a);
	a->locked = false;
	a->attention = ATTENTION_RESET;
	a->news = EVENT_NONE;
	a->key = KEY_NONE;
	a->asc = a->ascq = 0;
	a->speed = SPEED_MOST;
	a->place = 0;
	atapi_mode_reset(a);
}

void atapi_state(struct atapi *a, struct archive *archive)
{
	uint8_t step = a->step;
	ARCHIVE(archive, a, sectors);
	ARCHIVE(archive, a, open);
	ARCHIVE(archive, a, locked);
	ARCHIVE(archive, a, attention);
	ARCHIVE(archive, a, news);
	ARCHIVE(archive, a, key);
	ARCHIVE(archive, a, asc);
	ARCHIVE(archive, a, ascq);
	ARCHIVE(archive, a, recovery);
	ARCHIVE(archive, a, audio);
	ARCHIVE(archive, a, speed);
	ARCHIVE(archive, a, place);
	archive_value(archive, "step", &step, sizeof step);
	ARCHIVE(archive, a, packet);
	ARCHIVE(archive, a, next);
	ARCHIVE(archive, a, left);
	ARCHIVE(archive, a, cut);
	ARCHIVE(archive, a, sliced);
	ARCHIVE(archive, a, first);
	ARCHIVE(archive, a, last);
	ARCHIVE(archive, a, from);
	ARCHIVE(archive, a, end);
	ARCHIVE(archive, a, buffer);
	archive_require(archive, "news", a->news < EVENTS);
	archive_require(archive, "step", step < ATAPI_STEPS);
	archive_require(archive, "end", a->end <= ATAPI_BUFFER);
	archive_require(archive, "from", a->from <= a->end);
	archive_require(archive, "last", a->last <= CD_RAW);
	archive_require(archive, "first", a->first <= a->last);
	archive_require(archive, "next", (uint64_t)a->next + a->left <= a->sectors);
	archive_require(archive, "left", a->left || a->cut || step != ATAPI_READ);
	if (archive_loaded(archive))
		a->step = step;
}

/* --- the disc --- */

/* Sectors of the old disc that a packet still wants are gone with it. */
void atapi_insert(struct atapi *a, uint32_t sectors)
{
	a->sectors = sectors;
	a->open = !sectors;
	a->attention &= (uint8_t)~ATTENTION_DISC;
	a->attention |= sectors ? ATTENTION_DISC : 0;
	a->news = sectors ? EVENT_NEW : EVENT_REMOVED;
	a->cut |= a->left;
	a->left = 0;
}

void atapi_ask(struct atapi *a)
{
	a->news = EVENT_ASKED;
}

/* --- packets --- */

enum atapi_step atapi_packet(struct atapi *a, const uint8_t packet[ATAPI_PACKET])
{
	atapi_abort(a);
	memcpy(a->packet, packet, ATAPI_PACKET);
	a->step = atapi_command(a);
	return a->step;
}

uint8_t *atapi_bytes(struct atapi *a, uint32_t *n)
{
	*n = a->end - a->from;
	return a->buffer + a->from;
}

uint32_t atapi_block(const struct atapi *a, uint16_t limit)
{
	uint32_t n = a->end - a->from;
	bool more = a->left || n > limit; /* than this block: so its length is even */
	uint32_t most = more || limit == 0xffff ? limit & 0xfffeu : limit;
	return n < most ? n : most;
}

enum atapi_step atapi_moved(struct atapi *a, uint32_t n)
{
	a->from += n;
	if (a->from == a->end)
		a->step = a->step == ATAPI_OUT ? atapi_given(a) : atapi_go_on(a);
	return a->step;
}

struct atapi_read atapi_wants(struct atapi *a)
{
	uint32_t n = a->left < ATAPI_READ_MOST ? a->left : ATAPI_READ_MOST;
	return (struct atapi_read){
		.at = (uint64_t)a->next * ATAPI_SECTOR,
		.n = (a->sliced ? 1 : n) * ATAPI_SECTOR,
		.to = a->buffer + (a->sliced ? CD_AT_DATA : 0),
	};
}

static enum atapi_step was_read(struct atapi *a, int err)
{
	uint32_t n = atapi_wants(a).n;
	if (a->cut)
		return atapi_go_on(a);
	if (err)
		return atapi_fail(a, KEY_MEDIUM, SENSE_READ_ERROR);
	if (a->sliced)
		cd_complete(a->buffer, a->next);
	a->from = a->sliced ? a->first : 0;
	a->end = a->sliced ? a->last : n;
	a->next += n / ATAPI_SECTOR;
	a->left -= n / ATAPI_SECTOR;
	a->place = a->next - 1;
	return ATAPI_IN;
}

enum atapi_step atapi_was_read(struct atapi *a, int err)
{
	a->step = was_read(a, err);
	return a->step;
}
