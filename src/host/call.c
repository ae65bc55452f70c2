#define _GNU_SOURCE
#include "host/call.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int call_open(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&a, sizeof a))
		return fd;
	int err = -errno;
	close(fd);
	return err;
}

static ssize_t send_with(int fd, const void *bytes, size_t n, int file)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {0};
	struct iovec v = {(void *)bytes, n};
	struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1};
	if (file >= 0) {
		h.msg_control = room.bytes;
		h.msg_controllen = sizeof room.bytes;
		room.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof file),
		                             .cmsg_level = SOL_SOCKET,
		                             .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&room.head), &file, sizeof file);
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL);
}

int call_send(int fd, const void *bytes, size_t n, int file)
{
	const char *p = bytes;
	while (n) {
		ssize_t done = send_with(fd, p, n, file);
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done <= 0)
			continue;
		p += done;
		n -= (size_t)done;
		file = -1;
	}
	return 0;
}

long call_receive(int fd, void *to, size_t most, int timeout_ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	int ready = poll(&p, 1, timeout_ms);
	if (!ready)
		return -EAGAIN;
	ssize_t n = ready < 0 ? -1 : recv(fd, to, most, 0);
	return n < 0 ? -errno : n;
}
