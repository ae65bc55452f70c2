#include "devices/atapi_internal.h"

enum {
	/* what a command needs */
	ANYTIME = 0x00,   /* answered whatever the host has not been told yet */
	ATTENTIVE = 0x01, /* fails once, to tell it */
	DISC = 0x02 | ATTENTIVE,

	/* START STOP UNIT */
	START = 0x01,
	LOAD_EJECT = 0x02,
	POWER_CONDITION = 0xf0,

	MSF = 0x02,    /* addresses are times */
	SUB_Q = 0x40,  /* READ SUB-CHANNEL */
	POLLED = 0x01, /* GET EVENT STATUS NOTIFICATION */
	VITAL = 0x01,  /* INQUIRY's EVPD */
	SAVE_PAGES = 0x01,

	/* READ CD: what of a sector */
	CD_SYNC = 0x80,
	CD_HEADER = 0x20,
	CD_SUBHEADER = 0x40, /* mode 1 has none */
	CD_USER = 0x10,
	CD_CHECK = 0x08,
	CD_ERRORS = 0x06,
	TYPE_ANY = 0,
	TYPE_MODE_1 = 2,
};

/* --- ends --- */

enum atapi_step atapi_fail(struct atapi *a, uint8_t key, enum atapi_sense sense)
{
	a->left = a->from = a->end = 0;
	a->key = key;
	a->asc = (uint8_t)(sense >> 8);
	a->ascq = (uint8_t)sense;
	return ATAPI_FAILED;
}

static enum atapi_step fail(struct atapi *a, enum atapi_sense sense)
{
	return atapi_fail(a, KEY_ILLEGAL, sense);
}

/* What the host has not been told yet, the reset first; each is told once. */
static enum atapi_sense take_attention(struct atapi *a)
{
	uint8_t first = a->attention & ATTENTION_RESET ? ATTENTION_RESET : ATTENTION_DISC;
	a->attention &= (uint8_t)~first;
	return first == ATTENTION_RESET ? SENSE_RESET : SENSE_NEW_DISC;
}

static enum atapi_step fail_empty(struct atapi *a)
{
	return atapi_fail(a, KEY_NOT_READY, a->open ? SENSE_OPEN : SENSE_NO_DISC);
}

enum atapi_step atapi_go_on(struct atapi *a)
{
	bool cut = a->cut;
	a->cut = false;
	if (!cut)
		return a->left ? ATAPI_READ : ATAPI_DONE;
	return a->attention ? atapi_fail(a, KEY_ATTENTION, take_attention(a)) : fail_empty(a);
}

/* n bytes of the buffer, of which the host takes so many at most; -1: it asks for what is not
 * there. */
static enum atapi_step answer(struct atapi *a, int n, uint32_t most)
{
	if (n < 0)
		return fail(a, SENSE_PACKET);
	a->from = 0;
	a->end = (uint32_t)n < most ? (uint32_t)n : most;
	return a->end ? ATAPI_IN : ATAPI_DONE;
}

/* --- drive --- */

static enum atapi_step test_unit_ready(struct atapi *a)
{
	return ATAPI_DONE;
}

static enum atapi_step request_sense(struct atapi *a)
{
	uint8_t *b = a->buffer;
	if (a->key == KEY_NONE && a->attention)
		atapi_fail(a, KEY_ATTENTION, take_attention(a));
	for (unsigned i = 0; i < 18; i++)
		b[i] = 0;
	b[0] = 0x70;
	b[2] = a->key;
	b[7] = 10; /* bytes that follow */
	b[12] = a->asc;
	b[13] = a->ascq;
	atapi_fail(a, KEY_NONE, SENSE_NONE);
	return answer(a, 18, a->packet[4]);
}

static enum atapi_step inquiry(struct atapi *a)
{
	if (a->packet[1] & VITAL || a->packet[2])
		return fail(a, SENSE_PACKET);
	return answer(a, atapi_inquiry(a), a->packet[4]);
}

/* The host has been told all by now, or the command would have failed. */
static void move_tray(struct atapi *a, bool open)
{
	if (a->open == open)
		return;
	a->open = open;
	a->attention |= !open && a->sectors ? ATTENTION_DISC : 0;
	a->news = open ? EVENT_REMOVED : a->sectors ? EVENT_NEW : EVENT_NONE;
	if (a->tray)
		a->tray(a->ctx, open);
}

static enum atapi_step start_stop(struct atapi *a)
{
	uint8_t what = a->packet[4];
	if (what & POWER_CONDITION)
		return ATAPI_DONE;
	if (!(what & LOAD_EJECT))
		return what & START && !atapi_disc(a) ? fail_empty(a) : ATAPI_DONE;
	if (!(what & START) && a->locked)
		return fail(a, SENSE_LOCKED);
	move_tray(a, !(what & START));
	return ATAPI_DONE;
}

