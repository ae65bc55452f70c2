/* links: machine */
/* gdb's stub: who may speak to it, and what becomes of the guest when they go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gdb_fixture.h"
#include "machine/gdb_regs.h"
#include "monitor/internal.h"

#include <sys/stat.h>

/* The guest halts for ever, with interrupts on. */
static const uint8_t at_rest[] = {0xfb, 0xf4, 0xeb, 0xfc};
enum { MARK = 0x200000 };

static int setup(void **state)
{
	struct debuggee *d = malloc(sizeof *d);
	debuggee_open(d);
	mmu_dma_write(monitor_mmu(d->monitor), gpa(GUEST_ENTRY), at_rest, sizeof at_rest);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	debuggee_close(*state);
	free(*state);
	return 0;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void ask(int fd, const char *body)
{
	char text[256];
	unsigned n = gdb_packet(text, body, strlen(body));
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* Has it hung up, once what it sent is read? */
static bool hung_up(int fd)
{
	char bytes[65536];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		;
	return !n || errno == ECONNRESET;
}

static uint8_t mark(struct debuggee *d)
{
	uint8_t byte = 0;
	mmu_dma_read(monitor_mmu(d->monitor), gpa(MARK), &byte, 1);
	return byte;
}

static void stopped(struct debuggee *d)
{
	gdb_stopped(d->gdb, &(struct debug_stop){.why = DEBUG_REQUEST});
}

/* What does not begin as gdb does, does nothing: a web page can make a browser send this. */
static void test_stranger(void **state)
{
	static const char *const openings[] = {
		"POST / HTTP/1.1\r\nHost: 127.0.0.1:1234\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"\r\n",
		"\x16\x03\x01",
		"+POST / HTTP/1.1\r\n\r\n",
		"# ",
	};
	struct debuggee *d = *state;
	stopped(d);
	for (unsigned i = 0; i < sizeof openings / sizeof *openings; i++) {
		int fd = debuggee_connect(d);
		loop_poll(d->loop);
		say(fd, openings[i]);
		ask(fd, "M200000,1:5a");
		loop_poll(d->loop);
		assert_true(hung_up(fd));
		assert_int_equal(mark(d), 0);
		assert_false(gdb_holds(d->gdb));
		close(fd);
		stopped(d);
	}
	int fd = debuggee_connect(d);
	loop_poll(d->loop);
	ask(fd, "M200000,1:5a");
	loop_poll(d->loop);
	assert_int_equal(mark(d), 0x5a);
	assert_false(hung_up(fd));
	close(fd);
}

/* One that asks and does not read: it goes, and nothing has waited for it. */
static void test_deaf(void **state)
{
	struct debuggee *d = *state;
	stopped(d);
	int fd = debuggee_connect(d);
	loop_poll(d->loop);
	unsigned asked = 0;
	while (gdb_holds(d->gdb) && asked < 10000) {
		char text[64];
		unsigned n = gdb_packet(text, "m0,1ff0", 7);
		send(fd, text, n, MSG_NOSIGNAL);
		loop_poll(d->loop);
		asked++;
	}
	assert_in_range(asked, 3, 1000);
	assert_true(hung_up(fd));
	close(fd);
	/* The next one is served. */
	fd = debuggee_connect(d);
	loop_poll(d->loop);
	stopped(d);
	ask(fd, "?");
	loop_poll(d->loop);
	char reply[64] = "";
	assert_true(recv(fd, reply, sizeof reply - 1, 0) > 0);
	assert_non_null(strstr(reply, "T02"));
	close(fd);
}

/* Registers by number: the last, and the one behind it. */
static void test_register_numbers(void **state)
{
	struct debuggee *d = *state;
	stopped(d);
	int fd = debuggee_connect(d);
	loop_poll(d->loop);
	for (unsigned i = 0; i < gdb_reg_count() + 3; i++) {
		static const char *const forms[] = {"p%x", "P%x="};
		for (unsigned write = 0; write < 2; write++) {
			char body[16], got[256] = "";
			snprintf(body, sizeof body, forms[write], i);
			ask(fd, body);
			loop_poll(d->loop);
			assert_true(recv(fd, got, sizeof got - 1, 0) > 0);
			if (i >= gdb_reg_count())
				assert_non_null(strstr(got, "$E22#"));
			else if (write) /* no value */
				assert_non_null(strstr(got, "$E"));
			else
				assert_int_equal(strcspn(strchr(got, '$') + 1, "#"),
				                 2 * gdb_reg_size(i));
		}
	}
	close(fd);
}

static const char *answer(struct debuggee *d, int fd, const char *body)
{
	static char reply[256];
	ask(fd, body);
	loop_poll(d->loop);
	ssize_t n = recv(fd, reply, sizeof reply - 1, MSG_DONTWAIT);
	assert_true(n > 1);
	reply[n] = 0;
	return reply + 1; /* behind the acknowledgement */
}

/* What a watchpoint may be. */
static void test_watchpoints(void **state)
{
	struct debuggee *d = *state;
	stopped(d);
	int fd = debuggee_connect(d);
	loop_poll(d->loop);
	assert_string_equal(answer(d, fd, "Z2,200000,10000"), "$OK#9a");
	assert_string_equal(answer(d, fd, "Z3,200000,10001"), "$E14#aa");
	assert_string_equal(answer(d, fd, "Z4,200000,0"), "$E14#aa");
	assert_string_equal(answer(d, fd, "Z4,fffffffe,8"), "$OK#9a");
	assert_string_equal(answer(d, fd, "z2,200000,10000"), "$OK#9a");
	assert_string_equal(answer(d, fd, "z2,200000,10000"), "$E14#aa");
	for (unsigned i = 1; i < 256; i++)
		assert_string_equal(answer(d, fd, "Z1,300000,1"), "$OK#9a");
	assert_string_equal(answer(d, fd, "Z1,300000,1"), "$E14#aa");
	close(fd);
}

/* Connects, interrupts the guest and goes, before the guest has seen any of it. */
static void visit(struct debuggee *d)
{
	if (d->waits == 1) {
		int fd = debuggee_connect(d);
		loop_poll(d->loop);
		say(fd, "\x03");
		loop_poll(d->loop);
		close(fd);
		loop_poll(d->loop);
	}
	if (d->waits == 3)
		monitor_stop(d->monitor, END_REQUEST, 0);
}

static void test_gone_before_the_stop(void **state)
{
	struct debuggee *d = *state;
	monitor_debug_release(d->monitor); /* it was let go */
	d->wait = visit;
	assert_int_equal(monitor_run(d->monitor), END_REQUEST);
	assert_int_equal(d->waits, 3);
	assert_int_equal(d->stops, 0);
}

static void end(struct debuggee *d)
{
	monitor_stop(d->monitor, END_REQUEST, 0);
}

/* sti; mov ecx, 5; nop; dec ecx; jnz to the nop; hlt */
static const uint8_t loop[] = {0xfb, 0xb9, 5, 0, 0, 0, 0x90, 0x49, 0x75, 0xfc, 0xf4};

/* A breakpoint at the NOP stops it five times. */
static void run_loop(struct debuggee *d, uint32_t flags)
{
	struct vcpu *v = monitor_vcpu(d->monitor);
	monitor_reset(d->monitor);
	cpu_set_flat32(v, GUEST_ENTRY);
	vcpu_eflags_set(v, 2 | flags);
	d->wait = end;
	d->stops = 0;
	assert_int_equal(monitor_run(d->monitor), END_REQUEST);
	assert_int_equal(d->stops, 5);
	assert_int_equal(v->gpr[ECX], 0);
}

/* A breakpoint in a loop is met at each turn by who goes on from it without a step, whatever
 * flags the guest has set. */
static void test_breakpoint_in_a_loop(void **state)
{
	struct debuggee *d = *state;
	static const uint32_t flags[] = {0, FLAG_ID, FLAG_IOPL | FLAG_NT, FLAG_AC};
	mmu_dma_write(monitor_mmu(d->monitor), gpa(GUEST_ENTRY), loop, sizeof loop);
	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
		monitor_debug_release(d->monitor);
		assert_true(monitor_break_set(d->monitor, BREAK_EXEC, gla(GUEST_ENTRY + 6), 1));
		run_loop(d, flags[i]);
	}
}

/* Places that were breakpoints once make room for the next one; one that is does not, the first
 * of them or the last. */
static void test_many_breakpoints(void **state)
{
	for (unsigned before = 0; before <= MARKS; before += MARKS) {
		struct debuggee d;
		debuggee_open(&d);
		monitor_debug_release(d.monitor);
		mmu_dma_write(monitor_mmu(d.monitor), gpa(GUEST_ENTRY), loop, sizeof loop);
		for (unsigned i = 0; i < MARKS + 10; i++) {
			gla_t at = gla(GUEST_ENTRY + 0x1000 + 16 * i);
			if (i == before) {
				assert_true(monitor_break_set(d.monitor, BREAK_EXEC,
				                              gla(GUEST_ENTRY + 6), 1));
				run_loop(&d, 0);
			}
			assert_true(monitor_break_set(d.monitor, BREAK_EXEC, at, 1));
			assert_true(monitor_break_clear(d.monitor, BREAK_EXEC, at, 1));
		}
		run_loop(&d, 0);
		debuggee_close(&d);
	}
}

/* A socket for its owner; one that was left behind is replaced, nothing else is. */
static void test_path(void **state)
{
	struct debuggee *d = *state;
	struct stat st;
	struct problem p = {0};
	char path[96];
	struct gdb *other;
	struct stream_host host = debuggee_host(d);

	assert_int_equal(stat(d->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	struct stream_spec where = {STREAM_UNIX, .path = d->path, .text = d->path};
	assert_false(gdb_open(&other, &where, &host, &d->control, &p));
	assert_non_null(strstr(p.text, "in use"));

	snprintf(path, sizeof path, "%s/left", d->folder);
	where.path = path;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	close(fd);
	assert_true(gdb_open(&other, &where, &host, &d->control, &p));
	gdb_close(other);
	broker_end();
	assert_int_equal(stat(path, &st), -1);

	p = (struct problem){0};
	FILE *f = fopen(path, "w");
	fputs("precious\n", f);
	fclose(f);
	assert_false(gdb_open(&other, &where, &host, &d->control, &p));
	assert_non_null(strstr(p.text, strerror(EEXIST)));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 9);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stranger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watchpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_register_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_before_the_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_breakpoint_in_a_loop, setup, teardown),
		cmocka_unit_test(test_many_breakpoints),
		cmocka_unit_test_setup_teardown(test_path, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
