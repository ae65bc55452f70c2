/* A helper process that waits for files to become ready and then signals the
 * thread that asked: one that runs a guest need not look at them, and can sleep
 * at the price of a timer.  It shares the file descriptors and their list.  A
 * thread would share the windows too, and make changing them dearer. */
#ifndef UNRING_HOST_WATCHER_H
#define UNRING_HOST_WATCHER_H

#include "base/types.h"

struct pollfd;
struct watcher;

/* signo goes to the calling thread, SIGCHLD to the process when the helper is
 * killed.  0 or a negative errno. */
int watcher_create(struct watcher **out, int signo);
bool watcher_lives(struct watcher *w);
void watcher_destroy(struct watcher *w);

/* Waits for these, each another file, in place of those before; one signal is sent when
 * some are ready, and none after it until this is called again. */
void watcher_set(struct watcher *w, const struct pollfd *files, unsigned count);

#endif