static enum atapi_step prevent_allow(struct atapi *a)
{
	if (a->packet[4] > 1)
		return fail(a, SENSE_PACKET);
	a->locked = a->packet[4];
	return ATAPI_DONE;
}

static enum atapi_step mechanism_status(struct atapi *a)
{
	return answer(a, atapi_mechanism(a), atapi_get16(a->packet + 8));
}

static enum atapi_step get_event(struct atapi *a)
{
	if (!(a->packet[1] & POLLED))
		return fail(a, SENSE_PACKET);
	return answer(a, atapi_event(a, a->packet[4]), atapi_get16(a->packet + 7));
}

static enum atapi_step get_configuration(struct atapi *a)
{
	int n = atapi_configuration(a, a->packet[1] & 3, atapi_get16(a->packet + 2));
	return answer(a, n, atapi_get16(a->packet + 7));
}

/* In kB/s; a disc of the host's is read as fast as it can be, whatever is asked for. */
static enum atapi_step set_speed(struct atapi *a)
{
	a->speed = atapi_get16(a->packet + 2);
	return ATAPI_DONE;
}

/* --- modes --- */

static enum atapi_step mode_sense(struct atapi *a, unsigned header, uint16_t most)
{
	unsigned which = a->packet[2] >> 6;
	if (which == MODE_SAVED)
		return fail(a, SENSE_SAVING);
	return answer(a, atapi_mode_pages(a, header, a->packet[2] & 0x3f, which), most);
}

static enum atapi_step mode_sense_6(struct atapi *a)
{
	return mode_sense(a, 4, a->packet[4]);
}

static enum atapi_step mode_sense_10(struct atapi *a)
{
	return mode_sense(a, 8, atapi_get16(a->packet + 7));
}

static enum atapi_step mode_select(struct atapi *a, uint16_t n)
{
	if (a->packet[1] & SAVE_PAGES)
		return fail(a, SENSE_PACKET);
	a->end = n;
	return n ? ATAPI_OUT : ATAPI_DONE;
}

static enum atapi_step mode_select_6(struct atapi *a)
{
	return mode_select(a, a->packet[4]);
}

static enum atapi_step mode_select_10(struct atapi *a)
{
	return mode_select(a, atapi_get16(a->packet + 7));
}

enum { MODE_SELECT_6 = 0x15 };

/* Of the packets that give bytes there are these two. */
enum atapi_step atapi_given(struct atapi *a)
{
	unsigned header = a->packet[0] == MODE_SELECT_6 ? 4 : 8, n = a->end;
	if (n < header)
		return fail(a, SENSE_LIST_LENGTH);
	return atapi_mode_select(a, header, n - header) ? ATAPI_DONE : fail(a, SENSE_LIST);
}

/* --- disc --- */

static bool reaches(const struct atapi *a, uint32_t sector, uint32_t n)
{
	return (uint64_t)sector + n <= a->sectors && sector < a->sectors;
}

static enum atapi_step read(struct atapi *a, uint32_t sector, uint32_t n)
{
	if (!reaches(a, sector, n))
		return fail(a, SENSE_ADDRESS);
	a->next = sector;
	a->left = n;
	a->sliced = false;
	return atapi_go_on(a);
}

static enum atapi_step read_10(struct atapi *a)
{
	return read(a, atapi_get32(a->packet + 2), atapi_get16(a->packet + 7));
}

static enum atapi_step read_12(struct atapi *a)
{
	return read(a, atapi_get32(a->packet + 2), atapi_get32(a->packet + 6));
}

/* What is asked for of a sector has to lie together: MMC-5, READ CD.  All that
 * a sector of mode 1 has between header and data is nothing. */
static enum atapi_step read_cd(struct atapi *a, uint32_t sector, uint32_t n)
{
	static const uint16_t ends[] = {0, CD_AT_HEADER, CD_AT_DATA, CD_AT_CHECK, CD_RAW};
	uint8_t what = a->packet[9], type = a->packet[1] >> 2 & 7;
	bool parts[] = {what & CD_SYNC, what & CD_HEADER, what & CD_USER, what & CD_CHECK};
	unsigned first = 0, last = 4;
	if (what & CD_ERRORS || a->packet[10] & 7)
		return fail(a, SENSE_PACKET);
	if (type != TYPE_ANY && type != TYPE_MODE_1)
		return fail(a, SENSE_TRACK_MODE);
	while (first < 4 && !parts[first])
		first++;
	while (last > first && !parts[last - 1])
		last--;
	for (unsigned i = first; i < last; i++)
		if (!parts[i])
			return fail(a, SENSE_PACKET);
	bool users = first == 2 && last == 3;
	if (atapi_profile(a) == PROFILE_DVD && !users)
		return fail(a, SENSE_TRACK_MODE);
	enum atapi_step step = read(a, sector, n);
	a->sliced = !users;
	a->first = ends[first];
	a->last = ends[last];
	if (first < last || step == ATAPI_FAILED)
		return step;
	a->left = 0; /* the host wants nothing of them */
	return ATAPI_DONE;
}

