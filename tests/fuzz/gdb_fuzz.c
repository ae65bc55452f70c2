/* gdb_fuzz [ROUNDS [SEED]]   gdb's stub, fed packets: right ones, damaged ones, noise
 *
 * In this process, so that the sanitizers see the stub, its registers, the breakpoints and the
 * guest's memory.  The guest does not run: each time that it is let go it stops again.  A client
 * that does not read, or is no gdb, must have been hung up on; each reply must be well-formed. */
#include "../unit/gdb_fixture.h"

#include <poll.h>

enum { ROOM = 0x4000 + 64, PER_ROUND = 2000 };

static uint64_t seed_state;

static uint32_t any(void)
{
	seed_state = seed_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed_state >> 33);
}

static uint32_t below(uint32_t n)
{
	return any() % n;
}

/* Numbers that matter: edges of pages, of memory, of packets, of 32 and 64 bits. */
static uint64_t number(void)
{
	static const uint64_t edges[] = {
		0,          1,          0xfff,      0x1000,     0x9fffe,     0xa0000, 0x100000,
		0xfffffe,   0xffffff,   0x1000000,  0x1ff0,     0x2000,      0x3ff8,  0x4000,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, ~0ull};
	switch (below(4)) {
	case 0:
		return below(32);
	case 1:
		return any();
	default:
		return edges[below(sizeof edges / sizeof *edges)];
	}
}

static unsigned hex(char *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = "0123456789abcdefABCDEF"[below(22)];
	return n;
}

/* A packet's body as gdb might send it. */
/* clang-format off */
static unsigned body(char *p)
{
	static const char *const words[] = {"?", "g", "D", "c", "s", "vCont?", "vCont;c", "vCont;s:1;c", "C05",
	    "S05", "qSupported:xmlRegisters=i386", "qAttached", "qC", "qfThreadInfo", "qsThreadInfo",
	    "QStartNoAckMode", "qqemu.PhyMemMode", "Qqemu.PhyMemMode:1", "Qqemu.PhyMemMode:0", "Hg0", "T1",
	    "qXfer:features:read:target.xml:", "qXfer:features:read:other:0,10", "k", "", "vMustReplyEmpty"};
	static const char bytes[] = "mMXZzpPGcsHTqQvDCS!";
	unsigned long long a = number(), b = number();
	unsigned n, length;
	switch (below(8)) {
	case 0:
	case 1:
		n = sprintf(p, "%s", words[below(sizeof words / sizeof *words)]);
		if (n && p[n - 1] == ':')
			n += sprintf(p + n, "%llx,%llx", a, b);
		return n;
	case 2:
		return sprintf(p, "m%llx,%llx", a, b);
	case 3:
		length = below(below(4) ? 64 : 0x1ff0);
		n = sprintf(p, "M%llx,%x:", a, length);
		return n + hex(p + n, 2 * length);
	case 4:
		length = below(below(4) ? 64 : 0x1ff0);
		n = sprintf(p, "X%llx,%x:", a, length);
		for (unsigned i = 0; i < length; i++)
			p[n++] = "}\n a\0\x03\x7f\xff"[below(8)];
		return n;
	case 5:
		n = sprintf(p, "%c%u,%llx,%llx", "Zz"[below(2)], below(6), a, b);
		return below(8) ? n : n + sprintf(p + n, ";X3,aabbcc");
	case 6:
		if (below(8)) {
			n = sprintf(p, "%c%x", "pP"[below(2)], below(90));
			p[n++] = '=';
			return n + hex(p + n, below(40));
		}
		*p = 'G';
		return 1 + hex(p + 1, below(1200));
	default:
		p[0] = bytes[below(sizeof bytes - 1)];
		return 1 + sprintf(p + 1, "%llx%c%llx", a, ",;:=#"[below(5)], b);
	}
}
/* clang-format on */

