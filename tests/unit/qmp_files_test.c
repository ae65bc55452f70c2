/* links: machine */
/* The files of the control socket's commands: those that come along, and those that the front opens. */
#include "qmp_fixture.h"

static void send_file(struct rig *r, int fd, const char *command, int file)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {0};
	struct iovec v = {(void *)command, strlen(command)};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = sizeof room.bytes};
	room.head = (struct cmsghdr){CMSG_LEN(sizeof file), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&room.head), &file, sizeof file);
	assert_int_equal(sendmsg(fd, &h, 0), (ssize_t)strlen(command));
	close(file);
	turn(r);
}

static void test_files(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r), pipes[2];
	send_file(
		r, fd,
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\", \"format\": \"png\"}}",
		open(r->image, O_CREAT | O_WRONLY, 0600));
	assert_string_equal(hear(fd), "{\"return\": {}}\r\n");
	char text[4] = "";
	int image = open(r->image, O_RDONLY);
	assert_int_equal(read(image, text, 4), 3);
	assert_string_equal(text, "png");
	send_file(
		r, fd,
		"{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", \"filename\": \"b.img\", \"read-only-mode\": \"read-only\"}}",
		image);
	assert_string_equal(hear(fd), "{\"return\": {}}\r\n");
	answers(r, fd, "{\"execute\": \"query-block\"}",
	        "\"inserted\": {\"file\": \"b.img\", \"ro\": true");
	answers(r, fd, "{\"execute\": \"query-block\"}",
	        "\"removable\": true, \"locked\": true, \"tray_open\": false");
	for (unsigned force = 0; force < 2; force++) {
		char change[200];
		snprintf(change, sizeof change,
		         "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": "
		         "\"floppy0\", \"filename\": \"c.img\", \"read-only-mode\": \"read-only\", "
		         "\"force\": %s}}",
		         force ? "true" : "false");
		send_file(r, fd, change, open(r->image, O_RDONLY));
		assert_non_null(strstr(hear(fd), force ? "{\"return\": {}}" : "\"kept\""));
	}
	answers(r, fd, "{\"execute\": \"eject\", \"arguments\": {\"device\": \"floppy0\"}}",
	        "\"desc\": \"locked\"");
	answers(r, fd,
	        "{\"execute\": \"eject\", \"arguments\": {\"device\": \"floppy0\", \"force\": true}}",
	        "{\"return\"");
	/* One that was kept, and goes with the command that names it. */
	send_file(r, fd, "{\"execute\": \"add-fd\", \"arguments\": {\"fdset-id\": 3}}",
	          open(r->image, O_CREAT | O_WRONLY | O_TRUNC, 0600));
	assert_non_null(strstr(hear(fd), "{\"return\": {\"fdset-id\": 3, \"fd\": "));
	static const char dump[] =
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/dev/fdset/3\"}}";
	answers(r, fd, dump, "{\"return\": {}}");
	answers(r, fd, dump, "/dev/fdset/3: No such file");
	image = open(r->image, O_RDONLY);
	assert_int_equal(read(image, text, 4), 3);
	assert_string_equal(text, "ppm");
	send_file(r, fd, "{\"execute\": \"add-fd\"}", image);
	assert_non_null(strstr(hear(fd), "\"fdset-id\": 0"));
	answers(r, fd, "{\"execute\": \"remove-fd\", \"arguments\": {\"fdset-id\": 0}}",
	        "{\"return\"");
	answers(r, fd, "{\"execute\": \"remove-fd\", \"arguments\": {\"fdset-id\": 0}}", "no such");
	answers(r, fd, "{\"execute\": \"add-fd\"}", "SCM_RIGHTS");
	/* A pipe could make the guest wait. */
	assert_int_equal(pipe(pipes), 0);
	send_file(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\"}}",
	          pipes[1]);
	assert_non_null(strstr(hear(fd), "not a plain file"));
	assert_int_equal(read(pipes[0], text, 1), 0); /* closed */
	close(pipes[0]);
	send_file(r, fd, "{\"execute\": \"x-dump-cache\", \"arguments\": {\"filename\": \"i\"}}",
	          open(r->image, O_WRONLY));
	assert_non_null(strstr(hear(fd), "no room"));
	close(fd);
}

static void check_file(const char *name, const char *wanted)
{
	char text[16] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	assert_int_equal(n, strlen(wanted));
	assert_string_equal(text, wanted);
}

