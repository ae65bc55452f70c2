/* unring-web: shows a machine's screen in browsers (--display web=): Debian's noVNC, and a
 * WebSocket whose other end is a client of RFB.  All names begin with a token, which is in the link
 * that is printed; what does not is not there. */
#define _GNU_SOURCE
#include "base/log.h"
#include "clients.h"
#include "host/fence.h"
#include "page.h"
#include "rfb.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOLDER "/usr/share/novnc"
#define SOCKET_NAME "websockify"

enum { TOKEN = 16, CHUNK = 16384, NAME = 256 };

/* What a connection has: a file on its way, or a bridge. */
struct session {
	const struct page_file *file;
	size_t sent;
	struct lws *bridge; /* to the client's process; NULL: none */
	int fd;             /* its own end of that */
	size_t count;       /* bytes that wait for the browser, */
	uint8_t bytes[LWS_PRE + CHUNK];
};

static struct {
	struct clients *clients;
	struct lws_vhost *host;
	int listener;
	char token[2 * TOKEN + 1];
	bool over;
} web;

/* The name behind the token; NULL: it is not there. */
static const char *behind_token(const char *path)
{
	size_t n = strlen(web.token);
	bool good = *path == '/' && !strncmp(path + 1, web.token, n) && path[n + 1] == '/';
	return good ? path + n + 2 : NULL;
}

/* --- files --- */

static int begin_file(struct lws *wsi, struct session *s, const char *path)
{
	uint8_t head[LWS_PRE + 1024], *from = head + LWS_PRE, *at = from;
	const char *name = behind_token(path);
	s->file = name ? page_find(name) : NULL;
	s->sent = 0;
	if (!s->file)
		return lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, NULL) ? -1 : 0;
	if (lws_add_http_common_headers(wsi, HTTP_STATUS_OK, s->file->type, s->file->count, &at,
	                                head + sizeof head) ||
	    lws_finalize_write_http_header(wsi, from, &at, head + sizeof head))
		return -1;
	lws_callback_on_writable(wsi);
	return 0;
}

static int go_on(struct lws *wsi, struct session *s)
{
	if (!s->file)
		return 0;
	size_t left = s->file->count - s->sent, n = left < CHUNK ? left : CHUNK;
	memcpy(s->bytes + LWS_PRE, s->file->bytes + s->sent, n);
	s->sent += n;
	bool last = s->sent == s->file->count;
	if (lws_write(wsi, s->bytes + LWS_PRE, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) <
	    (int)n)
		return -1;
	if (!last) {
		lws_callback_on_writable(wsi);
		return 0;
	}
	s->file = NULL;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* --- the bridge --- */

static int check_socket(struct lws *wsi)
{
	char path[NAME];
	int n = lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
	const char *name = n > 0 ? behind_token(path) : NULL;
	return name && !strcmp(name, SOCKET_NAME) ? 0 : -1;
}

static int begin_bridge(struct lws *wsi, struct session *s)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	clients_add(web.clients, ends[1]);
	lws_sock_file_fd_type fd = {.filefd = ends[0]};
	s->fd = ends[0];
	s->count = 0;
	s->bridge =
		lws_adopt_descriptor_vhost(web.host, LWS_ADOPT_RAW_FILE_DESC, fd, "bridge", wsi);
	return s->bridge ? 0 : -1;
}

/* More than the pair holds unread is nobody's typing. */
static int from_browser(const struct session *s, const void *bytes, size_t n)
{
	return s->bridge && write(s->fd, bytes, n) == (ssize_t)n ? 0 : -1;
}

static int to_browser(struct lws *wsi, struct session *s)
{
	if (!s->count)
		return 0;
	int n = lws_write(wsi, s->bytes + LWS_PRE, s->count, LWS_WRITE_BINARY);
	bool all = n >= (int)s->count;
	s->count = 0;
	if (s->bridge)
		lws_rx_flow_control(s->bridge, 1);
	return all ? 0 : -1;
}