static unsigned damaged(char *p, unsigned n)
{
	for (unsigned i = below(4); i && n; i--) {
		unsigned at = below(n);
		switch (below(3)) {
		case 0:
			p[at] = (char)any();
			break;
		case 1:
			memmove(p + at, p + at + 1, n - at - 1);
			n--;
			break;
		default:
			memmove(p + at + 1, p + at, n - at);
			p[at] = ",:;=#$}*-+\x03"[below(11)];
			n++;
		}
	}
	return n;
}

static unsigned hang_ups, replies;

struct client {
	int fd;
	char in[1 << 20];
	size_t got;
};

/* What came: acknowledgements, and replies whose sums are right. */
static void check_replies(struct client *c)
{
	size_t at = 0;
	for (; at < c->got; at++) {
		if (c->in[at] == '+' || c->in[at] == '-')
			continue;
		CHECK(c->in[at] == '$');
		char *end = memchr(c->in + at, '#', c->got - at);
		if (!end || end + 2 >= c->in + c->got)
			break;
		uint8_t sum = 0;
		for (const char *p = c->in + at + 1; p < end; p++)
			sum += (uint8_t)*p;
		char wanted[3];
		snprintf(wanted, sizeof wanted, "%02x", sum);
		CHECK(!memcmp(wanted, end + 1, 2));
		at = end + 2 - c->in;
		replies++;
	}
	memmove(c->in, c->in + at, c->got - at);
	c->got -= at;
}

static void take(struct client *c)
{
	ssize_t n;
	while ((n = recv(c->fd, c->in + c->got, sizeof c->in - c->got, MSG_DONTWAIT)) > 0) {
		c->got += (size_t)n;
		check_replies(c);
	}
}

static bool hung_up(const struct client *c)
{
	struct pollfd p = {.fd = c->fd};
	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

static void stop_again(struct debuggee *d)
{
	if (monitor_ending(d->monitor))
		monitor_reset(d->monitor);
	if (!gdb_holds(d->gdb))
		gdb_stopped(d->gdb, &(struct debug_stop){below(4), below(4), gla(any())});
}

static void meet(struct debuggee *d, struct client *c)
{
	c->got = 0;
	c->fd = debuggee_connect(d);
	loop_poll(d->loop);
}

static void one_round(struct debuggee *d)
{
	static struct client c;
	static char text[2 * ROOM];

	meet(d, &c);
	for (unsigned i = 0; i < PER_ROUND; i++) {
		if (below(4))
			stop_again(d);
		unsigned n = body(text);
		if (!below(3))
			n = damaged(text, n);
		n = gdb_packet(text, text, n);
		if (!below(16))
			n = damaged(text, n); /* the frame, too */
		for (unsigned sent = 0; sent < n;) {
			unsigned part = below(8) ? n - sent : 1 + below(n - sent);
			ssize_t done = send(c.fd, text + sent, part, MSG_NOSIGNAL);
			sent += done > 0 ? (unsigned)done : n;
			loop_poll(d->loop);
		}
		if (!below(64)) /* what the machine does at an end */
			gdb_exited(d->gdb, below(256));
		if (below(4))
			take(&c);
		if (hung_up(&c)) {
			hang_ups++;
			CHECK(!gdb_holds(d->gdb));
			close(c.fd);
			meet(d, &c);
		}
	}
	close(c.fd);
	for (unsigned i = 0; gdb_holds(d->gdb); i++) {
		CHECK(i < 100);
		loop_poll(d->loop);
	}
	loop_poll(d->loop);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
	seed_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct debuggee d;
	debuggee_open(&d);
	for (unsigned i = 0; i < rounds; i++)
		one_round(&d);
	debuggee_close(&d);
	printf("gdb_fuzz: %u packets, %u replies, hung up on %u times\n", rounds * PER_ROUND,
	       replies, hang_ups);
	/* Packets that nobody takes test nothing. */
	return replies < rounds * PER_ROUND / 4;
}