/* As stock clients name them: nothing comes along. */
static void test_names(void **state)
{
	struct rig *r = *state;
	int fd = call_ready(r);
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\"}}",
	        "{\"return\": {}}");
	check_file("i", "ppm");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\", \"format\": \"png\"}}",
	        "{\"return\": {}}");
	check_file("i", "png");
	/* What fails loses nothing. */
	answers(r, fd, "{\"execute\": \"x-dump-cache\", \"arguments\": {\"filename\": \"i\"}}",
	        "\"no room\"");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"i\", \"device\": 1}}",
	        "'device'");
	check_file("i", "png");
	/* None is made where the arguments are wrong, or only one that is there is wanted. */
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\", \"device\": 1}}",
	        "'device'");
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", \"filename\": \"j\"}}",
	        "j: No such file");
	answers(r, fd, "{\"execute\": \"x-type-text\", \"arguments\": {\"filename\": \"j\"}}",
	        "'filename' is unexpected");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\", \"format\": \"gif\"}}",
	        "'format' does not accept");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\"}, \"more\": 1}",
	        "member is unexpected");
	int early = call(r);
	hear(early);
	answers(r, early, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\"}}",
	        "Expecting capabilities");
	answers(r, early,
	        "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}",
	        "no capability");
	answers(r, early, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"j\"}}",
	        "Expecting capabilities");
	close(early);
	assert_int_not_equal(access("j", F_OK), 0);
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", \"filename\": \"i\"}}",
	        "{\"return\": {}}");
	assert_string_equal(r->medium, "i");
	assert_int_equal(fcntl(r->medium_fd, F_GETFL) & O_ACCMODE, O_RDWR);
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", "
	        "\"filename\": \"i\", \"read-only-mode\": \"read-only\"}}",
	        "{\"return\": {}}");
	assert_int_equal(fcntl(r->medium_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	/* What could make somebody wait, or has no contents. */
	assert_int_equal(mkfifo("fifo", 0600), 0);
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"fifo\"}}",
	        "fifo: not a plain file");
	answers(r, fd,
	        "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/dev/null\"}}",
	        "/dev/null: not a plain file");
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \".\"}}",
	        ".: Is a directory");
	answers(r, fd, "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"\"}}",
	        ": No such file");
	/* Of values that are listed none is accepted for its beginning. */
	static const char *const modes[] = {"read-onl", "read-only|", "read", "",
	                                    "retain|read-write"};
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
		char text[256];
		snprintf(text, sizeof text,
		         "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": "
		         "\"floppy0\", \"filename\": \"i\", \"read-only-mode\": \"%s\"}}",
		         modes[i]);
		answers(r, fd, text, "'read-only-mode' does not accept");
	}
	answers(r, fd,
	        "{\"execute\": \"blockdev-change-medium\", \"arguments\": {\"id\": \"floppy0\", "
	        "\"filename\": \"i\", \"read-only-mode\": \"read-write\", \"format\": \"raw\", "
	        "\"force\": true}}",
	        "{\"return\": {}}");
	close(fd);
}

/* Commands that follow each other without a pause: each has its own file, and what comes after a
 * wait is answered after it. */
static void test_pipelined(void **state)
{
	static const char *const each[] = {
		"{\"execute\": \"query-name\", \"id\": 1}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"p\", \"format\": \"png\"}, \"id\": 2}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"/none/x\"}, \"id\": 3}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"q\"}, %6000s \"id\": 4}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"r\", \"format\": \"png\"}, \"id\": 5}",
		"{\"execute\": \"add-fd\", \"id\": 6}",
		"{\"execute\": \"x-wait-text\", \"arguments\": {\"text\": \"up\", \"timeout\": 20}, \"id\": 7}",
		"{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"s\"}, \"id\": 8}",
	};
	enum { EACH = sizeof each / sizeof *each };
	struct rig *r = *state;
	int fd = call_ready(r);
	char text[8192] = "", *p = text;
	for (unsigned i = 0; i < EACH; i++) /* one is longer than what is read at once */
		p += snprintf(p, (size_t)(text + sizeof text - p), each[i], "");
	p = text;
	/* In pieces of all lengths, so that files arrive in the midst of what is read. */
	for (unsigned most = 1; most < 5000; most = 2 * most + 1) {
		for (size_t n; (n = strlen(p) < most ? strlen(p) : most); p += n) {
			assert_int_equal(send(fd, p, n, 0), n);
			front_serve(r->front, 0);
		}
		p = text;
		char said[4096] = "";
		size_t length = 0;
		for (unsigned i = 0; i < 1000 && !strstr(said, "\"id\": 8"); i++) {
			int n = snprintf(said + length, sizeof said - length, "%s", hear(fd));
			assert_in_range(n, 0, sizeof said - length - 1);
			length += (size_t)n;
			usleep(1000);
		}
		const char *at = said;
		for (int id = 1; id <= EACH; id++) {
			char wanted[32];
			snprintf(wanted, sizeof wanted, "\"id\": %d}", id);
			const char *next = strstr(at, wanted);
			if (!next)
				fail_msg("%s is not in its place: %s", wanted, said);
			bool good = !memcmp(at, "{\"return\"", 9);
			assert_int_equal(good, id != 3 && id != 6 && id != 7);
			at = next + strlen(wanted) + 2;
		}
		check_file("p", "png");
		check_file("q", "ppm");
		check_file("r", "png");
		check_file("s", "ppm");
		remove_files();
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelined, setup, teardown),
	};
	return cmocka_run_group_tests_name("qmp_files", tests, NULL, NULL);
}
