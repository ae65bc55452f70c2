/* What a run writes beside what its guest does: log, statistics, dumps; the debug port's sink. */
#include "machine/internal.h"

#include "base/log.h"
#include "base/stats.h"
#include "host/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void records_failed(struct machine *m, const char *option, const char *path, int error)
{
	report("%s%s%s: %s", option, path ? " " : "", path ? path : "", strerror(error));
	m->write_failed = true;
}

void records_sink_failed(void *ctx, const struct sink *s, int error)
{
	struct machine *m = ctx;
	const struct machine_config *c = &m->config;
	if (s == &m->debugcon_sink) {
		records_failed(m, "--debugcon", c->debugcon.text, error);
	} else if (s == &m->stdout_sink) {
		records_failed(m, "standard output", NULL, error);
		if (error == EPIPE) { /* nobody will see the rest */
			m->reader_gone = true;
			control_quit(&m->control, 1);
		}
	} else {
		records_failed(m, "--serial", c->serial.text, error);
	}
}

/* The end of a file that was written to by stdio. */
static void check_written(struct machine *m, FILE *f, const char *option, const char *path)
{
	if (fflush(f) || ferror(f))
		records_failed(m, option, path, errno);
}

void records_flush(struct machine *m)
{
	serial_flush(m->serial);
	sink_flush(&m->stdout_sink);
	if (m->debugcon)
		sink_flush(m->debugcon);
}

void records_stats(struct machine *m)
{
	if (!m->config.stats.given)
		return;
	FILE *f = m->stats_file ? m->stats_file : stderr;
	stats_write(f);
	monitor_stats_write(m->monitor, f);
	fprintf(f, "seconds %.3f\n", gtime_now(m->time) / 1e9);
	check_written(m, f, "--stats", m->config.stats.path);
}

/* --dump-cache and --verify. */
void records_check_code(struct machine *m, const char *dump_path)
{
	const struct machine_config *c = &m->config;
	char *dump = NULL;
	size_t bytes;
	FILE *f = open_memstream(&dump, &bytes);
	CHECK(f);
	int err = monitor_dump(m->monitor, f);
	if (fclose(f))
		err = -ENOMEM;
	if (err)
		report("cannot dump the cache: %s", strerror(-err));
	if (err || (c->verify && !c->checker(dump, bytes)))
		m->bad_code = true;
	if (!err && dump_path && (err = file_replace(m->dump_fd, dump, bytes)))
		records_failed(m, "--dump-cache", dump_path, -err);
	free(dump);
}

bool records_open(struct machine *m, struct problem *p)
{
	const struct machine_config *c = &m->config;
	struct outputs *s = &m->outputs;
	m->stdout_sink.fd = STDOUT_FILENO;
	m->stdout_sink.give_up = m->debugcon_sink.give_up = &m->control.end_signal;
	m->stdout_sink.failed = m->debugcon_sink.failed = records_sink_failed;
	m->stdout_sink.ctx = m->debugcon_sink.ctx = m;
	if (c->log.path && !(m->log_file = output_stream(s, "--log ", c->log.path, p)))
		return false;
	if (c->stats.path && !(m->stats_file = output_stream(s, "--stats ", c->stats.path, p)))
		return false;
	if (c->dump_cache && (m->dump_fd = output_open(s, "--dump-cache ", c->dump_cache, p)) < 0)
		return false;
	if (c->debugcon.kind == STREAM_STDIO) {
		m->debugcon = &m->stdout_sink;
	} else if (c->debugcon.kind) {
		m->debugcon = &m->debugcon_sink;
		m->debugcon->fd = output_open(s, "--debugcon ", c->debugcon.path, p);
		return m->debugcon->fd >= 0;
	}
	return true;
}

bool records_begin(struct machine *m, struct problem *p)
{
	if (!outputs_begin(&m->outputs, p))
		return false;
	if (m->log_file)
		log_open(m->config.log.categories, m->log_file);
	m->log_file = NULL; /* the log's */
	return true;
}

void records_close(struct machine *m)
{
	if (m->debugcon_sink.fd >= 0)
		close(m->debugcon_sink.fd);
	if (m->stats_file)
		fclose(m->stats_file);
	if (m->dump_fd >= 0)
		close(m->dump_fd);
	if (m->log_file)
		fclose(m->log_file);
	log_close();
}
