/* unring-nbd: serves one disk to unring by the messages of host/served.h, and has it by NBD: from a server, or from
 * a qemu-nbd of its own, which knows formats of images.  unring starts it before its guest, so that it may
 * connect again later; of the guest it has the bytes of one disk.
 *
 * A request that meets a connection which is gone fails; the next one connects anew.  What was written and not
 * flushed may be gone with the server, which the next flush tells. */
#define _GNU_SOURCE
#include "host/fence.h"
#include "host/served.h"

#include <errno.h>
#include <libnbd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Where the broker leaves the socket. */
enum { CHANNEL = 3 };

enum { RETRY_FIRST_MS = 100, RETRY_MOST_MS = 5000 };

static struct {
	struct served_source source;
	struct nbd_handle *nbd; /* NULL: there is no connection */
	int said;               /* a file without a name, of what qemu-nbd said */
	uint64_t bytes;
	bool unflushed, lost; /* writes; those that no flush had made safe */
	int64_t retry_at, retry_ms;
} disk = {.said = -1};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- connecting --- */

/* The value of an option of qemu-nbd's, whose commas are doubled. */
static void put_name(char *to, const char *name)
{
	do {
		*to++ = *name;
		if (*name == ',')
			*to++ = ',';
	} while (*name++);
}

/* The file is named by its driver, or qemu-nbd would take some names for addresses. */
static int start_server(struct nbd_handle *nbd)
{
	static char image[2 * PATH_MAX + 128];
	char *argv[] = {"qemu-nbd",
	                "--shared=1",
	                "--cache=writeback",
	                "--image-opts",
	                image,
	                disk.source.readonly ? "--read-only" : NULL,
	                NULL};
	int n = snprintf(image, sizeof image,
	                 "driver=%s,file.driver=file,file.filename=", disk.source.format);
	put_name(image + n, disk.source.name);
	int console = dup(STDERR_FILENO);
	close(disk.said);
	disk.said = memfd_create("said", MFD_CLOEXEC);
	dup2(disk.said, STDERR_FILENO);
	int err = nbd_connect_systemd_socket_activation(nbd, argv);
	dup2(console, STDERR_FILENO);
	close(console);
	return err;
}

/* nbd:unix:PATH[:exportname=NAME] is QEMU's; the rest is that of NBD's uri.md. */
static int connect_address(struct nbd_handle *nbd)
{
	static const char own[] = "nbd:unix:", export[] = ":exportname=";
	char *path = disk.source.name + strlen(own);
	if (strncmp(disk.source.name, own, strlen(own)))
		return nbd_connect_uri(nbd, disk.source.name);
	char *name = strstr(path, export);
	if (!name)
		return nbd_connect_unix(nbd, path);
	*name = 0;
	int err = nbd_set_export_name(nbd, name + strlen(export));
	err = err ? err : nbd_connect_unix(nbd, path);
	*name = export[0];
	return err;
}

/* What was wrong, in a line: the last of qemu-nbd's, which is its own of many. */
static void tell(char *why)
{
	static const char own[] = "qemu-nbd: ";
	char text[1024] = "";
	ssize_t n = *disk.source.format ? pread(disk.said, text, sizeof text - 1, 0) : 0;
	if (n > 0) {
		text[strcspn(text, "\n")] = 0;
		snprintf(why, SERVED_WHY, "%s%.180s", strncmp(text, own, strlen(own)) ? own : "",
		         text);
		return;
	}
	const char *error = nbd_get_error();
	const char *behind = error ? strstr(error, ": ") : NULL; /* the function's name */
	snprintf(why, SERVED_WHY, "%.180s", behind ? behind + 2 : error ? error : "no server");
}

static bool is_there(const char *program)
{
	const char *path = getenv("PATH");
	char at[PATH_MAX];
	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		snprintf(at, sizeof at, "%.*s/%s", (int)n, path, program);
		if (!access(at, X_OK))
			return true;
	}
	return false;
}

