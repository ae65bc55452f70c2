/* links: machine */
/* The control socket and its front, in one process, against a machine that is none: what it answers, to
 * whom, and when. */
#include "qmp_fixture.h"

static void test_negotiation(void **state)
{
	struct rig *r = *state;
	struct stat st;
	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	int fd = call(r);
	assert_string_equal(hear(fd),
	                    "{\"QMP\": {\"version\": {\"qemu\": {\"major\": 0, \"minor\": 1, "
	                    "\"micro\": 0}, \"package\": \"unring 0.1\"}, "
	                    "\"capabilities\": []}}\r\n");
	answers(r, fd, "{\"execute\": \"stop\", \"id\": 1}",
	        "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities "
	        "negotiation with 'qmp_capabilities'\"}, \"id\": 1}\r\n");
	assert_int_equal(r->stops, 0);
	qmp_event(r->qmp, "RESET", NULL); /* none before it is ready */
	answers(r, fd,
	        "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}",
	        "\"GenericError\"");
	answers(r, fd, "{\"execute\": \"qmp_capabilities\"}", "{\"return\": {}}\r\n");
	answers(r, fd, "{\"execute\": \"qmp_capabilities\"}", "already complete");
	close(fd);
}

static void test_run(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, "{\"execute\": \"query-status\", \"id\": [1, {\"a\": null}]}",
	        "{\"return\": {\"running\": true, \"status\": \"running\"}, \"id\": [1, {\"a\": null}]}");
	say(r, fd, "{\"execute\": \"stop\"}");
	const char *text = hear(fd);
	assert_non_null(strstr(text, "\"event\": \"STOP\"}\r\n{\"return\": {}}\r\n"));
	assert_non_null(strstr(text, "{\"timestamp\": {\"seconds\": "));
	answers(r, fd, "{\"execute\": \"query-status\"}",
	        "\"running\": false, \"status\": \"paused\"");
	answers(r, fd, "{\"execute\": \"cont\"}", "{\"return\": {}}");
	answers(r, fd, "{\"execute\": \"system_reset\"}", "{\"return\": {}}");
	answers(r, fd, "{\"execute\": \"system_powerdown\"}", "{\"return\": {}}");
	answers(r, fd, "{\"execute\": \"quit\"}", "{\"return\": {}}");
	assert_int_equal(r->stops + r->conts + r->resets + r->powerdowns + r->quits, 5);
	qmp_event(r->qmp, "RESET", "{\"guest\": true, \"reason\": \"guest\"}");
	assert_non_null(strstr(hear(fd), "\"event\": \"RESET\", \"data\": {\"guest\": true, "
	                                 "\"reason\": \"guest\"}}\r\n"));
	close(fd);
}

/* Whatever is between values, and however they are cut. */
static void test_framing(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	static const char text[] =
		"\r\n\t {\n\"execute\"\r\n:\"query-name\",\"id\":\"}\\\"{\\\\\"}";
	for (const char *p = text; *p; p++)
		say_bytes(r, fd, p, 1);
	assert_string_equal(hear(fd),
	                    "{\"return\": {\"name\": \"unring\"}, \"id\": \"}\\\"{\\\\\"}\r\n");
	say(r, fd,
	    "{\"execute\":\"query-name\",\"id\":1}{\"execute\":\"stop\",\"id\":2}\n\n"
	    "{\"execute\":\"query-name\",\"id\":3}");
	const char *said = hear(fd), *one = strstr(said, "\"id\": 1"),
		   *two = strstr(said, "\"id\": 2");
	const char *three = strstr(said, "\"id\": 3");
	assert_true(one && one < two && two < three);
	close(fd);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"gossip\n",
		"}",
		"{]",
		"{\"execute\": \"stop\"",
		"{\"execute\" \"stop\"}",
		"[]",
		"7\n",
		"null\n",
		"\"stop\"\n",
		"{}",
		"{\"execute\": 7}",
		"{\"execute\": \"a\\ud800\"}",
		"{\"execute\": \"stop\", \"arguments\": []}",
		"{\"execute\": \"stop\", \"more\": 1}",
		"{\"execute\": \"stop\", \"execute\": \"stop\"}",
		"{\"execute\": \"st\nop\"}\n",
		"{\"execute\": \"\\u0000\"}",
		"{\"execute\": \"\x80\"}",
		"\x01",
	};
	struct rig *r = *state;
	int fd = call_ready(r);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		say(r, fd, bad[i]);
		say(r, fd, "\xff"); /* what has begun is to be forgotten */
		assert_non_null(strstr(hear(fd), "{\"error\": {\"class\": \"GenericError\""));
		answers(r, fd, "{\"execute\": \"query-name\"}", "{\"return\": {\"name\"");
	}
	assert_int_equal(r->stops, 0);
	close(fd);
}