static enum atapi_step read_cd_lba(struct atapi *a)
{
	const uint8_t *p = a->packet;
	return read_cd(a, atapi_get32(p + 2), (uint32_t)p[6] << 16 | atapi_get16(p + 7));
}

static enum atapi_step read_cd_msf(struct atapi *a)
{
	uint32_t from = cd_sector(a->packet + 3), to = cd_sector(a->packet + 6);
	if (from == UINT32_MAX || to == UINT32_MAX || to < from)
		return fail(a, SENSE_PACKET);
	return read_cd(a, from, to - from);
}

static enum atapi_step seek(struct atapi *a)
{
	uint32_t sector = atapi_get32(a->packet + 2);
	if (!reaches(a, sector, 0))
		return fail(a, SENSE_ADDRESS);
	a->place = sector;
	return ATAPI_DONE;
}

static enum atapi_step read_capacity(struct atapi *a)
{
	atapi_put32(a->buffer, a->sectors - 1);
	atapi_put32(a->buffer + 4, ATAPI_SECTOR);
	return answer(a, 8, 8);
}

/* SFF-8020i has the format in byte 9, where it is told by 0 in MMC's place. */
static enum atapi_step read_toc(struct atapi *a)
{
	const uint8_t *p = a->packet;
	unsigned format = p[2] & 0x0f ? p[2] & 0x0f : p[9] >> 6;
	int n = atapi_toc(a, format, p[1] & MSF, p[6]);
	return answer(a, n, atapi_get16(p + 7));
}

static enum atapi_step read_subchannel(struct atapi *a)
{
	const uint8_t *p = a->packet;
	int n = atapi_subchannel(a, p[2] & SUB_Q, p[1] & MSF, p[3]);
	return answer(a, n, atapi_get16(p + 7));
}

static enum atapi_step read_disc_information(struct atapi *a)
{
	if (a->packet[1] & 7)
		return fail(a, SENSE_PACKET);
	return answer(a, atapi_disc_information(a), atapi_get16(a->packet + 7));
}

static enum atapi_step read_track_information(struct atapi *a)
{
	int n = atapi_track_information(a, a->packet[1] & 3, atapi_get32(a->packet + 2));
	return answer(a, n, atapi_get16(a->packet + 7));
}

static enum atapi_step read_dvd_structure(struct atapi *a)
{
	if (atapi_profile(a) != PROFILE_DVD)
		return fail(a, SENSE_FORMAT);
	int n = atapi_dvd_structure(a, a->packet[7], a->packet[6]);
	return answer(a, n, atapi_get16(a->packet + 8));
}

/* --- the table --- */

static const struct command {
	uint8_t opcode, needs;
	enum atapi_step (*run)(struct atapi *a);
} commands[] = {
	{0x00, DISC, test_unit_ready},
	{0x03, ANYTIME, request_sense},
	{0x12, ANYTIME, inquiry},
	{MODE_SELECT_6, ATTENTIVE, mode_select_6},
	{0x1a, ATTENTIVE, mode_sense_6},
	{0x1b, ATTENTIVE, start_stop},
	{0x1e, ATTENTIVE, prevent_allow},
	{0x25, DISC, read_capacity},
	{0x28, DISC, read_10},
	{0x2b, DISC, seek},
	{0x42, DISC, read_subchannel},
	{0x43, DISC, read_toc},
	{0x46, ANYTIME, get_configuration},
	{0x4a, ANYTIME, get_event},
	{0x51, DISC, read_disc_information},
	{0x52, DISC, read_track_information},
	{0x55, ATTENTIVE, mode_select_10},
	{0x5a, ATTENTIVE, mode_sense_10},
	{0xa8, DISC, read_12},
	{0xad, DISC, read_dvd_structure},
	{0xb9, DISC, read_cd_msf},
	{0xbb, ATTENTIVE, set_speed},
	{0xbd, ATTENTIVE, mechanism_status},
	{0xbe, DISC, read_cd_lba},
};

static const struct command *find(uint8_t opcode)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (commands[i].opcode == opcode)
			return &commands[i];
	return NULL;
}

/* A command makes what is known of the one before go: SPC-3, sense data. */
enum atapi_step atapi_command(struct atapi *a)
{
	const struct command *c = find(a->packet[0]);
	if (c && c->run == request_sense)
		return request_sense(a);
	atapi_fail(a, KEY_NONE, SENSE_NONE);
	if (!c)
		return fail(a, SENSE_OPCODE);
	if (c->needs & ATTENTIVE && a->attention)
		return atapi_fail(a, KEY_ATTENTION, take_attention(a));
	if ((c->needs & DISC) == DISC && !atapi_disc(a))
		return fail_empty(a);
	return c->run(a);
}
