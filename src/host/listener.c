#include "host/listener.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* 0 when the file there is a socket that nobody listens at. */
static int find_stale(const struct sockaddr_un *a)
{
	struct stat st;
	if (lstat(a->sun_path, &st))
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return -errno;
	bool stale = connect(probe, (const struct sockaddr *)a, sizeof *a) &&
	             errno == ECONNREFUSED;
	close(probe);
	return stale ? 0 : -EADDRINUSE;
}

static int listen_at(int fd, const struct sockaddr_un *a, bool is_private)
{
	mode_t mask = umask(0);
	umask(is_private ? 0177 : mask);
	int err = bind(fd, (const struct sockaddr *)a, sizeof *a) ? -errno : 0;
	umask(mask);
	return err ? err : listen(fd, 1) ? -errno : 0;
}

static int listen_or_replace(int fd, const struct sockaddr_un *a, bool is_private)
{
	int err = listen_at(fd, a, is_private);
	if (err != -EADDRINUSE || (err = find_stale(a)))
		return err;
	struct sockaddr_un other = *a;
	strcat(other.sun_path, ".new");
	err = listen_at(fd, &other, is_private);
	if (!err && rename(other.sun_path, a->sun_path)) {
		err = -errno;
		unlink(other.sun_path);
	}
	return err;
}

int listener_open(struct listener *l, const char *path, bool is_private)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	*l = (struct listener){.fd = -1};
	if (strlen(path) + strlen(".new") >= sizeof a.sun_path)
		return -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int err = listen_or_replace(fd, &a, is_private);
	if (!err && lstat(path, &l->file))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	l->fd = fd;
	l->path = strdup(path);
	CHECK(l->path);
	return 0;
}

void listener_close(struct listener *l)
{
	struct stat now;
	/* No other file has its number before the socket is closed. */
	if (l->path && !lstat(l->path, &now) && now.st_ino == l->file.st_ino &&
	    now.st_dev == l->file.st_dev)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	*l = (struct listener){.fd = -1};
}