/* A handle that is connected, or NULL, and why. */
static struct nbd_handle *connect_to(char *why)
{
	bool starts = *disk.source.format;
	struct nbd_handle *nbd = NULL;
	if (starts && !is_there("qemu-nbd"))
		snprintf(why, SERVED_WHY, "there is no qemu-nbd (of Debian's package qemu-utils)");
	else if (!(nbd = nbd_create()) || (starts ? start_server(nbd) : connect_address(nbd)))
		tell(why);
	else if (!disk.source.readonly && nbd_is_read_only(nbd) != 0)
		snprintf(why, SERVED_WHY, "its server lets it only be read (,readonly)");
	else
		return nbd;
	nbd_close(nbd);
	return NULL;
}

static void lose(void)
{
	nbd_close(disk.nbd);
	disk.nbd = NULL;
	disk.lost |= disk.unflushed;
	disk.unflushed = false;
}

static bool is_connected(void)
{
	char why[SERVED_WHY];
	if (disk.nbd)
		return true;
	if (now_ms() < disk.retry_at)
		return false;
	disk.nbd = connect_to(why);
	if (disk.nbd && nbd_get_size(disk.nbd) == (int64_t)disk.bytes) {
		disk.retry_ms = 0;
		return true;
	}
	if (disk.nbd)
		lose(); /* another disk */
	disk.retry_ms = disk.retry_ms ? 2 * disk.retry_ms : RETRY_FIRST_MS;
	if (disk.retry_ms > RETRY_MOST_MS)
		disk.retry_ms = RETRY_MOST_MS;
	disk.retry_at = now_ms() + disk.retry_ms;
	return false;
}

/* --- serving --- */

static int flush(void)
{
	bool lost = disk.lost;
	disk.lost = false;
	if (nbd_can_flush(disk.nbd) == 1 && nbd_flush(disk.nbd, 0))
		return -1;
	disk.unflushed = false;
	if (lost)
		errno = EIO;
	return lost ? -1 : 0;
}

static int carry_out(const struct served_request *r, struct served_answer *a)
{
	int failed;
	if (!is_connected())
		return -EIO;
	switch (r->op) {
	case SERVED_READ:
		failed = nbd_pread(disk.nbd, a->bytes, r->n, r->at, 0);
		break;
	case SERVED_WRITE:
		failed = nbd_pwrite(disk.nbd, r->bytes, r->n, r->at, 0);
		disk.unflushed = true;
		break;
	default:
		failed = flush();
	}
	int err = failed ? -EIO : 0;
	if (failed && (nbd_get_errno() == ENOSPC || nbd_get_errno() == EPERM))
		err = -nbd_get_errno();
	if (nbd_aio_is_dead(disk.nbd) || nbd_aio_is_closed(disk.nbd))
		lose();
	return err;
}

static void serve(void)
{
	static struct served_request r;
	static struct served_answer a;
	size_t head = offsetof(struct served_request, bytes);
	ssize_t got;
	while ((got = recv(CHANNEL, &r, sizeof r, 0)) >= (ssize_t)head && r.op != SERVED_END) {
		bool good = r.n <= SERVED_ROOM && r.op <= SERVED_FLUSH && r.at <= disk.bytes &&
		            r.n <= disk.bytes - r.at &&
		            (size_t)got == head + (r.op == SERVED_WRITE ? r.n : 0);
		a.err = good ? carry_out(&r, &a) : -EINVAL;
		size_t n = offsetof(struct served_answer, bytes);
		send(CHANNEL, &a, n + (!a.err && r.op == SERVED_READ ? r.n : 0), MSG_NOSIGNAL);
	}
}

int main(void)
{
	struct served_export e = {0};
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL); /* who starts a server waits for it */
	signal(SIGPIPE, SIG_IGN);
	fence_choose(FENCE_ON);
	fence_strip();
	if (recv(CHANNEL, &disk.source, sizeof disk.source, 0) != sizeof disk.source) {
		fputs("unring-nbd: unring starts it, for a --disk\n", stderr);
		return 2;
	}
	disk.nbd = connect_to(e.why);
	if (disk.nbd)
		disk.bytes = (uint64_t)nbd_get_size(disk.nbd);
	if (disk.nbd && !disk.bytes)
		snprintf(e.why, sizeof e.why, "it is empty");
	e.bytes = disk.bytes;
	send(CHANNEL, &e, sizeof e, MSG_NOSIGNAL);
	if (e.bytes)
		serve();
	/* A server of its own is waited for, which still holds the image; who waits sees the socket close. */
	nbd_close(disk.nbd);
	return 0;
}