/* Nesting, and length: more than a parser's stack, and than is kept. */
static void test_huge(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	size_t n = 2 << 20;
	char *text = malloc(n);
	memset(text, '[', n / 2);
	memset(text + n / 2, ']', n / 2);
	say_bytes(r, fd, text, n);
	assert_non_null(strstr(hear(fd), "longer than 1 MiB"));
	memset(text + 1000, ']', n - 1000);
	say_bytes(r, fd, text, 2000);
	assert_non_null(strstr(hear(fd), "must be a JSON object"));
	memset(text, '[', 100000);
	memset(text + 100000, ']', 100000);
	say_bytes(r, fd, text, 200000);
	assert_non_null(strstr(hear(fd), "Invalid JSON syntax"));
	memset(text, ' ', n);
	memcpy(text, "{\"execute\": \"query-name\"", 24);
	text[n - 1] = '}';
	say_bytes(r, fd, text, n);
	assert_non_null(strstr(hear(fd), "longer than 1 MiB"));
	answers(r, fd, "{\"execute\": \"query-name\"}", "{\"return\"");
	free(text);
	close(fd);
}

/* 100,000 lines of noise, half of them commands with a byte changed. */
static void test_fuzz(void **state)
{
	static const char *const seeds[] = {
		"{\"execute\": \"query-block\", \"arguments\": {}, \"id\": 17}\n",
		"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}]}}\n",
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"key\", "
		"\"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}]}}\n",
		"{\"execute\": \"eject\", \"arguments\": {\"id\": \"floppy0\", \"force\": true}}\n",
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"abs\", "
		"\"data\": {\"axis\": \"y\", \"value\": 5}}, {\"type\": \"btn\", \"data\": {\"down\": true, "
		"\"button\": \"left\"}}]}}\n",
		"{\"execute\": \"x-type-text\", \"arguments\": {\"text\": \"dir\\n\"}}\n",
		"{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", "
		"\"filename\": \"/nonexistent\", \"read-only-mode\": \"read-only\"}}\n",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\"}}\n",
		"{\"execute\": \"stop\"}\n",
		"{\"execute\": \"query-commands\"}\n",
	};
	static char sink[65536];
	struct rig *r = *state;
	r->no_keys = true;
	int fd = call_ready(r);
	srand(8);
	for (unsigned i = 0; i < 100000; i++) {
		char line[512];
		size_t n;
		if (i & 1) {
			n = (size_t)(rand() % 64);
			for (size_t k = 0; k < n; k++)
				line[k] = (char)rand();
			line[n++] = '\n';
		} else {
			strcpy(line, seeds[rand() % (sizeof seeds / sizeof *seeds)]);
			n = strlen(line);
			line[(size_t)rand() % n] = (char)rand();
		}
		say_bytes(r, fd, line, n);
		while (recv(fd, sink, sizeof sink, 0) > 0)
			;
	}
	say(r, fd, "\xff");
	hear(fd);
	answers(r, fd, "{\"execute\": \"query-name\"}", "{\"return\": {\"name\": \"unring\"}}");
	close(fd);
}

#define EVENT(type, data)                                                                          \
	"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"" type      \
	"\", \"data\": " data "}]}}"

