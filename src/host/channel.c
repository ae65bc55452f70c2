#define _GNU_SOURCE
#include "host/channel.h"

#include "host/fence.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(CHANNEL_FILES * sizeof(int))];
};

static int sent(ssize_t n)
{
	return n < 0 ? -errno : 0;
}

int channel_send(int fd, const void *bytes, size_t n, const int *files, unsigned n_files)
{
	if (!n_files)
		return sent(send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL));
	union control room = {.head = {.cmsg_len = CMSG_LEN(n_files * sizeof *files),
	                               .cmsg_level = SOL_SOCKET,
	                               .cmsg_type = SCM_RIGHTS}};
	memcpy(CMSG_DATA(&room.head), files, n_files * sizeof *files);
	struct iovec v = {(void *)(uintptr_t)bytes, n};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = CMSG_SPACE(n_files * sizeof *files)};
	return sent(sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL));
}

long channel_receive(int fd, void *to, size_t n)
{
	ssize_t got = recv(fd, to, n, MSG_DONTWAIT);
	return got < 0 ? errno == EINTR ? -EAGAIN : -errno : got;
}

long channel_wait(int fd, void *to, size_t n, int files[CHANNEL_FILES])
{
	union control room;
	struct iovec v = {to, n};
	struct msghdr h = {.msg_iov = &v,
	                   .msg_iovlen = 1,
	                   .msg_control = room.bytes,
	                   .msg_controllen = sizeof room.bytes};
	ssize_t got;
	while ((got = recvmsg(fd, &h, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	const struct cmsghdr *c = got >= 0 ? CMSG_FIRSTHDR(&h) : NULL;
	memset(files, -1, CHANNEL_FILES * sizeof *files);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(files, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return got < 0 ? -errno : got;
}

void channel_grant(int fd)
{
	fence_grant(GRANT_SOCKET, (uint64_t)fd, 0);
}

void channel_close(int fd)
{
	close(fd);
}