static int on_web(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t n)
{
	struct session *s = user;
	switch (why) {
	case LWS_CALLBACK_HTTP:
		return begin_file(wsi, s, in);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return go_on(wsi, s);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return check_socket(wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return begin_bridge(wsi, s);
	case LWS_CALLBACK_RECEIVE:
		return from_browser(s, in, n);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return to_browser(wsi, s);
	default:
		return 0;
	}
}

/* The client's process has something for the browser, whose room is for one chunk. */
/* Of the protocols of our own files: none is a browser's. */
static bool is_call(enum lws_callback_reasons why)
{
	return why == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION || why == LWS_CALLBACK_HTTP;
}

static int on_bridge(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t n)
{
	if (is_call(why))
		return -1;
	struct lws *browser = lws_get_parent(wsi);
	struct session *s = browser ? lws_wsi_user(browser) : NULL;
	if (why == LWS_CALLBACK_RAW_CLOSE_FILE && s) {
		s->bridge = NULL;
		lws_set_timeout(browser, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	}
	if (why != LWS_CALLBACK_RAW_RX_FILE || !s || s->count)
		return 0;
	ssize_t got = read(s->fd, s->bytes + LWS_PRE, CHUNK);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0)
		return -1;
	s->count = (size_t)got;
	lws_rx_flow_control(wsi, 0);
	lws_callback_on_writable(browser);
	return 0;
}

/* --- calls, and the machine --- */

static int on_listener(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in,
                       size_t n)
{
	if (why != LWS_CALLBACK_RAW_RX_FILE)
		return is_call(why) ? -1 : 0;
	int fd = accept4(web.listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		lws_adopt_socket_vhost(web.host, fd);
	return 0;
}

static int on_clients(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in,
                      size_t n)
{
	if (is_call(why))
		return -1;
	if (why == LWS_CALLBACK_RAW_RX_FILE)
		web.over |= !clients_serve(web.clients);
	return 0;
}

static const struct lws_protocols protocols[] = {
	{.name = "web", .callback = on_web, .per_session_data_size = sizeof(struct session)},
	{.name = "bridge", .callback = on_bridge},
	{.name = "listener", .callback = on_listener},
	{.name = "clients", .callback = on_clients},
	{0},
};

static bool adopt(int file, const char *protocol)
{
	lws_sock_file_fd_type fd = {.filefd = file};
	return lws_adopt_descriptor_vhost(web.host, LWS_ADOPT_RAW_FILE_DESC, fd, protocol, NULL);
}

static bool make_token(void)
{
	uint8_t random[TOKEN];
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return false;
	for (unsigned i = 0; i < TOKEN; i++)
		snprintf(web.token + 2 * i, 3, "%02x", random[i]);
	return true;
}

static void print_link(void)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t size = sizeof a;
	char text[INET6_ADDRSTRLEN] = "";
	getsockname(web.listener, &a.any, &size);
	bool six = a.any.sa_family == AF_INET6;
	inet_ntop(a.any.sa_family, six ? (void *)&a.v6.sin6_addr : (void *)&a.v4.sin_addr, text,
	          sizeof text);
	report("open http://%s%s%s:%u/%s/vnc.html?path=%s/" SOCKET_NAME
	       "&autoconnect=1&resize=scale&reconnect=1",
	       six ? "[" : "", text, six ? "]" : "", ntohs(six ? a.v6.sin6_port : a.v4.sin_port),
	       web.token, web.token);
}

static void say_nothing(int level, const char *line)
{
}

/* NULL: all is there. */
static const char *begin(struct screen_start *s, struct lws_context **context)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	};
	lws_set_log_level(0, say_nothing);
	if (page_read(FOLDER) || !page_find("vnc.html"))
		return "there is no noVNC in " FOLDER;
	*context = lws_create_context(&info);
	web.host = *context ? lws_create_vhost(*context, &info) : NULL;
	if (!web.host || !make_token())
		return "cannot set up libwebsockets";
	web.clients = clients_create(s, rfb_serve);
	web.listener = s->listener;
	rfb_prepare();
	return adopt(web.listener, "listener") && adopt(clients_file(web.clients), "clients")
	               ? NULL
	               : "cannot watch its files";
}

int main(void)
{
	struct screen_start s;
	struct lws_context *context = NULL;
	if (!screen_begin(&s) || s.listener < 0)
		return 1;
	fence_choose(s.hello.fence);
	const char *problem = begin(&s, &context);
	if (!problem) {
		fence_grant(GRANT_LISTENER, (uint64_t)s.listener, 0);
		print_link();
		fence_enter(FENCE_CLIENTS);
	}
	screen_ready(&s, problem);
	while (!problem && !web.over && lws_service(context, 0) >= 0)
		;
	return problem != NULL;
}