static void test_arguments(void **state)
{
	static const struct {
		const char *command, *reply;
	} cases[] = {
		{"{\"execute\": \"nonesuch\"}",
	         "\"CommandNotFound\", \"desc\": \"The command nonesuch has not been found\""},
		{"{\"execute\": \"stop\", \"arguments\": {\"x\": 1}}",
	         "Parameter 'x' is unexpected"},
		{"{\"execute\": \"screendump\"}", "Parameter 'filename' is missing"},
		{"{\"execute\": \"screendump\", \"arguments\": {\"filename\": 1}}",
	         "Invalid parameter type for 'filename', expected: string"},
		{"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\", \"format\": \"gif\"}}",
	         "'format' does not accept"},
		{"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\"}}",
	         "\"/none/x: No such file or directory\""},
		{"{\"execute\": \"send-key\", \"arguments\": {\"keys\": []}}", "1 to 16 keys"},
		{"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"number\", \"data\": 1}]}}",
	         "a key is"},
		{"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}], \"hold-time\": -1}}",
	         "'hold-time' expects a number from 0 to 10000"},
		{"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"rel\", \"data\": {}}]}}",
	         "there is no such axis: \""},
		{EVENT("touch", "{}"), "only events of the types key, btn, rel and abs"},
		{EVENT("rel", "{\"axis\": \"z\", \"value\": 1}"), "there is no such axis: z"},
		{EVENT("rel", "{\"axis\": \"x\"}"), "from -2147483647 to 2147483647"},
		{EVENT("rel", "{\"axis\": \"x\", \"value\": 2147483648}"), "'value' expects"},
		{EVENT("abs", "{\"axis\": \"y\", \"value\": -1}"), "from 0 to 32767"},
		{EVENT("abs", "{\"axis\": \"y\", \"value\": 32768}"), "from 0 to 32767"},
		{EVENT("btn", "{\"down\": true, \"button\": \"fire\"}"), "no such button: fire"},
		{EVENT("btn", "{\"button\": \"left\"}"), "Parameter 'down' is missing"},
		{EVENT("btn", "7"), "Parameter 'down' is missing"},
		{"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"key\", "
	         "\"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}, {\"type\": "
	         "\"key\", \"data\": {\"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}]}}",
	         "Parameter 'down' is missing"},
		{"{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"\"}}", "empty"},
		{"{\"execute\": \"eject\"}", "Parameter 'id' is missing"},
		{"{\"execute\": \"eject\", \"arguments\": {\"id\": \"x\"}}",
	         "\"DeviceNotFound\", \"desc\": \"Device 'x' not found\""},
		{"{\"execute\": \"query-chardev\"}",
	         "[{\"label\": \"serial0\", \"filename\": \"none\", \"frontend-open\": true}]"},
		{"{\"execute\": \"x-stats\"}", "{\"return\": {\"units\": 5, \"seconds\": 1.5}}"},
		{"{\"execute\": \"query-version\"}", "{\"return\": {\"qemu\": {\"major\": 0"},
		{"{\"execute\": \"query-commands\"}", "{\"name\": \"query-status\"}"},
	};
	struct rig *r = *state;
	int fd = call_ready(r);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		answers(r, fd, cases[i].command, cases[i].reply);
	assert_string_equal(r->keys, "");
	assert_string_equal(r->steps, "");
	assert_int_equal(r->stops, 0);
	close(fd);
}

static void test_not_there(void **state)
{
	static const char *const commands[] = {
		"{\"execute\": \"system_powerdown\"}",
		"{\"execute\": \"x-screen-text\"}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\"}}",
		"{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}]}}",
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": []}}",
		EVENT("rel", "{\"axis\": \"x\", \"value\": 1}"),
		"{\"execute\": \"x-type-text\", \"arguments\": {\"text\": \"a\"}}",
	};
	struct rig *r = *state;
	int fd = call_ready(r);
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		answers(r, fd, commands[i], "this machine has no ");
	answers(r, fd, "{\"execute\": \"query-block\"}", "{\"return\": []}");
	answers(r, fd, "{\"execute\": \"query-mice\"}", "{\"return\": []}");
	close(fd);
}

/* The loop for so long. */
static void run(struct rig *r, unsigned ms)
{
	uint64_t end = host_monotonic_ns() + ms * 1000000ull;
	while (host_monotonic_ns() < end) {
		turn(r);
		usleep(1000);
	}
}

/* They go on to the machine as a whole, which may refuse them. */
static void test_keys(void **state)
{
	static const char press[] =
		"{\"execute\": \"send-key\", \"arguments\": {\"hold-time\": 20, \"keys\": "
		"[{\"type\": \"qcode\", \"data\": \"ctrl\"}, {\"type\": \"qcode\", \"data\": \"c\"}]}}";
	static const char events[] =
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"key\", "
		"\"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"b\"}}}, {\"type\": "
		"\"key\", \"data\": {\"down\": false, \"key\": {\"type\": \"qcode\", \"data\": \"a\"}}}]}}";
	static const char text[] =
		"{\"execute\": \"x-type-text\", \"arguments\": {\"text\": \"xA\\n\\u00e9\"}}";
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, press, "{\"return\": {}}");
	assert_string_equal(r->keys, "ctrl+ c+ 20 c- ctrl- ");
	*r->keys = 0;
	answers(r, fd, events, "{\"return\": {}}");
	assert_string_equal(r->keys, "b+ a- ");
	*r->keys = 0;
	answers(r, fd, text, "{\"return\": {}}");
	assert_string_equal(r->keys, "xA\n\xc3\xa9");
	*r->keys = 0;
	r->no_keys = true;
	answers(r, fd, press, "\"GenericError\", \"desc\": \"no keys today\"");
	answers(r, fd, events, "\"GenericError\", \"desc\": \"no keys today\"");
	answers(r, fd, text, "\"GenericError\", \"desc\": \"no text today\"");
	assert_string_equal(r->keys, "");
	close(fd);
}

/* In their order; those beside keys are done if the keys are. */
static void test_pointer(void **state)
{
	static const char all[] =
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": ["
		"{\"type\": \"rel\", \"data\": {\"axis\": \"x\", \"value\": -5}},"
		"{\"type\": \"rel\", \"data\": {\"axis\": \"y\", \"value\": 7}},"
		"{\"type\": \"abs\", \"data\": {\"axis\": \"x\", \"value\": 0}},"
		"{\"type\": \"abs\", \"data\": {\"axis\": \"y\", \"value\": 32767}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"left\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"right\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"middle\", \"down\": false}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"side\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"extra\", \"down\": false}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"wheel-up\", \"down\": true}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"wheel-up\", \"down\": false}},"
		"{\"type\": \"btn\", \"data\": {\"button\": \"wheel-down\", \"down\": true}}]}}";
	static const char both[] =
		"{\"execute\": \"input-send-event\", \"arguments\": {\"events\": ["
		"{\"type\": \"rel\", \"data\": {\"axis\": \"x\", \"value\": 1}},"
		"{\"type\": \"key\", \"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", "
		"\"data\": \"b\"}}}]}}";
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, all, "{\"return\": {}}");
	assert_string_equal(r->steps,
	                    "dx-5 dy7 x0 y32767 down1 down2 up4 down8 up16 wheel-1 wheel1 ");
	assert_string_equal(r->keys, "");
	*r->steps = 0;
	answers(r, fd, both, "{\"return\": {}}");
	assert_string_equal(r->keys, "b+ ");
	assert_string_equal(r->steps, "dx1 ");
	*r->steps = 0;
	r->no_keys = true;
	answers(r, fd, both, "no keys today");
	assert_string_equal(r->steps, "");
	answers(r, fd, "{\"execute\": \"query-mice\"}",
	        "[{\"name\": \"PS/2 Mouse\", \"index\": 0, \"current\": true, \"absolute\": false}, "
	        "{\"name\": \"vmmouse\", \"index\": 1, \"current\": false, \"absolute\": true}]");
	r->absolute = true;
	answers(r, fd, "{\"execute\": \"query-mice\"}",
	        "\"index\": 0, \"current\": false, \"absolute\": false}, {\"name\": \"vmmouse\", "
	        "\"index\": 1, \"current\": true");
	close(fd);
}

static void print(struct rig *r, const char *text)
{
	for (; *text; text++)
		printed_put(&r->printed, (uint8_t)*text);
}

static void test_wait(void **state)
{
	static const char wait_up[] =
		"{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"up\", \"timeout\": 5000}}";
	struct rig *r = *state;
	int one = call_ready(r), two = call_ready(r);
	print(r, "hup");
	say(r, one, wait_up);
	run(r, 100);
	assert_string_equal(hear(one), "{\"return\": {}}\r\n");
	/* What was found is not found again; who comes behind waits for the answer, others do not. */
	say(r, one, wait_up);
	say(r, one, "{\"execute\": \"query-name\"}");
	say(r, two, wait_up);
	run(r, 100);
	assert_string_equal(hear(one), "");
	int three = call_ready(r);
	close(three);
	print(r, "cup");
	run(r, 100);
	assert_string_equal(hear(one),
	                    "{\"return\": {}}\r\n{\"return\": {\"name\": \"unring\"}}\r\n");
	assert_string_equal(hear(two), "{\"return\": {}}\r\n");
	answers(r, one, "{\"execute\": \"x-screen-text\"}", "shows graphics");
	r->screen = "A:\\>\n";
	answers(r, one, "{\"execute\": \"x-screen-text\"}", "{\"text\": \"A:\\\\>\\n\"}");
	say(r, one, "{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"A:\\\\>\"}}");
	run(r, 100);
	assert_string_equal(hear(one), "{\"return\": {}}\r\n");
	say(r, one,
	    "{\"execute\": \"x-wait-text\", \"id\": 3, \"arguments\": {\"text\": \"B:\", \"timeout\": 30}}");
	run(r, 200);
	assert_string_equal(hear(one),
	                    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"the text did "
	                    "not appear in time\"}, \"id\": 3}\r\n");
	/* One who goes while he waits. */
	say(r, two, wait_up);
	close(two);
	run(r, 50);
	print(r, "up");
	run(r, 100);
	answers(r, one, "{\"execute\": \"query-name\"}", "{\"return\"");
	close(one);
}

/* One who asks and does not read goes; the others stay. */
static void test_deaf(void **state)
{
	struct rig *r = *state;
	int deaf = call_ready(r), other = call_ready(r);
	uint64_t start = host_monotonic_ns();
	for (unsigned i = 0; i < 2000; i++) {
		static const char ask[] = "{\"execute\": \"query-commands\"}\n";
		send(deaf, ask, sizeof ask - 1, MSG_NOSIGNAL);
		turn(r);
	}
	assert_true(host_monotonic_ns() - start < 10000000000ull);
	answers(r, other, "{\"execute\": \"query-name\"}", "{\"return\"");
	assert_true(hung_up(deaf));
	close(deaf);
	/* One who has asked for nothing but events. */
	deaf = call_ready(r);
	for (unsigned i = 0; i < 20000; i++)
		qmp_event(r->qmp, "STOP", NULL);
	assert_true(hung_up(deaf));
	close(deaf);
	close(other);
}

/* Many come and go, in the midst of a command too. */
static void test_many(void **state)
{
	struct rig *r = *state;
	int fds[64];
	for (unsigned i = 0; i < 1000; i++) {
		int fd = call(r);
		if (i % 3)
			say(r, fd, "{\"execute\": \"qmp_cap");
		close(fd);
		turn(r);
	}
	for (unsigned i = 0; i < 64; i++)
		fds[i] = call_ready(r);
	int more = call(r);
	assert_true(hung_up(more));
	close(more);
	answers(r, fds[0], "{\"execute\": \"query-name\"}", "{\"return\"");
	for (unsigned i = 0; i < 64; i++)
		close(fds[i]);
	turn(r);
	close(call_ready(r));
}

static void test_printed(void **state)
{
	static struct printed p;
	uint64_t from = 0;
	for (unsigned i = 0; i < 5 * PRINTED_KEEPS; i++)
		printed_put(&p, '.');
	assert_false(printed_find(&p, "ab", &from));
	assert_int_equal(from, 0);
	printed_put(&p, 'a');
	printed_put(&p, 'b');
	printed_put(&p, 'c');
	assert_true(printed_find(&p, "ab", &from));
	assert_int_equal(from, 5 * PRINTED_KEEPS + 2);
	assert_false(printed_find(&p, "bc", &from));
	assert_true(printed_find(&p, "c", &from));
	from = 0;
	for (unsigned i = 0; i < PRINTED_KEEPS - 3; i++)
		printed_put(&p, '.');
	assert_true(printed_find(&p, "abc", &from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_negotiation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fuzz, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_there, setup_bare, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pointer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test(test_printed),
	};
	return cmocka_run_group_tests_name("qmp", tests, NULL, NULL);
}
